"""Live dump codes as text."""

from __future__ import annotations

from textwrap import wrap

from livedump.reference.codes import LiveCode, bug_check_name, find_live_code, live_codes
from livedump.report.text import format_table

_CRASH = {
    True: "also a real bug check",
    False: "never a real bug check",
    None: "not known whether it can be a bug check",
}


def format_codes() -> str:
    """All live dump codes, one line each, by number."""
    rows = [(f"{code.code:#x}", code.name, code.component) for code in live_codes()]
    return "\n".join(format_table(rows, headers=("Code", "Name", "Component"))) + "\n"


def format_code(code: int) -> str | None:
    """One code with its meaning and parameters; None when it is not known at all."""
    known = find_live_code(code)
    if known:
        return _live(code, known)
    name = bug_check_name(code)
    return f"{name} ({code:x})\nA bug check; it is not known to mark live dumps.\n" if name else None


def _live(code: int, known: LiveCode) -> str:
    lines = [f"{known.name} ({code:x})", *wrap(known.meaning, 100), f"Live dump code, {_CRASH[known.can_crash]}.", ""]
    lines += format_table((f"Arg{index}", text) for index, text in enumerate(known.parameters, 1))
    lines += ["", f"Component: {known.component}"]
    lines += [f"Folder:    LiveKernelReports\\{known.folder}"] if known.folder else []
    return "\n".join(lines) + "\n"
