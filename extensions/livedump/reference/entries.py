"""The data files of this room: text that a reviewer edits without reading Python.

A line is an entry, a ``[section]`` header, or a comment that starts with ``#``. Each module says what its entries hold.
"""

from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from livedump.model.errors import DumpError


class BadEntry(DumpError):
    """A line of a data file that says nothing readable; the message names file and line."""

    category = "reference"

    def __init__(self, file: str, line: int, problem: str) -> None:
        self.file = file
        """Name without folder."""
        self.line = line
        """Counted from 1, as editors do; 0 for the file as a whole."""
        super().__init__(f"{file}:{line}: {problem}")


class Entry(NamedTuple):
    """One line that is neither empty nor a comment."""

    file: str
    line: int
    text: str
    """Without white space at either end; never empty."""

    def bad(self, problem: str) -> BadEntry:
        """The error that names this line, to be raised."""
        return BadEntry(self.file, self.line, problem)

    def hexadecimal(self, text: str) -> int:
        """The number in a part of this line, which must be written like ``0x161``.

        Raises:
            BadEntry: it is not.
        """
        if text[:2] == "0x" and text[2:].isalnum():
            try:
                return int(text[2:], 16)
            except ValueError:
                pass
        raise self.bad(f"expected a number like 0x161, got {text!r}")


class TitledEntries(NamedTuple):
    """A ``[title]`` and the lines under it, which are not looked at before somebody asks."""

    title: Entry
    """Its text is what stands between the brackets."""
    lines: Sequence[str]
    """As they stand in the file."""

    def entries(self) -> Iterator[Entry]:
        """The entries of the section in file order."""
        return _entries(self.title.file, self.lines, self.title.line + 1)


def iter_entries(path: Path) -> Iterator[Entry]:
    """The entries of a file without sections, in file order.

    Raises:
        BadEntry: the file cannot be read or is not UTF-8.
    """
    return _entries(path.name, _read_lines(path), 1)


def iter_sections(path: Path) -> Iterator[TitledEntries]:
    """The sections of a file in file order.

    Raises:
        BadEntry: an entry stands before the first header, or a header does not end in ``]``.
    """
    lines = _read_lines(path)
    starts = [index for index, line in enumerate(lines) if line[:1] == "["]
    for entry in _entries(path.name, lines[: starts[0] if starts else None], 1):
        raise entry.bad("expected a [section] before the first entry")
    for start, end in zip(starts, [*starts[1:], len(lines)]):
        yield TitledEntries(_title(Entry(path.name, start + 1, lines[start].strip())), lines[start + 1 : end])


def read_names(path: Path) -> dict[int, str]:
    """Names by number, from a file of lines like ``0x00000161 LIVE_SYSTEM_DUMP``.

    Raises:
        BadEntry: a line is not of that shape, or gives a second name to a number.
    """
    names: dict[int, str] = {}
    for entry in iter_entries(path):
        number, _, name = entry.text.partition(" ")
        value, name = entry.hexadecimal(number), name.strip()
        if not name.isidentifier():
            raise entry.bad(f"expected a name of letters, digits and underscores after the number, got {name!r}")
        if names.setdefault(value, name) is not name:
            raise entry.bad(f"{number} stands above already, as {names[value]}")
    return names


def _entries(file: str, lines: Sequence[str], first: int) -> Iterator[Entry]:
    for number, line in enumerate(lines, first):
        text = line.strip()
        if text and text[0] != "#":
            yield Entry(file, number, text)


def _title(entry: Entry) -> Entry:
    title = entry.text[1:-1].strip()
    if entry.text[-1] != "]" or not title:
        raise entry.bad(f"expected a header like [section], got {entry.text!r}")
    return entry._replace(text=title)


def _read_lines(path: Path) -> list[str]:
    try:
        data = path.read_bytes().removeprefix(BOM_UTF8)  # Notepad puts one in front
    except OSError as error:
        raise BadEntry(path.name, 0, f"cannot be read: {error.strerror}") from error
    try:
        return data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadEntry(path.name, line, "not UTF-8: save the file as UTF-8") from error
