"""The codes as a list to look things up in."""

from __future__ import annotations

from typing import NamedTuple

from livedump.model.addresses import ShortHex
from livedump.model.errors import NotKnown
from livedump.reference.codes import LiveCode, bug_check_name, find_live_code, live_codes


class BugCheckName(NamedTuple):
    """A bug check that is not known to mark live dumps."""

    code: ShortHex
    name: str


class CodeList(NamedTuple):
    """What is known of the codes that were asked for."""

    codes: tuple[LiveCode, ...]
    bug_check: BugCheckName | None = None
    """In place of ``codes``."""


def find_codes(code: int | None = None) -> CodeList:
    """What is known of one code; of all live dump codes when None.

    Raises:
        NotKnown: it is neither a live dump code nor a bug check.
        BadEntry: the data file is damaged; names the line.
    """
    if code is None:
        return CodeList(live_codes())
    known = find_live_code(code)
    if known:
        return CodeList((known,))
    name = bug_check_name(code)
    if name is None:
        raise NotKnown(f"{code:#x} is neither a known live dump code nor a known bug check")
    return CodeList((), BugCheckName(code, name))
