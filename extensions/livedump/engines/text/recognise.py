"""What a text looks like that is no debugger's, so that a refusal can say it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

SEEN = 400
"""Lines that are looked at."""
MIN_HITS = 2

_LOOKS = tuple(
    (what, re.compile(rf"\s*(?:{'|'.join(beginnings)})"))
    for what, beginnings in {
        "a process in the debugger, not the kernel: a user-mode session": (r"\d{1,4}:\d{3}(?::\w+)?> ",),
        "the log of another system's kernel": (
            r".{0,40}(?:Kernel panic - not syncing|Oops: |Call Trace:|BUG: unable to handle)",
        ),
        "a macOS crash report": (r"Incident Identifier:", r"panic\(cpu \d+ caller", r"Process:\s+\S+ \[\d+\]$"),
        "a Java or Python stack trace": (
            r"at [\w.$]+\([\w.]+:\d+\)", r"Traceback \(most recent", r'File ".{1,200}", line \d+',
        ),
        "a code that was looked up, with nothing of a dump": (r"(?:\d{1,4}: )?l?kd> ?!analyze .*-show\b",),
        "parameters of a bug check without its code": (r"Arg[1-4]: ", r"BUGCHECK_P[1-4]: "),
        "a list of processes or modules": (r"PROCESS [0-9a-f`]{8,17}\s*$", r"start\s+end\s+module name"),
        "messages about symbols": (r"SYMSRV:", r"DBGHELP:", r"\*\*\* (?:WARNING|ERROR): .*(?:symbols|timestamp)"),
        "a list of settings": (r"[\w.\[\]-]{1,60}\s?=\s?\S",),
        "JSON": (r'[{\[]\s*(?:"|$|\{)', r'"[\w .-]{1,60}":\s'),
        "HTML or XML": (r"<[!?/]?[A-Za-z]",),
        "source code": ("#include", "import ", r"from \w+ import", "def ", "class ", "#define", "namespace ", "using "),
        "a table of comma-separated values": (r"[^,]{1,80}(?:,[^,]{0,80}){3,}$",),
    }.items()
)  # fmt: skip

_SURE = frozenset({"a code that was looked up, with nothing of a dump", "parameters of a bug check without its code"})
"""One line of these is enough."""


def what_it_looks_like(lines: Sequence[str]) -> str:
    """Half a sentence: ``it looks like JSON``."""
    filled = list(islice((line for line in lines if line.strip()), SEEN))
    if not filled:
        return "it is empty"
    for what, pattern in _LOOKS:
        hits = sum(map(bool, map(pattern.match, filled)))
        sure = hits and what in _SURE
        if sure or (hits >= min(MIN_HITS, len(filled)) and hits * 4 >= min(len(filled), 20)):
            return f"it looks like {what}"
    words = sum(len(line.split()) for line in filled)
    return "it looks like prose" if words > 6 * len(filled) else "it looks like no output of a debugger"
