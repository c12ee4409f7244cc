"""Values as WinDbg's .formats shows them, and what else they can mean."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from livedump.reference.formats import (
    AddressClass,
    decode_value,
    describe_parameter,
    ntstatus_name,
    parameter_text,
)


@pytest.mark.parametrize(
    ("value", "hexadecimal", "decimal", "chars"),
    [
        # .formats of dbgeng 10.0.15063.400, the columns Hex, Decimal and Chars. The first is in the paper too.
        (0x005461736B6D6772, "00546173`6b6d6772", 23751046395160434, ".Taskmgr"),
        (0xFFFFFFFFC000009A, "ffffffff`c000009a", -1073741670, "........"),
        (0xFFFFFFFFFFFFFFFF, "ffffffff`ffffffff", -1, "........"),
        (0x01DC5B6F12345678, "01dc5b6f`12345678", 134082621519189624, "..[o.4Vx"),
        (0xA0B5E9DF42434445, "a0b5e9df`42434445", -6866324911757769659, "....BCDE"),
        (0x1C407E62, "00000000`1c407e62", 473988706, ".....@~b"),
        (0, "00000000`00000000", 0, "........"),
        (0x8000000000000000, "80000000`00000000", -9223372036854775808, "........"),
    ],
)
def test_hex_decimal_and_chars_are_those_of_formats(value: int, hexadecimal: str, decimal: int, chars: str) -> None:
    shown = decode_value(value)
    assert (shown.hex, shown.decimal, shown.chars) == (hexadecimal, decimal, chars)


def test_a_control_character_never_reaches_the_report() -> None:
    # .formats 41ff7f801f20097e prints A.<7F>.. .~ : the engine lets DEL through.
    assert decode_value(0x41FF7F801F20097E).chars == "A.... .~"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0x005461736B6D6772, "Taskmgr"),
        (int.from_bytes(b"Taskmgr2", "big"), "Taskmgr2"),
        (int.from_bytes(b"abc\0\0\0\0\0", "big"), "abc"),
        (int.from_bytes(b"a b-c", "big"), "a b-c"),
        (int.from_bytes(b"ab", "big"), None),  # two characters are more often a number
        (int.from_bytes(b"abc\0def", "big"), None),
        (int.from_bytes(b"ab\x07cd", "big"), None),
        (int.from_bytes(b"abc\x7f", "big"), None),
        (int.from_bytes(b"caf\xe9", "big"), None),
        (int.from_bytes(b"   ...", "big"), None),
        (0, None),
        (0xFFFFFFFFFFFFFFFF, None),
    ],
)
def test_text_only_when_every_byte_prints(value: int, text: str | None) -> None:
    assert parameter_text(value) == text
    assert decode_value(value).text == text


def test_a_time_when_the_value_is_a_plausible_filetime() -> None:
    # .formats 01dc5b6f12345678 prints Sat Nov 22 05:15:51.918 2025 (UTC + 0:00).
    time = decode_value(0x01DC5B6F12345678).time
    assert time is not None
    assert time.isoformat(timespec="milliseconds") == "2025-11-22T05:15:51.918+00:00"


def _filetime(moment: datetime) -> int:
    return (moment - datetime(1601, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1) * 10


@pytest.mark.parametrize(("year", "plausible"), [(1989, False), (1990, True), (2100, True), (2101, False)])
def test_times_end_with_the_years_1990_and_2100(year: int, plausible: bool) -> None:
    first, last = datetime(year, 1, 1, tzinfo=timezone.utc), datetime(year, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
    assert decode_value(_filetime(first)).time == (first if plausible else None)
    assert decode_value(_filetime(last)).time == (last if plausible else None)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (0xC000009A, "STATUS_INSUFFICIENT_RESOURCES"),  # ntstatus.h
        (0xFFFFFFFFC000009A, "STATUS_INSUFFICIENT_RESOURCES"),  # parameter 2 of a 0x1B0
        (0xFFFFFFFF80000003, "STATUS_BREAKPOINT"),
        (0xC0000354, "STATUS_DEBUGGER_INACTIVE"),
        (0x00000001C000009A, None),
        (0xFFFFFFFE_C000009A, None),
        (0xFFFFFFFF_0000009A, None),
        (0xCFFFFFFF, None),
        (0, None),
    ],
)
def test_status_names_of_32_bits_or_extended(value: int, name: str | None) -> None:
    assert ntstatus_name(value) == name
    assert decode_value(value).ntstatus == name


@pytest.mark.parametrize(
    ("value", "address"),
    [
        (0xFFFFA70647D06060, AddressClass.KERNEL),  # parameter 1 of a 0x141
        (0xFFFF800000000000, AddressClass.KERNEL),
        (0xFFFFFFFFFFD00000, AddressClass.KERNEL),
        (0xFFFF7FFFFFFFFFFF, None),  # not canonical
        (0x0000800000000000, None),
        (0x00007FFCD2563054, AddressClass.USER),  # frame 9 of the paper's first listing
        (0x100000000, AddressClass.USER),
        (0xFFFFFFFF, None),
        (5, None),
        (0xFFFFFFFFFFFFFFFF, None),  # -1
        (0xFFFFFFFFC000009A, None),  # a status
    ],
)
def test_where_a_pointer_would_point(value: int, address: AddressClass | None) -> None:
    assert decode_value(value).address is address


def test_a_parameter_is_described_by_its_code_and_its_value() -> None:
    described = describe_parameter(0x1B0, 2, 0xFFFFFFFFC000009A)
    assert described.meaning == "NTSTATUS"  # Microsoft's page on 0x1B0: parameter 2
    assert described.formats.ntstatus == "STATUS_INSUFFICIENT_RESOURCES"


def test_parameters_count_from_one_as_in_arg1() -> None:
    assert "Taskmgr" in (describe_parameter(0x161, 1, 0).meaning or "")
    for number in (0, 5):
        with pytest.raises(ValueError, match="from 1 to 4"):
            describe_parameter(0x161, number, 0)


@pytest.mark.parametrize("code", [0x50, 0x207])
def test_an_undocumented_parameter_has_no_meaning(code: int) -> None:
    assert describe_parameter(code, 1, 0).meaning is None


@pytest.mark.parametrize("value", [1 << 64, -1, 1 << 200])
def test_a_value_of_more_than_64_bits_is_cut(value: int) -> None:
    assert decode_value(value) == decode_value(value % (1 << 64))
