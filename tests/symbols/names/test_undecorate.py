"""Names as dbghelp shows them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livedump.symbols.names.undecorate import undecorate
from tests.effort import at_most

TABLE = Path(__file__).with_name("undecorated.tsv")
PAIRS = [line.split("\t") for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]

# dbghelp 10.0.15063, SymFromAddr with SYMOPT_UNDNAME on an x64 image whose PDB has publics only.
C_NAMES = {
    "__C_specific_handler": "_C_specific_handler",
    "_guard_dispatch_icall": "guard_dispatch_icall",
    "___three": "__three",
    "alpha": "alpha",
    "foo@12": "foo",
    "_foo@": "foo",
    "@f@4": "f",
    "@f@@8": "f",
    "f@@Q": "fQ",
    "a@b": "ab",
    ".name": "name",
    "_.n": ".n",
    "_@x@4": "x",
    "@_x@4": "_x",
    "x@4@8": "x",
    "foo@1x": "foo",
    "foo@-4": "foo-4",
    "__imp_foo": "_imp_foo",
    "__imp__foo@4": "_imp__foo",
    "f$filt$0": "f$filt$0",
    "f$fin$1@4": "f$fin$1",
    "__real@3ff0": "_real",
    "@ILT+5(foo)": "ILT+5(foo)",
    "??@abcdef0123456789abcdef0123456789@": "??@abcdef0123456789abcdef0123456789@",
}


def test_names_are_shown_as_dbghelp_shows_them() -> None:
    wrong = {name: (undecorate(name), shown) for name, shown in PAIRS if undecorate(name) != shown}
    assert not wrong
    assert len(PAIRS) > 400


@pytest.mark.parametrize(("name", "shown"), C_NAMES.items())
def test_c_names_lose_prefix_and_stack_size_on_x64_too(name: str, shown: str) -> None:
    assert undecorate(name) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        # dbghelp 10.0.15063 gives up on these; the spelling is that of the source that clang decorated.
        ("??0?$A@$$V@@QEAA@XZ", "A<>::A<>"),
        ("?f@?$Two@H$$V@@QEAAXXZ", "Two<int>::f"),
        ("??0?$A@$$T@@QEAA@XZ", "A<std::nullptr_t>::A<std::nullptr_t>"),
        ("??0?$A@$$QEAH@@QEAA@XZ", "A<int && __ptr64>::A<int && __ptr64>"),
        ("??0?$A@_S@@QEAA@XZ", "A<char16_t>::A<char16_t>"),
        ("??__MO@@QEAAHH@Z", "O::operator<=>"),
    ],
)
def test_newer_c_plus_plus_is_spelled_as_its_source(name: str, shown: str) -> None:
    assert undecorate(name) == shown


@pytest.mark.parametrize("name", ["", "_", "?", "??", "??_", "?$", "?a", "?a@", "??$a@$2", "?a@?", "?a@@3", "??B@@"])
def test_what_is_not_understood_stays_or_is_cut_but_never_empty(name: str) -> None:
    assert undecorate(name) or not name


def test_nesting_stays_within_the_recursion_limit_of_the_debugger() -> None:
    deep = "?f@" + "V?$a@" * 500 + "H" + "@@" * 500 + "QEAAXXZ"
    pointers = "??$f@" + "PEA" * 1000 + "H@@YAXXZ"
    symbols = "?n@" + "?1??f@" * 500 + "@YAXXZ@4HA"
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(500)  # what !py allows
    try:
        shown = [undecorate(name) for name in (deep, pointers, symbols)]
    finally:
        sys.setrecursionlimit(limit)
    assert shown == [deep, pointers, symbols]


def test_references_back_cannot_make_a_short_name_explode() -> None:
    # Each parameter is a function of all before it, three times over: 130 million characters in the end.
    parameters = "".join("P6AX" + "0123456789"[:count] * 3 + "@Z" for count in range(1, 10))
    name = f"?n@?1??f@@YAXPEAX{parameters}@Z@4HA"
    with at_most(100):
        assert undecorate(name) == name


@given(st.text(alphabet="?$@_0123456789ABEHPQUVXYZabc", max_size=120), st.sampled_from(["?", "??$", "??_", "?a@"]))
@settings(max_examples=400, deadline=None, derandomize=True)
def test_any_text_gets_an_answer(text: str, start: str) -> None:
    assert undecorate(start + text)


@given(st.sampled_from([pair[0] for pair in PAIRS]), st.integers(0, 100), st.sampled_from("?@$0AZ_"))
@settings(max_examples=400, deadline=None, derandomize=True)
def test_a_damaged_name_gets_an_answer(name: str, position: int, other: str) -> None:
    at = position % len(name)
    assert undecorate(name[:at] + other + name[at + 1 :])
    assert undecorate(name[: at + 1])
