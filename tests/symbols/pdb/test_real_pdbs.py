"""PDBs that MSVC wrote, against dbghelp, symbolic and the Windows SDK."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from livedump.images.image import find_pdb_identity
from livedump.model.layout import find_member
from livedump.symbols.files.image_file import open_image
from livedump.symbols.names.undecorate import undecorate
from livedump.symbols.pdb.pdb_file import open_pdb
from livedump.symbols.pdb.types import PdbTypes
from tests.symbols import real_pdbs
from tests.symbols.names.test_dbghelp import dbghelp_symbols, our_symbols
from tests.symbols.toolchain import Built, identity_of

if TYPE_CHECKING:
    from tests.lab.lab import Lab

FOLDER = real_pdbs.folder()  # before a test moves the user's cache


@pytest.fixture(params=range(len(real_pdbs.IMAGES)))
def real(request: pytest.FixtureRequest) -> Built:
    """One image after the other."""
    number: int = request.param
    return real_pdbs.find(FOLDER)[number]


def names_at(pdb: Path) -> dict[int, set[str]]:
    """All names that the compiler gave, by RVA."""
    found: dict[int, set[str]] = {}
    for symbol in open_pdb(pdb).iter_symbols():
        if not symbol.decorated:
            found.setdefault(symbol.rva, set()).add(symbol.name.decode())
    return found


def test_the_image_names_its_pdb(real: Built) -> None:
    identity = find_pdb_identity(open_image(real.image), 0)
    assert identity is not None
    assert identity[1:] == identity_of(real.pdb)[1:]
    assert identity.name.endswith(real.pdb.name.split("_amd64")[0].split("\\")[-1] + "_amd64.pdb")


def undecorated(answer: str) -> str:
    """The answer of dbghelp; names that this version of it gives up on (empty packs) are undecorated by us."""
    start, _, name = answer.partition(" ")
    return f"{start} {undecorate(name)}" if name.startswith("??$") else answer


@pytest.mark.lab
def test_publics_alone_are_shown_as_dbghelp_shows_them(real: Built, lab: Lab, tmp_path: Path) -> None:
    stripped = Built(tmp_path / real.image.name, tmp_path / real.pdb.name)
    shutil.copy(real.image, stripped.image)
    real_pdbs.without_private_symbols(real.pdb, stripped.pdb)
    end = open_image(real.image).header.size
    ours, theirs = our_symbols(stripped, 0x1000, end), dbghelp_symbols(lab, stripped.image, 0x1000, end)
    assert {rva: (ours[rva], theirs[rva]) for rva in ours if ours[rva] != undecorated(theirs[rva])} == {}


@pytest.mark.lab
def test_private_names_of_code_are_shown_as_dbghelp_shows_them(real: Built, lab: Lab, tmp_path: Path) -> None:
    """Of several functions folded into one, dbghelp shows any; then ours has to be another of them."""
    copy = Path(shutil.copy(real.image, tmp_path / real.image.name))
    shutil.copy(real.pdb, tmp_path / real.pdb.name)
    text = open_image(real.image).header.sections[0].span
    ours = our_symbols(real, text.start, text.start + text.size)
    theirs = dbghelp_symbols(lab, copy, text.start, text.start + text.size)
    folded = names_at(real.pdb)
    wrong = {}
    for rva, name in ours.items():
        start = int(name.split(" ")[0], 16) if name != "-" else -1
        same = {f"{start:x} {other}" for other in folded.get(start, ())}
        if theirs[rva] not in {name} | same:
            wrong[rva] = name, theirs[rva]
    assert wrong == {}


def test_functions_begin_where_symbolic_says(real: Built) -> None:
    symbolic = pytest.importorskip("symbolic")
    cache = symbolic.Archive.open(str(real.pdb)).get_object(arch="x86_64").make_symcache()
    text = open_image(real.image).header.sections[0].span
    names = {rva: found for rva, found in names_at(real.pdb).items() if text.start <= rva < text.start + text.size}
    theirs = {rva: {line.symbol for line in cache.lookup(rva)} for rva in names}
    different = {rva for rva, found in names.items() if not any(t.startswith(n) for n in found for t in theirs[rva])}
    assert len(names) > 60
    # Thunks and folded functions aside it says the same, with the arguments behind the name.
    assert len(different) < len(names) * 0.2


@pytest.mark.parametrize(
    ("name", "field", "offset"),
    [
        # winnt.h of the Windows SDK, x64
        ("_CONTEXT", "Rip", 0xF8),
        ("_CONTEXT", "Rsp", 0x98),
        ("_CONTEXT", "FltSave.MxCsr", 0x118),
        ("_EXCEPTION_RECORD", "ExceptionInformation", 0x20),
        ("_LIST_ENTRY", "Blink", 8),
        ("_RTL_CRITICAL_SECTION", "SpinCount", 0x20),
    ],
)
def test_offsets_of_windows_own_structures(name: str, field: str, offset: int) -> None:
    real = real_pdbs.find(FOLDER)[1]
    found = find_member(PdbTypes(open_pdb(real.pdb).msf).layout, name, field)
    assert found
    assert found.offset == offset
