"""Names for addresses, from a PDB in a folder to the text of a call site."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from livedump.model.errors import MemoryGap, SymbolError
from livedump.model.images import Module, PdbIdentity
from livedump.symbols.files.image_file import open_image
from livedump.symbols.files.path import SymbolPath, parse_symbol_path
from livedump.symbols.resolver import Symbolizer, SymbolName
from tests.symbols.msf_writer import PdbSpec, pdb_bytes
from tests.symbols.toolchain import Built, build, identity_of

BASE = 0xFFFFF80500000000
GUID = "0123456789ABCDEF0123456789ABCDEF"

SOURCE = r"""
struct Pair { int first; int second; };
extern "C" {
int _fltused = 0;
__declspec(dllexport) int alpha(int a) { return a * 7; }
int __C_specific_handler(int a) { return a * 3; }
static int hidden(int a) { return a * 11; }
int entry(Pair* p) { return alpha(p->second) + hidden(p->first) + __C_specific_handler(p->first); }
}
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """An image with publics only."""
    return build(tmp_path_factory.mktemp("driver"), "driver", SOURCE)


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """An image whose PDB has everything."""
    return build(tmp_path_factory.mktemp("private"), "driver", SOURCE, private=True)


def module_of(built: Built, pdb: bool = True) -> Module:
    """The module that the image would be, at BASE."""
    header = open_image(built.image).header
    identity = identity_of(built.pdb) if pdb else None
    return Module("driver", built.image.name, BASE, header.size, header.timestamp, pdb=identity)


def shown(built: Built, path: SymbolPath) -> set[str]:
    """What is shown for each address of the code."""
    return names_of(Symbolizer([module_of(built)], path))


def names_of(symbolizer: Symbolizer) -> set[str]:
    """What is shown for each address of the code."""
    return {str(symbolizer.name(BASE + rva)) for rva in range(0x1000, 0x1100)}


def test_names_are_shown_as_the_debugger_shows_them(driver: Built) -> None:
    # dbghelp 10.0.15063, SymFromAddr on such an image: alpha, _C_specific_handler, entry+0x..; hidden has no name.
    names = shown(driver, parse_symbol_path(str(driver.pdb.parent)))
    assert {"driver!alpha", "driver!_C_specific_handler", "driver!entry", "driver!alpha+0x2"} <= names
    assert not any("hidden" in name for name in names)


def test_a_private_pdb_names_static_functions_and_keeps_the_compilers_names(private: Built) -> None:
    # dbghelp 10.0.15063 on such an image: __C_specific_handler, hidden.
    names = shown(private, parse_symbol_path(str(private.pdb.parent)))
    assert {"driver!alpha", "driver!__C_specific_handler", "driver!hidden"} <= names


def test_without_symbols_an_address_is_module_and_offset(driver: Built, tmp_path: Path) -> None:
    symbolizer = Symbolizer([module_of(driver)], parse_symbol_path(str(tmp_path)))
    assert str(symbolizer.name(BASE + 0x1003)) == "driver+0x1003"
    assert symbolizer.name(BASE) == SymbolName("driver", None, 0)
    assert str(tmp_path) in symbolizer.status(module_of(driver))
    assert "not found" in symbolizer.status(module_of(driver))


@pytest.mark.parametrize("address", [0, BASE - 1, BASE + 0x10000, (1 << 64) - 1])
def test_outside_of_all_modules_an_address_is_itself(driver: Built, address: int) -> None:
    symbolizer = Symbolizer([module_of(driver)], SymbolPath())
    assert symbolizer.name(address) == SymbolName(None, None, address)


def test_the_last_name_ends_with_the_image(tmp_path: Path) -> None:
    # Past the image other tools go on with the last name: symbolic 13.9 says it even for 0x7fffffff.
    (tmp_path / "x.pdb").write_bytes(pdb_bytes(PdbSpec(publics=[(1, 0, "last")])))
    module = Module("x", "x.sys", BASE, 0x2000, 0, pdb=PdbIdentity("x.pdb", GUID, 1))
    symbolizer = Symbolizer([module], parse_symbol_path(str(tmp_path)))
    assert str(symbolizer.name(BASE + 0x1FFF)) == "x!last+0xfff"
    assert symbolizer.name(BASE + 0x2000).module is None


