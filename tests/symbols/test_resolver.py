"""Names for addresses, from a PDB in a folder to the text of a call site."""

from __future__ import annotations

import pytest

from livedump.model.images import Module
from livedump.symbols.path import parse_symbol_path
from livedump.symbols.resolver import Symbolizer
from tests.symbols.toolchain import Built, build, identity_of

BASE = 0xFFFFF80500000000

SOURCE = r"""
extern "C" {
int _fltused = 0;
int alpha(int a) { return a * 7; }
int __C_specific_handler(int a) { return a * 3; }
static int hidden(int a) { return a * 11; }
int entry(int a) { return alpha(a) + hidden(a) + __C_specific_handler(a); }
}
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """An image with publics only."""
    return build(tmp_path_factory.mktemp("driver"), "driver", SOURCE)


def module_of(built: Built, size: int = 0x8000) -> Module:
    """The module that the image would be, at BASE."""
    return Module(built.image.stem, built.image.name, BASE, size, 0, pdb=identity_of(built.pdb))


def test_a_name_is_shown_as_the_debugger_shows_it(driver: Built) -> None:
    symbolizer = Symbolizer([module_of(driver)], parse_symbol_path(str(driver.pdb.parent)))
    # dbghelp 10.0.15063, SymFromAddr on such an image: alpha, _C_specific_handler
    shown = {str(symbolizer.name(BASE + rva)) for rva in range(0x1000, 0x1040)}
    assert {"driver!alpha", "driver!_C_specific_handler", "driver!entry", "driver!alpha+0x2"} <= shown
    assert not any("hidden" in name for name in shown)
