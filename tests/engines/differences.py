"""Where the debugger, with pykd in it, tells less than the native engine of a made-up dump, and why."""

from __future__ import annotations

from collections.abc import Mapping

NO_UNWIND_DATA = "the dump lacks the images' unwind data: the debugger shows the innermost frame, we search the stack"
TRIAGE_COPY = "a triage dump holds the process as a copy, no memory: the debugger does not look into it"
NO_TABLES = "page tables are of 32 bits: the debugger finds no page, we say that it is not known"
FROM_OUTSIDE = "no processor wrote the dump: the debugger shows what the empty context of the header leads to"
NO_LIST = "the list is empty: the debugger says nothing, which may also mean that it does not know"

DIFFERENCES: Mapping[str, Mapping[str, str]] = {
    "no-kdbg-symbols": {"stack": NO_UNWIND_DATA, "stacks": NO_UNWIND_DATA, "verdict": NO_UNWIND_DATA},
    "triage-live-141": {"process": TRIAGE_COPY},
    "triage-old-141": {"process": TRIAGE_COPY},
    "qemu-guest": dict.fromkeys(("process", "stack", "verdict"), FROM_OUTSIDE),
    "elf2dmp": {
        "dump": "the header has no times: the debugger takes the uptime out of the shared data",
        **dict.fromkeys(("process", "stack", "verdict"), FROM_OUTSIDE),
    },
    "x86-header": {"contents": NO_TABLES},
    "arm64-triage": {"unloaded": NO_LIST},
}
"""Name of the dump, question, reason: all that there are, with either engine."""