class Reading:
    """Memory that is read by a function."""

    def __init__(self, read: Callable[[int, int], bytes]) -> None:
        self.read = read


def test_without_a_pdb_exports_are_shown(driver: Built, tmp_path: Path) -> None:
    image = open_image(driver.image)

    memory = Reading(lambda address, size: image.read(address - BASE, size))
    symbolizer = Symbolizer([module_of(driver)], parse_symbol_path(str(tmp_path)), memory)
    names = names_of(symbolizer)
    assert {"driver!alpha", "driver!alpha+0x30"} <= names
    assert symbolizer.status(module_of(driver)).startswith("exports only; driver.pdb")


def test_the_identity_is_read_from_memory_when_the_module_does_not_say(driver: Built) -> None:
    image = open_image(driver.image)
    symbolizer = Symbolizer(
        [module_of(driver, pdb=False)],
        parse_symbol_path(str(driver.pdb.parent)),
        Reading(lambda address, size: image.read(address - BASE, size)),
    )
    assert "driver!alpha" in names_of(symbolizer)


def test_the_identity_is_read_from_the_image_on_the_path_when_memory_lacks_it(driver: Built) -> None:
    def nothing(address: int, size: int) -> bytes:
        raise MemoryGap(address + size, MemoryGap.NOT_CAPTURED)

    module = module_of(driver, pdb=False)
    symbolizer = Symbolizer([module], parse_symbol_path(str(driver.pdb.parent)), Reading(nothing))
    assert "driver!alpha" in names_of(symbolizer)
    other = Symbolizer([module], SymbolPath(), Reading(nothing))
    assert "does not hold the page that names its PDB" in other.status(module)


def test_types_come_from_the_same_pdb(private: Built, driver: Built) -> None:
    symbolizer = Symbolizer([module_of(private)], parse_symbol_path(str(private.pdb.parent)))
    layout = symbolizer.layout("driver", "Pair")
    assert (layout.size, [(each.name, each.offset) for each in layout.members]) == (8, [("first", 0), ("second", 4)])
    with pytest.raises(SymbolError, match="the PDB of driver has no Single"):
        symbolizer.layout("driver", "Single")
    with pytest.raises(SymbolError, match="no module nothing is loaded"):
        symbolizer.layout("nothing", "Pair")
    public = Symbolizer([module_of(driver)], parse_symbol_path(str(driver.pdb.parent)))
    with pytest.raises(SymbolError, match="the PDB of driver has no Pair"):
        public.layout("driver", "Pair")
    with pytest.raises(SymbolError, match="no PDB of driver: "):
        Symbolizer([module_of(driver)], SymbolPath()).layout("driver", "Pair")


def test_a_symbol_has_an_address_by_its_name(driver: Built) -> None:
    symbolizer = Symbolizer([module_of(driver)], parse_symbol_path(str(driver.pdb.parent)))
    address = symbolizer.address_of("driver", "alpha")
    assert str(symbolizer.name(address)) == "driver!alpha"
    with pytest.raises(SymbolError, match="the PDB of driver has no lpha"):
        symbolizer.address_of("driver", "lpha")


def test_nothing_is_looked_for_before_it_is_asked_for(tmp_path: Path) -> None:
    looked: list[int] = []

    def read(address: int, size: int) -> bytes:
        looked.append(address)
        raise MemoryGap(address + size, MemoryGap.NOT_CAPTURED)

    modules = [Module(f"m{n}", f"m{n}.sys", BASE + n * 0x10000, 0x10000, None) for n in range(200)]
    symbolizer = Symbolizer(modules, parse_symbol_path(str(tmp_path)), Reading(read))
    assert looked == []
    symbolizer.name(BASE + 5 * 0x10000 + 3)
    symbolizer.name(BASE + 5 * 0x10000 + 4)
    assert set(looked) == {BASE + 5 * 0x10000}
    assert len(looked) <= 3


def test_a_closed_symbolizer_gives_its_files_back(driver: Built) -> None:
    symbolizer = Symbolizer([module_of(driver)], parse_symbol_path(str(driver.pdb.parent)))
    symbolizer.name(BASE + 0x1000)
    symbolizer.close()
    symbolizer.close()
