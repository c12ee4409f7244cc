"""The text format of the data files, and errors that lead an editor to the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from livedump.model.errors import DumpError
from livedump.reference.entries import BadEntry, iter_entries, iter_sections, read_names


def file_of(folder: Path, content: str | bytes) -> Path:
    path = folder / "facts.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_comments_and_empty_lines_are_no_entries_and_lines_count_from_one(tmp_path: Path) -> None:
    entries = list(iter_entries(file_of(tmp_path, "# why\n\n  first  \n#\nsecond # not a comment\n")))
    assert [(entry.line, entry.text) for entry in entries] == [(3, "first"), (5, "second # not a comment")]


@pytest.mark.parametrize("content", [b"\xef\xbb\xbfone\r\ntwo\r\n", b"one\ntwo", b"one\n\ttwo\t\n\n"])
def test_what_editors_do_to_a_file_changes_nothing(tmp_path: Path, content: bytes) -> None:
    # A byte order mark and CRLF from Notepad, no newline at the end, tabs.
    assert [entry.text for entry in iter_entries(file_of(tmp_path, content))] == ["one", "two"]


def test_sections_hold_the_lines_up_to_the_next_header(tmp_path: Path) -> None:
    sections = list(iter_sections(file_of(tmp_path, "# head\n[ a ]\n1\n\n2\n[b]\n[c]\n# none\n3")))
    assert [(s.title.text, s.title.line) for s in sections] == [("a", 2), ("b", 6), ("c", 7)]
    assert [[(e.line, e.text) for e in s.entries()] for s in sections] == [[(3, "1"), (5, "2")], [], [(9, "3")]]


def test_a_file_without_sections_yields_none(tmp_path: Path) -> None:
    assert list(iter_sections(file_of(tmp_path, "# nothing yet\n"))) == []


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        (b"# c\nstray\n[a]\n", 2, "before the first entry"),
        (b"stray\n", 1, "before the first entry"),
        (b"[a]\n1\n[b\n", 3, "header like [section]"),
        (b"[]\n", 1, "header like [section]"),
        (b"[\n", 1, "header like [section]"),
        (b"[a]\ncaf\xe9\n", 2, "UTF-8"),
    ],
)
def test_a_bad_section_is_named_by_file_and_line(tmp_path: Path, content: bytes, line: int, problem: str) -> None:
    with pytest.raises(BadEntry, match=rf"^facts\.txt:{line}: ") as caught:
        list(iter_sections(file_of(tmp_path, content)))
    assert problem in str(caught.value)
    assert (caught.value.file, caught.value.line, caught.value.category) == ("facts.txt", line, "reference")


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadEntry, match=r"^none\.txt:0: cannot be read: "):
        list(iter_entries(tmp_path / "none.txt"))


def test_a_damaged_data_file_keeps_one_question_from_being_answered_not_the_report() -> None:
    assert issubclass(BadEntry, DumpError)


def test_names_by_number(tmp_path: Path) -> None:
    assert read_names(file_of(tmp_path, "0x1 ONE\n0xAB   TWO_2\n")) == {1: "ONE", 0xAB: "TWO_2"}


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        ("0x1 ONE\n2 TWO\n", 2, "expected a number like 0x161, got '2'"),
        ("0x1 ONE\n0xZZ TWO\n", 2, "expected a number like 0x161, got '0xZZ'"),
        ("0x ONE\n", 1, "expected a number like 0x161, got '0x'"),
        ("0x-1 ONE\n", 1, "expected a number like 0x161, got '0x-1'"),
        ("0x1_0 ONE\n", 1, "expected a number like 0x161, got '0x1_0'"),
        ("0x1\n", 1, "expected a name"),
        ("0x1 ONE TWO\n", 1, "expected a name"),
        ("# c\n0x1 ONE\n\n0x01 OTHER\n", 4, "0x01 stands above already, as ONE"),
        ("0x1 ONE\n0x1 ONE\n", 2, "0x1 stands above already, as ONE"),
    ],
)
def test_a_bad_name_is_named_by_file_and_line(tmp_path: Path, content: str, line: int, problem: str) -> None:
    with pytest.raises(BadEntry) as caught:
        read_names(file_of(tmp_path, content))
    assert str(caught.value).startswith(f"facts.txt:{line}: {problem}")
