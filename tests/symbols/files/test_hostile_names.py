"""Names from a dump never lead out of a store."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livedump.model.images import PdbIdentity
from livedump.symbols.files.hostile_names import safe_file_name
from livedump.symbols.files.store import image_entry, pdb_entry, store_folder

GUID = "0123456789ABCDEF0123456789ABCDEF"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("ntkrnlmp.pdb", "ntkrnlmp.pdb"),
        (r"d:\build\obj\amd64\driver.pdb", "driver.pdb"),
        (r"\\attacker\share\driver.pdb", "driver.pdb"),
        ("/home/me/driver.pdb", "driver.pdb"),
        (r"..\..\..\driver.pdb", "driver.pdb"),
        ("my driver (1).pdb", "my driver (1).pdb"),
        ("драйвер.pdb", "драйвер.pdb"),
        ("console.pdb", "console.pdb"),
        ("com10.pdb", "com10.pdb"),
        ("a..b.pdb", "a..b.pdb"),
    ],
)
def test_of_a_path_only_the_last_part_is_used(name: str, safe: str) -> None:
    assert safe_file_name(name) == safe


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "...", "a\\", "a/", "a/..", r"a\..", ". .", " ", "x.pdb.", "x.pdb ", " x.pdb", ".hidden",
        "x.pdb:stream", "c:x.pdb", "x\0.pdb", "x\n.pdb", "x\x7f.pdb", "x?.pdb", "x*.pdb", 'x".pdb', "x<.pdb", "x|y.pdb",
        "con", "CON.pdb", "nul.pdb", "Aux.x.pdb", "prn .pdb", "com1.pdb", "LPT9", "com\u00b9.pdb", "conin$",
        "CONOUT$.pdb", "a" * 129, "\u00e9" * 65, "\ud800.pdb",
    ],
)  # fmt: skip
def test_names_that_could_be_something_else_are_refused(name: str) -> None:
    assert safe_file_name(name) is None
    assert pdb_entry(PdbIdentity(name, GUID, 1)) is None
    assert image_entry(name, 1, 2) is None


@pytest.mark.parametrize("guid", ["", "..", "../" * 11, "G" * 32, "0" * 31 + "/", "0" * 31 + "\u0663", "0" * 50])
def test_a_key_is_a_guid_and_an_age(guid: str) -> None:
    assert pdb_entry(PdbIdentity("x.pdb", guid, 1)) is None


def test_keys_are_those_of_a_symbol_store() -> None:
    # As Microsoft's server has them: GUID and age in upper case; time stamp in eight digits, size in lower case.
    pdb = pdb_entry(PdbIdentity("ntkrnlmp.pdb", GUID, 0x1A))
    image = image_entry("ntoskrnl.exe", 0xB1C2D3, 0x1046000)
    assert pdb
    assert image
    assert store_folder(Path("/s"), pdb) == Path(f"/s/ntkrnlmp.pdb/{GUID}1A")
    assert store_folder(Path("/s"), image) == Path("/s/ntoskrnl.exe/00B1C2D31046000")


@given(st.text(max_size=60))
@settings(max_examples=500, deadline=None, derandomize=True)
def test_whatever_is_accepted_stays_inside(name: str) -> None:
    safe = safe_file_name(name)
    if safe is not None:
        root = Path("/store").resolve()
        assert (root / safe / GUID / safe).resolve().relative_to(root).parts == (safe, GUID, safe)
        assert name.endswith(safe)
