"""Where files lie in folders and stores."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from livedump.model.errors import SymbolError
from livedump.symbols.files.store import StoreEntry, compressed_file, iter_files_below, pointed_file, store_folder

KEY = "0123456789ABCDEF0123456789ABCDEF1"
ENTRY = StoreEntry("ntkrnlmp.pdb", KEY)
ANY_CASE = pytest.mark.skipif(os.name == "nt", reason="the file system does it there")


def put(root: Path, *parts: str, text: str = "x") -> Path:
    """A file below a folder."""
    path = root.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_folder_holds_files_and_may_be_a_store(tmp_path: Path) -> None:
    flat = put(tmp_path, ENTRY.name + "x").with_name(ENTRY.name + "x")
    kept = put(tmp_path, "s", ENTRY.name, KEY, ENTRY.name)
    assert list(iter_files_below(tmp_path / "s", ENTRY, flat=True)) == [kept]
    assert flat.is_file()
    assert list(iter_files_below(tmp_path, StoreEntry(flat.name, KEY), flat=True)) == [flat]


def test_a_store_is_not_looked_into_as_a_folder(tmp_path: Path) -> None:
    put(tmp_path, ENTRY.name)
    assert list(iter_files_below(tmp_path, ENTRY, flat=False)) == []


def test_a_store_of_two_tiers(tmp_path: Path) -> None:
    put(tmp_path, "index2.txt")
    kept = put(tmp_path, "nt", ENTRY.name, KEY, ENTRY.name)
    assert store_folder(tmp_path, ENTRY) == kept.parent
    assert list(iter_files_below(tmp_path, ENTRY, flat=False)) == [kept]


@ANY_CASE
def test_upper_and_lower_case_are_one(tmp_path: Path) -> None:
    kept = put(tmp_path, "NTKRNLMP.PDB", KEY.lower(), "NtKrnlMp.pdb")
    flat = put(tmp_path / "flat", "Ntkrnlmp.Pdb")
    assert list(iter_files_below(tmp_path, ENTRY, flat=False)) == [kept]
    assert list(iter_files_below(tmp_path / "flat", ENTRY, flat=True)) == [flat]


def test_a_missing_folder_holds_nothing(tmp_path: Path) -> None:
    assert list(iter_files_below(tmp_path / "none", ENTRY, flat=True)) == []
    assert compressed_file(tmp_path / "none", ENTRY) is None
    assert pointed_file(tmp_path / "none", ENTRY) is None


def test_the_compressed_form_ends_with_an_underscore(tmp_path: Path) -> None:
    kept = put(tmp_path, ENTRY.name, KEY, "ntkrnlmp.pd_")
    assert compressed_file(tmp_path, ENTRY) == kept


def test_a_pointer_is_followed_on_this_machine(tmp_path: Path) -> None:
    real = tmp_path.absolute() / "elsewhere" / "ntkrnlmp.pdb"
    put(tmp_path, ENTRY.name, KEY, "file.ptr", text=f"PATH:{real}\r\n")
    assert pointed_file(tmp_path, ENTRY) == real


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (r"PATH:\\attacker\share\ntkrnlmp.pdb", "another machine"),
        ("PATH://attacker/share/ntkrnlmp.pdb", "another machine"),
        (r"PATH:/\attacker\share\ntkrnlmp.pdb", "another machine"),
        (r"PATH:\/attacker/share/ntkrnlmp.pdb", "another machine"),
        ("PATH:../ntkrnlmp.pdb", "does not point to a file"),
        ("PATH:", "does not point to a file"),
        ("MSG: file is gone", "file is gone"),
        ("", "says"),
        ("PATH:a\0b", "says"),
        pytest.param("x" * 100_000, "says", id="long"),
    ],
)
def test_other_pointers_are_reasons(tmp_path: Path, text: str, says: str) -> None:
    put(tmp_path, ENTRY.name, KEY, "file.ptr", text=text)
    with pytest.raises(SymbolError, match=says):
        pointed_file(tmp_path, ENTRY)
