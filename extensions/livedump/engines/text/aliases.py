"""The debugger's list of aliases, in which the words given to a script file stand while it runs."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ARGUMENT = re.compile(r" *\$arg(\d{1,4}) +(.*?) ?$")


def parse_script_arguments(lines: Iterable[str]) -> tuple[str, ...]:
    """What ``al`` says of the file that ``$$>a<`` runs: its path, then each word; empty where none runs."""
    found = {int(each.group(1)): each.group(2) for each in map(_ARGUMENT.match, lines) if each}
    return tuple(found[number] for number in sorted(found))
