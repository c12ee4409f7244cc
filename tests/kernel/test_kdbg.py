"""The debugger data block: in clear, cut short, encoded, forged."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from livedump.kernel.kdbg import KnownValues, find_build_lab, read_kdbg
from livedump.model.errors import DumpError, MemoryGap, NotKnown
from tests.kernel.kernel_memory import KDBG_AT, KERNEL_BASE, PAGE, Pages, kdbg_bytes

LIST, PROCESSES = 0xFFFFF807_5C838770, 0xFFFFF807_5C82C130
SAMPLES = Path(__file__).parents[3] / "shared/samples/dumps"
MASK = 2**64 - 1


def seeded(seed: int) -> random.Random:
    return random.Random(seed)


def memory_with(block: bytes, at: int = KDBG_AT) -> Pages:
    memory = Pages()
    memory.write(at, block)
    return memory


def encoded(block: bytes, always: int, never: int, flag: int) -> bytes:
    """What the kernel keeps in memory; the inverse, word by word, of the decoding that debuggers publish."""
    out = []
    for (word,) in struct.iter_unpack("<Q", block):
        value = int.from_bytes((word ^ always).to_bytes(8, "little"), "big") ^ flag
        turn = never & 0xFF
        turned = (value >> turn % 64) | (value << (64 - turn % 64))
        out.append((turned & MASK) ^ never)
    return struct.pack(f"<{len(out)}Q", *out)


def test_a_block_in_clear_is_read_by_its_names() -> None:
    kdbg = read_kdbg(memory_with(kdbg_bytes(PsLoadedModuleList=LIST)), KDBG_AT)
    assert (kdbg.kernel_base, kdbg.loaded_module_list, kdbg.block_size, kdbg.decoded) == (
        KERNEL_BASE,
        LIST,
        0x380,
        None,
    )
    assert (kdbg.prcb_context, kdbg.eprocess_directory_table_base, kdbg.kthread_stack_base) == (0x85C0, 0x28, 0x38)


def test_fields_behind_the_size_are_not_known() -> None:
    kdbg = read_kdbg(memory_with(kdbg_bytes(0x340)), KDBG_AT)
    assert kdbg.prcb_context == 0x85C0  # at 0x338
    assert kdbg.kthread_stack_limit is None  # at 0x340
    assert kdbg.prcb_idle_thread is None


def test_zero_is_not_an_address() -> None:
    assert read_kdbg(memory_with(kdbg_bytes()), KDBG_AT).unloaded_drivers is None


def test_a_block_whose_second_page_is_missing_answers_from_its_first() -> None:
    at = 0xFFFFF807_5C80F000 - 0x240
    memory = memory_with(kdbg_bytes(KiProcessorBlock=LIST), at)
    memory.drop(at + 0x240)
    kdbg = read_kdbg(memory, at)
    assert (kdbg.processor_block, kdbg.size_eprocess, kdbg.block_size) == (LIST, None, 0x380)


@pytest.mark.parametrize("size", [0, 1, 0x17, 0x18, 0x19, 0x3A0, 0x3A1, 0x1000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_any_size_is_survived(size: int) -> None:
    block = bytearray(PAGE)
    block[:0x380] = kdbg_bytes()
    struct.pack_into("<I", block, 0x14, size)
    kdbg = read_kdbg(memory_with(bytes(block)), KDBG_AT)
    assert len(kdbg.data) <= 0x3A0
    assert kdbg.block_size == size


@pytest.mark.parametrize("seed", range(6))
def test_an_encoded_block_is_decoded_with_symbols(seed: int) -> None:
    rng = seeded(seed)
    always, never, flag = rng.getrandbits(64), rng.getrandbits(64), 0xFFFFF807_5C812345
    memory = memory_with(encoded(kdbg_bytes(PsLoadedModuleList=LIST), always, never, flag))
    variables = {"KiWaitAlways": 0xFFFFF807_5CA00010, "KiWaitNever": 0xFFFFF807_5CA00018}
    memory.write_u64(variables["KiWaitAlways"], always, never)
    kdbg = read_kdbg(memory, KDBG_AT, find_symbol={**variables, "KdpDataBlockEncoded": flag}.get)
    assert (kdbg.decoded, kdbg.loaded_module_list, kdbg.size_prcb) == ("symbols", LIST, 0xAF00)


NO_SYMBOLS: dict[str, int] = {}


@pytest.mark.parametrize("never", [0, 1, 63, 64, 0xFF, 0x1234567890ABCDEF, MASK])
@pytest.mark.parametrize("header_helps", [True, False])
def test_an_encoded_block_is_decoded_without_symbols(never: int, header_helps: bool) -> None:
    clear = kdbg_bytes(PsLoadedModuleList=LIST, PsActiveProcessHead=PROCESSES)
    memory = memory_with(encoded(clear, 0x9E3779B97F4A7C15, never, 0xFFFFF807_5C812345))
    known = KnownValues(LIST, PROCESSES) if header_helps else KnownValues()
    kdbg = read_kdbg(memory, KDBG_AT, known, find_symbol=NO_SYMBOLS.get)
    assert (kdbg.decoded, kdbg.data) == ("known values", clear)


def test_symbols_of_another_kernel_do_not_stand_in_the_way() -> None:
    clear = kdbg_bytes(PsLoadedModuleList=LIST)
    memory = memory_with(encoded(clear, 77, 0x1234567890ABCDEF, 0xFFFFF807_5C812345))
    elsewhere = dict.fromkeys(["KiWaitAlways", "KiWaitNever", "KdpDataBlockEncoded"], KDBG_AT)
    kdbg = read_kdbg(memory, KDBG_AT, find_symbol=elsewhere.get)
    assert (kdbg.decoded, kdbg.data) == ("known values", clear)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_no_block_is_refused(seed: int) -> None:
    junk = seeded(seed).randbytes(0x400) if seed else bytes(0x400)
    with pytest.raises(NotKnown, match="no debugger data block"):
        read_kdbg(memory_with(junk), KDBG_AT, KnownValues(LIST, PROCESSES))


def test_a_missing_page_is_a_gap() -> None:
    with pytest.raises(MemoryGap):
        read_kdbg(Pages(), KDBG_AT)


@pytest.mark.parametrize("at", [0, 2**63, 2**64 - 1, 2**64 - 0x10, 2**64 + 5, -8])
def test_any_address_is_survived(at: int) -> None:
    with pytest.raises(DumpError):
        read_kdbg(Pages(), at)


def test_the_build_lab_is_text_up_to_its_end() -> None:
    lab = 0xFFFFF807_5C85A020
    memory = memory_with(kdbg_bytes(NtBuildLab=lab))
    memory.write(lab, b"19041.1.amd64fre.vb_release.191206-1406\0rest")
    assert find_build_lab(memory, read_kdbg(memory, KDBG_AT)) == "19041.1.amd64fre.vb_release.191206-1406"


def test_a_build_lab_without_end_is_cut_and_cleaned() -> None:
    lab = 0xFFFFF807_5C85A020
    memory = memory_with(kdbg_bytes(NtBuildLab=lab))
    memory.write(lab, b"\x1b[31m" + b"x" * 0xF00)
    found = find_build_lab(memory, read_kdbg(memory, KDBG_AT))
    assert found is not None
    assert found.startswith(r"\x1b[31mxxx")
    assert len(found) == 0x100 + 3


def test_a_missing_build_lab_is_not_known() -> None:
    memory = memory_with(kdbg_bytes(NtBuildLab=0xFFFFF807_5C85A020))
    assert find_build_lab(memory, read_kdbg(memory, KDBG_AT)) is None


def test_the_copy_in_a_real_triage_dump() -> None:
    path = SAMPLES / "083125-14875-01.dmp"
    if not path.exists():
        pytest.skip("the sample dumps are not here")
    data = path.read_bytes()
    memory = Pages()
    memory.write(0xFFFFF8075C80EB20, data[0xE620 : 0xE620 + 0x380])
    kdbg = read_kdbg(memory, 0xFFFFF8075C80EB20)
    # lm t n: fffff807`5bc0e000 fffff807`5cc54000   nt       ntkrnlmp.exe
    assert kdbg.kernel_base == 0xFFFFF8075BC0E000
    # the header's PsLoadedModuleList and PsActiveProcessHead
    assert (kdbg.loaded_module_list, kdbg.active_process_head) == struct.unpack_from("<2Q", data, 0x20)
    # dt nt!_EPROCESS of 19041: size 0xa40, Peb at 0x550; dt nt!_KPROCESS DirectoryTableBase at 0x28
    assert (kdbg.size_eprocess, kdbg.eprocess_peb, kdbg.eprocess_directory_table_base) == (0xA40, 0x550, 0x28)
