"""The name of a process in debugger text, without what stands behind it."""

from __future__ import annotations

import re

_PROGRAM = re.compile(r"(.{1,60}?\.(?:exe|com|scr|bin|tmp))(?=\s+\S)", re.IGNORECASE)
_WITH_BLANK = frozenset({"secure system", "memory compression", "system interrupts", "system idle process"})


def clean_process_name(text: str | None) -> tuple[str | None, str | None]:
    """The name, and a word on what was cut off behind it; None where there is no name, and where nothing was cut.

    A name may hold blanks, but hardly any does: what follows one is another text that ran into the line.
    """
    value = (text or "").strip()
    if not value or (" " not in value and "\t" not in value) or value.lower() in _WITH_BLANK:
        return value or None, None
    program = _PROGRAM.match(value)
    name = program.group(1) if program else value.split(None, 1)[0]
    return name, f"behind the process name {name} stood more, which was left out"
