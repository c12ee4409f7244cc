"""What blocks of secondary data hold, by tag, from ``secondary_data.txt``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

from livedump.reference.entries import Entry, iter_sections


class SecondaryDataTag(NamedTuple):
    """One known tag."""

    guid: str
    """Upper case, 8-4-4-4-12."""
    name: str
    """What the block holds, and whose it is."""
    documented: bool
    """Whether documentation says so; otherwise it was read off the bytes of dumps."""
    private: bool
    """Whether the block can hold what should not be shared: serial numbers, paths, text of events."""


def secondary_data_name(guid: str) -> str | None:
    """What a block with that tag holds; None when nobody knows. The tag in any case, with or without braces and dashes.

    Raises:
        BadEntry: the data file is damaged; names the line.
    """
    known = find_secondary_data(guid)
    return known.name if known else None


def find_secondary_data(guid: str) -> SecondaryDataTag | None:
    """All that is known about a tag; None when that is nothing. Accepts what ``secondary_data_name`` accepts.

    Raises:
        BadEntry: the data file is damaged; names the line.
    """
    return _tags().get(_digits(guid))


def read_secondary_data(path: Path) -> dict[str, SecondaryDataTag]:
    """Tags by their 32 hex digits, from a file in the format of ``secondary_data.txt``.

    Raises:
        BadEntry: names the line and what was expected there.
    """
    tags: dict[str, SecondaryDataTag] = {}
    for section in iter_sections(path):
        if section.title.text not in _SECTIONS:
            raise section.title.bad(f"expected a section of {', '.join(_SECTIONS)}, got {section.title.text!r}")
        for entry in section.entries():
            tag = _parse(entry, documented=section.title.text == "documented")
            if tags.setdefault(_digits(tag.guid), tag) is not tag:
                raise entry.bad(f"{tag.guid} stands above already")
    return tags


_SECTIONS = ("documented", "observed")
_PRIVATE = "(private)"
_GROUPS = [8, 4, 4, 4, 12]


@cache
def _tags() -> dict[str, SecondaryDataTag]:
    return read_secondary_data(Path(__file__).with_name("secondary_data.txt"))


def _parse(entry: Entry, documented: bool) -> SecondaryDataTag:
    guid, _, name = entry.text.partition(" ")
    groups = guid.split("-")
    if [len(group) for group in groups] != _GROUPS or not set("".join(groups)) <= set("0123456789ABCDEF"):
        raise entry.bad(f"expected a tag like 270A33FD-3DA6-460D-BA89-3C1BAE21E39B in upper case, got {guid!r}")
    private = name.strip().startswith(_PRIVATE)
    name = name.strip()[len(_PRIVATE) if private else 0 :].strip()
    if not name:
        raise entry.bad("expected what the block holds behind its tag")
    return SecondaryDataTag(guid, name, documented, private)


def _digits(guid: str) -> str:
    return guid.strip("{}").replace("-", "").upper()
