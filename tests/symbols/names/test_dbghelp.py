"""The same names as Microsoft's dbghelp, address by address."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from livedump.symbols.files.image_file import open_image
from livedump.symbols.files.path import parse_symbol_path
from livedump.symbols.files.search import FileSearch
from livedump.symbols.names.undecorate import undecorate
from livedump.symbols.shelf import load_pdb
from tests.symbols.pdb.test_damaged_pdbs import SOURCE
from tests.symbols.toolchain import Built, build, identity_of

if TYPE_CHECKING:
    from tests.lab.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.name == "nt", reason="the lab is not on Windows")]

SCRIPT = Path(__file__).with_name("dbghelp_script.py")
NAMES = (
    SOURCE
    + r"""
extern "C" {
int __C_specific_handler(int a) { return a * 3; }
int _guard_check(int a) { return a * 5; }
int ___three(int a) { return a * 17; }
int _value = 5;
int at_sign(int a) __asm__("stack@8");
int at_sign(int a) { return a + _value; }
int alias_one(int a) { return a * 23; }
int alias_two(int a) __attribute__((alias("alias_one")));
int Alias_three(int a) __attribute__((alias("alias_one")));
}
template <class A, class B> struct Pair { int sum(A a, B b) { return int(a) + int(b); } };
template struct Pair<char, Box<long long>*(*)(int)>;
namespace { struct Hidden { int get(int a) { return a * 29; } }; }
int use() { auto f = [](int a) { static int n; return a + n++; }; return Hidden().get(f(3)); }
"""
)


ONLY_TODAY = {
    "??$au@$MD0GD@@@YAXXZ": "au<99>",
    "??$au@$MH04@@YAXXZ": "au<5>",
    "??$au@$MW4EC@@04@@YAXXZ": "au<5>",
}
"""Template parameters of type auto: dbghelp of 2026 reads them, that of 2017 and we show such a name as it is."""


def ask(lab: Lab, *arguments: str) -> None:
    """Runs the script; it writes its answers to a file."""
    from tests.lab.lab import to_windows

    dll = lab.pykd.with_name("dbghelp.dll")
    words = [to_windows(word) if word.startswith("/") else word for word in (str(SCRIPT), str(dll), *arguments)]
    result = lab.windows_python(words)
    assert result.returncode == 0, result.stderr


def dbghelp_symbols(lab: Lab, image: Path, start: int, end: int) -> dict[int, str]:
    """For each RVA ``start name``, or ``-``."""
    answers = image.with_suffix(".answers")
    ask(lab, "symbols", str(image), str(answers), f"{start:x}", f"{end:x}")
    changes = dict(line.split(" ", 1) for line in answers.read_text(encoding="utf-8").splitlines())
    shown, last = {}, "-"
    for rva in range(start, end):
        last = changes.get(f"{rva:x}", last)
        shown[rva] = last
    return shown


def our_symbols(built: Built, start: int, end: int) -> dict[int, str]:
    """The same of ours."""
    pdb = load_pdb(identity_of(built.pdb), FileSearch(parse_symbol_path(str(built.pdb.parent))))
    found = {rva: pdb.find(rva) for rva in range(start, end)}
    pdb.close()
    return {rva: f"{rva - name.offset:x} {name.name}" if name else "-" for rva, name in found.items()}


@pytest.mark.parametrize("private", [False, True])
def test_every_address_has_the_name_that_dbghelp_gives_it(lab: Lab, tmp_path: Path, private: bool) -> None:
    built = build(tmp_path, "named", NAMES, "-std=c++17", private=private)
    sections = open_image(built.image).header.sections
    start, end = sections[0].span.start, max(section.span.start for section in sections)
    ours, theirs = our_symbols(built, start, end), dbghelp_symbols(lab, built.image, start, end)
    wrong = {f"{rva:x}": (ours[rva], theirs[rva]) for rva in ours if ours[rva] != theirs[rva]}
    assert wrong == {}
    assert len(set(ours.values())) > 12


def test_decorated_names_are_undecorated_as_dbghelp_does(lab: Lab, tmp_path: Path) -> None:
    table = SCRIPT.with_name("undecorated.tsv").read_text(encoding="utf-8").splitlines()
    names = [line.split("\t")[0] for line in table if not line.startswith("#")]
    (tmp_path / "names").write_text("\n".join(names) + "\n", encoding="utf-8")
    ask(lab, "names", str(tmp_path / "names"), str(tmp_path / "shown"))
    shown = (tmp_path / "shown").read_text(encoding="utf-8").splitlines()
    other = {name: their for name, their in zip(names, shown) if undecorate(name) != their}
    assert len(shown) == len(names)
    assert {name: their for name, their in other.items() if their != ONLY_TODAY.get(name)} == {}
