"""Names that tell nothing of anybody, from ``public_names.txt``."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cache
from pathlib import Path

from livedump.reference.entries import iter_sections

_SHORTENED = (14, 15)
"""Bytes of EPROCESS.ImageFileName that hold the name: with and without a zero behind it."""


class NameClass(Enum):
    """A section of the file."""

    PROGRAM = "programs"
    FOLDER = "folders"
    FILE = "files"
    ENDING = "endings"
    HOST = "hosts"
    ACCOUNT = "accounts"
    OBJECT_TYPE = "object types"


def is_public(name: str, kind: NameClass) -> bool:
    """Whether the name is one of those of that class, in any case.

    Raises:
        BadEntry: the data file is damaged; names the line.
    """
    return name.casefold() in _names()[kind]


def read_public_names(path: Path) -> Mapping[NameClass, frozenset[str]]:
    """All names of a file in the format of ``public_names.txt``, in small letters.

    Raises:
        BadEntry: names the line and what was expected there.
    """
    found: dict[NameClass, frozenset[str]] = {}
    for section in iter_sections(path):
        try:
            kind = NameClass(section.title.text)
        except ValueError:
            known = ", ".join(each.value for each in NameClass)
            raise section.title.bad(f"expected one of {known}, got {section.title.text!r}") from None
        names: set[str] = set()
        for entry in section.entries():
            if entry.text.casefold() in names:
                raise entry.bad(f"{entry.text} stands above already")
            names.add(entry.text.casefold())
        found[kind] = frozenset(names)
    return found


@cache
def _names() -> Mapping[NameClass, frozenset[str]]:
    names = dict(read_public_names(Path(__file__).with_name("public_names.txt")))
    programs = names[NameClass.PROGRAM]
    names[NameClass.PROGRAM] = programs | {name[:size] for name in programs for size in _SHORTENED}
    return names
