"""Modules in debugger text."""

from __future__ import annotations

import pytest

from livedump.engines.text.lines import split_lines
from livedump.engines.text.modules import MAX_MODULES, find_module_base, parse_modules, parse_unloaded_modules
from livedump.model.images import Module, UnloadedModule

HEADING = "start             end                 module name\n"

# lm t n of a current version (samples/logs/32) and of 10.0.15063, mixed.
TIMED = (
    HEADING
    + """\
00007ffc`90770000 00007ffc`90781000   mispace  mispace.dll  Sat Oct  5 10:08:00 2024 (67011000)
ffff9a14`09d40000 ffff9a14`09d89000   cdd      cdd.dll      1774849A (This is a reproducible build file hash, not a timestamp)
fffff807`5b7d0000 fffff807`5ba5f000   mcupdate mcupdate.dll ***** Invalid (9FB1DE46)
fffff807`5bc0e000 fffff807`5cc54000   nt       ntkrnlmp.exe 5DEE2B07 (This is a reproducible build file hash, not a timestamp)
fffff807`5ce00000 fffff807`5cf16000   clipsp   clipsp.sys   Mon Nov 27 16:31:06 2023 (656534CA)
fffff807`5cf20000 fffff807`5cf49000   ks       ks.sys       unavailable (00000000)

Unloaded modules:
fffff807`5f3d0000 fffff807`5f3ec000   dam.sys\x20
    Timestamp: unavailable (00000000)
    Checksum:  00000000
    ImageSize:  0001C000
fffff807`5d400000 fffff807`5d411000   WdBoot.sys
"""  # noqa: E501 - as printed
)

PLAIN = (
    HEADING
    + """\
fffff807`5bc0e000 fffff807`5cc54000   nt       T (no symbols)          \x20
fffff807`5ce00000 fffff807`5cf16000   clipsp     (deferred)            \x20
fffff807`5cf20000 fffff807`5cf49000   ks         (pdb symbols)          c:\\sym\\ks.pdb\\ABC1\\ks.pdb
"""
)

VERBOSE = (
    HEADING
    + """\
fffff807`5bc0e000 fffff807`5cc54000   nt       T (no symbols)          \x20
    Loaded symbol image file: ntoskrnl.exe
    Image path: \\SystemRoot\\system32\\ntoskrnl.exe
    Image name: ntoskrnl.exe
    Timestamp:        Mon Dec  9 11:07:51 2019 (5DEE2B07)
    CheckSum:         00A6C725
    ImageSize:        01046000
    File version:     10.0.19041.3803
"""
)


def modules_in(text: str) -> dict[str, Module]:
    return {module.name: module for module in parse_modules(split_lines(text)) or ()}


def test_a_row_becomes_a_module() -> None:
    assert modules_in(TIMED)["clipsp"] == Module(
        name="clipsp",
        image_name="clipsp.sys",
        base=0xFFFFF8075CE00000,
        size=0x116000,
        timestamp=0x656534CA,
    )


@pytest.mark.parametrize(
    ("name", "timestamp"),
    [("nt", 0x5DEE2B07), ("cdd", 0x1774849A), ("mcupdate", 0x9FB1DE46), ("mispace", 0x67011000), ("ks", None)],
)
def test_each_way_to_print_a_timestamp(name: str, timestamp: int | None) -> None:
    assert modules_in(TIMED)[name].timestamp == timestamp


def test_the_kernel_comes_first_and_user_mode_last() -> None:
    assert list(modules_in(TIMED)) == ["nt", "cdd", "mcupdate", "clipsp", "ks", "mispace"]
    assert [module.user for module in modules_in(TIMED).values()] == [False] * 5 + [True]


def test_unloaded_modules_have_a_list_of_their_own() -> None:
    assert parse_unloaded_modules(split_lines(TIMED)) == (
        UnloadedModule("dam.sys", 0xFFFFF8075F3D0000, 0xFFFFF8075F3EC000),
        UnloadedModule("WdBoot.sys", 0xFFFFF8075D400000, 0xFFFFF8075D411000),
    )


def test_a_list_without_unloaded_modules_is_not_an_empty_one() -> None:
    assert parse_unloaded_modules(split_lines(PLAIN)) is None
    assert parse_unloaded_modules(["Unloaded modules:"]) == ()


def test_a_plain_list_names_no_files() -> None:
    assert [module.image_name for module in modules_in(PLAIN).values()] == ["nt", "clipsp", "ks"]
    assert [module.timestamp for module in modules_in(PLAIN).values()] == [None] * 3


def test_details_join_the_row_of_a_longer_list() -> None:
    text = f"0: kd> lm\n{PLAIN}0: kd> lmvm nt\n{VERBOSE}"
    assert modules_in(text)["nt"] == Module(
        name="nt",
        image_name="ntoskrnl.exe",
        base=0xFFFFF8075BC0E000,
        size=0x1046000,
        timestamp=0x5DEE2B07,
        checksum=0xA6C725,
        path="\\SystemRoot\\system32\\ntoskrnl.exe",
        version="10.0.19041.3803",
    )


@pytest.mark.parametrize("command", ["lmvm nt", "lm v m nt", "lmDvmnt;lm m n*", "lmv m nt"])
def test_a_list_of_some_modules_is_not_the_list_of_modules(command: str) -> None:
    assert parse_modules(split_lines(f"0: kd> {command}\n{TIMED if ';' in command else VERBOSE}")) is None


def test_a_full_path_is_split() -> None:
    text = (
        HEADING
        + """\
fffff807`5bc0e000 fffff807`5cc54000   nt       \\SystemRoot\\system32\\ntoskrnl.exe
fffff807`5ce00000 fffff807`5cf16000   x        C:\\Program Files\\x\\x y.sys
"""
    )
    found = modules_in(text)["x"]
    assert (found.image_name, found.path) == ("x y.sys", "C:\\Program Files\\x\\x y.sys")


def test_a_32_bit_list() -> None:
    text = "start    end        module name\n"
    text += "804d7000 806cf580   nt       ntkrnlpa.exe Sun Apr 13 18:31:06 2008 (4802516A)\n"
    text += "f7c0d000 f7c10000   x        (deferred)\n7c900000 7c9af000   ntdll    (deferred)\n"
    assert [(module.base, module.user) for module in modules_in(text).values()] == [
        (0x804D7000, False), (0xF7C0D000, False), (0x7C900000, True),
    ]  # fmt: skip


def test_a_stack_behind_a_list_adds_no_modules() -> None:
    stack = " # Child-SP          RetAddr           Call Site\n00 fffff807`5bc0e000 fffff807`5cc54000 nt!A+0x1\n"
    assert modules_in(PLAIN + stack) == modules_in(PLAIN)


def test_nonsense_rows_are_skipped() -> None:
    text = PLAIN + "fffff807`5cf49000 fffff807`5cf20000   backwards (deferred)\nfffff807`5cf49000 no-address x\n"
    assert modules_in(text) == modules_in(PLAIN)


def test_a_base_is_found_in_any_list() -> None:
    assert find_module_base(split_lines(VERBOSE), "nt") == 0xFFFFF8075BC0E000
    assert find_module_base(split_lines(VERBOSE), "hal") is None


def test_an_endless_list_is_cut() -> None:
    rows = "".join(f"{at:08x}`00000000 {at:08x}`00001000   m{at}\n" for at in range(1, MAX_MODULES + 10))
    assert len(modules_in(HEADING + rows)) == MAX_MODULES
