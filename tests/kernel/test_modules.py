"""Modules of the kernel, of a process, and those that are gone."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from pathlib import Path

import pytest

from livedump.kernel.kdbg import Kdbg, read_kdbg
from livedump.kernel.modules import loaded_modules, parse_module, unloaded_modules, user_modules
from livedump.model.errors import MemoryGap, NotKnown
from livedump.model.images import Module, UnloadedModule
from livedump.model.listing import Listing
from tests.effort import at_most
from tests.images.tiny_image import tiny_image
from tests.kernel.kernel_memory import KDBG_AT, KERNEL_BASE, PAGE, Pages, kdbg_bytes, write_module

HEAD = 0xFFFFF807_5C838770
ENTRIES = tuple(0xFFFFD20B_F9040000 + 0x1110 * number for number in range(4))
STRINGS = tuple(0xFFFF8A09_DAC00000 + 0x2000 * number for number in range(4))
NAMES = ("ntoskrnl.exe", "hal.dll", "Wdf01000.sys", "win32k-user.sys")
BASES = tuple(KERNEL_BASE + 0x2000000 * number for number in range(4))
ARRAY, POINTER, LAST = 0xFFFFD20B_FA000F00, 0xFFFFF807_5C8386F8, 0xFFFFF807_5C8386F0
SHARED = Path(__file__).parents[3] / "shared/samples"


def kernel(names: tuple[str | bytes, ...] = NAMES) -> Pages:
    memory = Pages()
    for entry, base, name, strings in zip(ENTRIES, BASES, names, STRINGS):
        path = name if isinstance(name, bytes) else rf"\SystemRoot\system32\{name}"
        write_module(memory, entry, base, (name, path), strings)
    memory.link((HEAD, *ENTRIES))
    return memory


def test_modules_come_in_load_order_with_the_debuggers_names() -> None:
    found = loaded_modules(kernel(), HEAD)
    assert [module.name for module in found.items] == ["nt", "hal", "Wdf01000", "win32k_user"]
    assert [module.image_name for module in found.items] == list(NAMES)
    assert [module.base for module in found.items] == list(BASES)
    assert found.problem is None


def test_all_fields_of_a_module() -> None:
    path = r"\SystemRoot\system32\hal.dll"
    expected = Module("hal", "hal.dll", BASES[1], 0x10000, 0x5DEE2B07, 0xC0FFEE, path)
    assert loaded_modules(kernel(), HEAD).items[1] == expected


def write_header(memory: Pages, base: int, stamp: int) -> None:
    """As much of an image as holds its time stamp: IMAGE_FILE_HEADER.TimeDateStamp, 8 behind ``PE``."""
    headers = bytearray(tiny_image())
    struct.pack_into("<I", headers, headers.index(b"PE\0\0") + 8, stamp)
    memory.write(base, bytes(headers[:0x1000]))


def test_the_stamp_is_that_of_the_list_where_an_image_agrees() -> None:
    memory = kernel()
    write_header(memory, BASES[0], 0x5DEE2B07)
    write_header(memory, BASES[1], 0x1111)  # one image alone may have been patched
    assert {module.timestamp for module in loaded_modules(memory, HEAD)} == {0x5DEE2B07}


def test_a_build_whose_list_has_no_stamp_takes_those_of_the_images() -> None:
    memory = kernel()
    for base, stamp in zip(BASES[:3], (0x1111, 0x2222, 0x3333)):
        write_header(memory, base, stamp)
    assert [module.timestamp for module in loaded_modules(memory, HEAD)] == [0x1111, 0x2222, 0x3333, None]


def test_a_module_whose_stamp_is_cut_off_has_none() -> None:
    memory = kernel()
    entry = 0xFFFFD20B_F9080F70  # the page ends 0x90 bytes into it
    write_module(memory, entry, BASES[3], (NAMES[3], NAMES[3]), STRINGS[3])
    memory.link((HEAD, *ENTRIES[:3], entry))
    memory.drop(entry + 0x9C)
    assert [module.timestamp is None for module in loaded_modules(memory, HEAD)] == [False, False, False, True]


def test_the_kernel_is_nt_by_its_base_whatever_its_file_is_called() -> None:
    memory = kernel(("ntkrla57.exe", *NAMES[1:]))
    assert loaded_modules(memory, HEAD, KERNEL_BASE).items[0].name == "nt"


def test_a_missing_entry_is_counted_and_the_rest_is_found_from_the_other_end() -> None:
    memory = kernel()
    memory.drop(ENTRIES[1])
    found = loaded_modules(memory, HEAD)
    assert [module.name for module in found.items] == ["nt", "Wdf01000", "win32k_user"]
    assert found.problem is not None
    assert "is missing" in found.problem


def test_an_entry_whose_second_half_is_missing_is_counted() -> None:
    memory = kernel()
    at = 0xFFFFD20B_FB000FC0
    write_module(memory, at, BASES[1], ("hal.dll", "hal.dll"), STRINGS[1])
    memory.link((HEAD, ENTRIES[0], at, ENTRIES[2]))
    memory.drop(at + 0x40)
    found = loaded_modules(memory, HEAD)
    assert [module.name for module in found.items] == ["nt", "Wdf01000"]
    assert found.problem == "1 of 3 entries are missing or describe no image"


def named(path: str, base_name: str = "base.dll") -> tuple[str, str]:
    memory = kernel()
    write_module(memory, ENTRIES[1], BASES[1], (base_name, path), STRINGS[1])
    module = loaded_modules(memory, HEAD).items[1]
    return module.name, module.image_name


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        # lm of dbgeng 10.0.15063 on made-up dumps whose list holds these paths, each with another base name
        (r"\SystemRoot\System32\drivers\my-driver.sys", ("my_driver", "my-driver.sys")),
        (r"\SystemRoot\System32\drivers\a.b.c.sys", ("a_b_c", "a.b.c.sys")),
        (r"\SystemRoot\System32\drivers\foo bar.sys", ("foo_bar", "foo bar.sys")),
        (r"\SystemRoot\System32\drivers\noext", ("noext", "noext")),
        ("C:/slash/fwd.sys", ("fwd", "fwd.sys")),
        (r"\a\$dol-@.sys", ("_dol__", "$dol-@.sys")),
        (r"\a\1num.sys", ("1num", "1num.sys")),
        ("", ("base", "base.dll")),
        ("\\a\\", ("base", "base.dll")),
    ],
)
def test_the_name_is_the_end_of_the_path(path: str, expected: tuple[str, str]) -> None:
    assert named(path) == expected


def test_a_name_that_is_taken_gets_the_base_behind_it() -> None:
    # lm of dbgeng 10.0.15063: two modules of the path ...\dup.sys are dup and dup_fffff802d7650000
    memory = kernel((NAMES[0], "dup.sys", "DUP.sys", "ntoskrnl.exe"))
    assert [module.name for module in loaded_modules(memory, HEAD).items] == [
        "nt",
        "dup",
        "DUP_fffff8075fc0e000",
        "nt_fffff80761c0e000",
    ]


def test_a_missing_path_leaves_the_base_name() -> None:
    memory = kernel()
    memory.write_u64(ENTRIES[1] + 0x50, 0xFFFF8A09_00000000)  # FullDllName.Buffer
    module = loaded_modules(memory, HEAD).items[1]
    assert (module.name, module.image_name, module.path) == ("hal", "hal.dll", None)


def test_a_module_without_any_name_is_called_by_its_address() -> None:
    memory = kernel()
    memory.drop(STRINGS[1])
    module = loaded_modules(memory, HEAD).items[1]
    assert (module.name, module.path) == ("Unknown_Module_fffff807_5dc0e000", None)


@pytest.mark.parametrize(
    ("raw", "shown", "name"),
    [
        ("evil\x1b[2J.sys".encode("utf-16-le"), r"evil\x1b[2J.sys", "evil__2J"),
        ("exe.\u202esys.cod".encode("utf-16-le"), r"exe.\u202esys.cod", "exe__sys"),
        (b"a\x00\x00\xd8b\x00", r"a\ud800b", "a_b"),
        ("<link cmd=q>".encode("utf-16-le"), "<link cmd=q>", "_link_cmd_q_"),
        (b"n\x00b\x00x", "nb", "nb"),
        ("😀.sys".encode("utf-16-le")[:2], r"\ud83d", "_"),
        (".sys".encode("utf-16-le"), ".sys", "Unknown_Module_fffff807_5dc0e000"),
    ],
)
def test_hostile_names_can_do_nothing(raw: bytes, shown: str, name: str) -> None:
    module = loaded_modules(kernel((NAMES[0], raw)), HEAD).items[1]
    assert (module.image_name, module.name) == (shown, name)
    module.image_name.encode("utf-8")


@pytest.mark.parametrize("length", [0x7FFE, 0xFFFF])
def test_a_name_of_any_length_is_cut(length: int) -> None:
    memory = kernel()
    memory.write(STRINGS[1] & -PAGE, b"A\0" * (0x8000 + PAGE))
    memory.write(ENTRIES[1] + 0x48, struct.pack("<H", length))
    assert loaded_modules(memory, HEAD).items[1].image_name == "A" * 255  # as long as a file name may be


def test_four_thousand_modules_with_the_longest_unprintable_names_take_less_than_two_seconds() -> None:
    memory = Pages()
    start = 0xFFFFD20B_F9040000
    memory.write_u64(start, *(start + 8 * (number + 1) for number in range(5000)))
    memory.write_u64(HEAD, start, start)
    with at_most(100):
        found = loaded_modules(memory, HEAD)
    assert all(len(module.image_name) <= 255 * len(r"\U0001f600") for module in found.items)


@pytest.mark.parametrize("base", [0, 0x10000, 0x7FFE_00000000])
def test_an_entry_that_describes_no_kernel_image_is_counted(base: int) -> None:
    memory = kernel()
    memory.write_u64(ENTRIES[2] + 0x30, base)
    found = loaded_modules(memory, HEAD)
    assert len(found) == 3
    assert "1 of 4" in str(found.problem)


def test_a_missing_head_is_a_gap() -> None:
    with pytest.raises(MemoryGap):
        loaded_modules(Pages(), HEAD)


def test_five_thousand_overlapping_entries_stop_at_the_bound() -> None:
    memory = Pages()
    start = 0xFFFFD20B_F9040000
    memory.write_u64(start, *(start + 8 * (number + 1) for number in range(5000)))
    memory.write_u64(HEAD, start, start)
    found = loaded_modules(memory, HEAD)
    assert len(found) <= 4096
    assert found.problem == "more than 4096 entries: the list was not followed further"


PEB, LDR = 0x000000C2_1A2B3000, 0x00007FFC_D26D3400
USER_ENTRIES = tuple(0x00000211_7C402000 + 0x1000 * number for number in range(3))
USER_BASES = (0x00007FF6_10000000, 0x00007FFC_D2560000, 0x00007FFC_D1000000)
USER_NAMES = ("Taskmgr.exe", "ntdll.dll", "KERNEL32.DLL")


def process() -> Pages:
    memory = Pages()
    memory.write_u64(PEB + 0x18, LDR)
    for entry, base, name in zip(USER_ENTRIES, USER_BASES, USER_NAMES):
        write_module(memory, entry, base, (name, rf"C:\Windows\System32\{name}"), entry + 0x200)
    memory.link((LDR + 0x10, *USER_ENTRIES))
    return memory


def test_user_modules_are_marked_as_such() -> None:
    found = user_modules(process(), PEB)
    assert [(module.name, module.base, module.user) for module in found.items] == [
        ("Taskmgr", USER_BASES[0], True),
        ("ntdll", USER_BASES[1], True),
        ("KERNEL32", USER_BASES[2], True),
    ]
    assert found.items[0].path == r"C:\Windows\System32\Taskmgr.exe"
    assert found.items[0].checksum is None


def test_a_user_list_cannot_pass_off_a_kernel_address() -> None:
    memory = process()
    memory.write_u64(USER_ENTRIES[1] + 0x30, KERNEL_BASE)
    assert [module.name for module in user_modules(memory, PEB).items] == ["Taskmgr", "KERNEL32"]


@pytest.mark.parametrize("lost", [PEB, LDR])
def test_without_user_pages_there_is_a_gap(lost: int) -> None:
    memory = process()
    memory.drop(lost)
    with pytest.raises(MemoryGap):
        user_modules(memory, PEB)


@pytest.mark.parametrize("loader", [0, 2**63, 2**64 - 1])
def test_a_forged_peb_is_survived(loader: int) -> None:
    memory = process()
    memory.write_u64(PEB + 0x18, loader)
    with pytest.raises(MemoryGap):
        user_modules(memory, PEB)


def unloaded(slots: dict[int, str], last: int) -> tuple[Pages, Kdbg]:
    memory = Pages()
    memory.write(KDBG_AT, kdbg_bytes(MmUnloadedDrivers=POINTER, MmLastUnloadedDriver=LAST))
    memory.write_u64(POINTER, ARRAY)
    memory.write(LAST, struct.pack("<I", last))
    memory.write(ARRAY, bytes(50 * 0x28))
    for slot, name in slots.items():
        at = ARRAY + slot * 0x28
        memory.write_name(at, name, 0xFFFFD20B_FC000000 + slot * 0x40)
        memory.write_u64(at + 0x10, KERNEL_BASE + slot * 0x100000, KERNEL_BASE + slot * 0x100000 + 0x5000)
    return memory, read_kdbg(memory, KDBG_AT)


def names(found: Iterable[UnloadedModule]) -> list[str]:
    return [module.name for module in found]


def test_unloaded_modules_come_newest_first() -> None:
    found = unloaded_modules(*unloaded({0: "hwpolicy.sys", 1: "WdBoot.sys", 2: "dam.sys"}, 3))
    assert names(found) == ["dam.sys", "WdBoot.sys", "hwpolicy.sys"]
    assert found[0][1:] == (KERNEL_BASE + 0x200000, KERNEL_BASE + 0x205000)


@pytest.mark.parametrize("last", [2, 52])
def test_the_array_goes_round(last: int) -> None:
    slots = {slot: f"d{slot}.sys" for slot in range(50)}
    expected = ["d1.sys", "d0.sys", *(f"d{slot}.sys" for slot in range(49, 1, -1))]
    assert names(unloaded_modules(*unloaded(slots, last))) == expected


def test_fifty_unloaded_modules_and_no_room_left() -> None:
    found = unloaded_modules(*unloaded({slot: f"d{slot}.sys" for slot in range(50)}, 50))
    assert (len(found), found[0].name, found[-1].name) == (50, "d49.sys", "d0.sys")


@pytest.mark.parametrize("last", [0xFFFFFFFF, 0x80000000])
def test_any_index_is_survived(last: int) -> None:
    assert names(unloaded_modules(*unloaded({7: "x.sys"}, last))) == ["x.sys"]


def test_an_unloaded_module_whose_name_is_missing_is_called_by_its_address() -> None:
    memory, kdbg = unloaded({0: "x.sys"}, 1)
    memory.drop(0xFFFFD20B_FC000000)
    assert names(unloaded_modules(memory, kdbg)) == ["Unknown_Module_fffff807_5bc0e000"]


def test_nothing_was_unloaded() -> None:
    memory, kdbg = unloaded({}, 0)
    memory.write_u64(POINTER, 0)
    assert unloaded_modules(memory, kdbg) == Listing(())


def test_half_of_the_array_may_be_missing() -> None:
    memory, kdbg = unloaded({0: "a.sys", 40: "b.sys"}, 41)
    memory.drop(ARRAY + 0x600)
    assert names(unloaded_modules(memory, kdbg)) == ["a.sys"]


def test_without_its_pointer_or_its_pages_it_is_not_known() -> None:
    memory, kdbg = unloaded({0: "a.sys"}, 1)
    memory.drop(ARRAY)
    with pytest.raises(MemoryGap):
        unloaded_modules(memory, kdbg)
    memory.write(KDBG_AT, kdbg_bytes())
    with pytest.raises(NotKnown):
        unloaded_modules(memory, read_kdbg(memory, KDBG_AT))


def test_the_driver_list_of_a_real_dump_has_the_debuggers_names() -> None:
    dump, log = SHARED / "dumps/083125-14875-01.dmp", SHARED / "logs/32-4a-bsod-minidump-diagnostics-tool.txt"
    if not dump.exists() or not log.exists():
        pytest.skip("the sample dumps are not here")
    # rows of "lm t n": start end name image stamp
    address = "([0-9a-f]{8}`[0-9a-f]{8})"
    row = re.compile(rf"^{address} {address}\s+(\w+)\s+(\S+)\s+.*?([0-9A-F]{{8}})\b(?!`)", re.M)
    listed = {
        (int(start.replace("`", ""), 16), int(end.replace("`", ""), 16), name, image, int(stamp, 16))
        for start, end, name, image, stamp in row.findall(log.read_text("utf-8").split("Unloaded modules")[0])
    }
    found = set(map(as_listed, sample_drivers(dump.read_bytes())))
    # The debugger takes the kernel's image name from the image's debug data; the list has the file's.
    kernel_row = next(each for each in listed if each[2] == "nt")
    assert found - listed == {(*kernel_row[:3], "ntoskrnl.exe", kernel_row[4])}
    assert listed - found == {kernel_row}
    assert len(found) == 156


def as_listed(module: Module) -> tuple[int, int, str, str, int | None]:
    return module.base, module.end, module.name, module.image_name, module.timestamp


def sample_drivers(data: bytes) -> list[Module]:
    """The driver list of a triage dump: 0x90 bytes each, the name's offset at 0, the KLDR entry at 8."""
    offset, count = struct.unpack_from("<2I", data, 0x2030)
    modules = []
    for start in range(offset, offset + 0x90 * count, 0x90):
        at = struct.unpack_from("<I", data, start)[0]
        name = data[at + 4 : at + 4 + 2 * struct.unpack_from("<I", data, at)[0]].decode("utf-16-le")
        modules.append(parse_module(data[start + 8 : start + 0x90], name))
    return modules
