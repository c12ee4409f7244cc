"""A 64-bit value in the forms that tell something: those of WinDbg's ``.formats``, and a few beyond."""

from datetime import datetime
from enum import Enum
from functools import cache
from pathlib import Path
from typing import NamedTuple, Optional

from livedump.model.addresses import MAX_U64, format_address, is_kernel_address
from livedump.model.times import find_moment
from livedump.reference.codes import NOT_DOCUMENTED, find_live_code
from livedump.reference.entries import read_names


class AddressClass(Enum):
    """Which half of the address space a value points into, if it is a pointer at all."""

    KERNEL = "kernel"
    USER = "user"


class Formats(NamedTuple):
    """One value in several forms. A form that does not apply is None."""

    value: int
    hex: str
    """``00546173`6b6d6772``."""
    decimal: int
    """Signed, as ``.formats`` prints it."""
    chars: str
    """Eight characters, highest byte first: ``.Taskmgr``. Bytes that do not print are dots."""
    text: Optional[str]
    """``Taskmgr``, when the value looks like text."""
    time: Optional[datetime]
    """Aware, UTC, when the value read as FILETIME falls between 1990 and 2100."""
    ntstatus: Optional[str]
    """``STATUS_INSUFFICIENT_RESOURCES``, when the value is a warning or error with a name, of 32 bits or extended."""
    address: Optional[AddressClass]
    """What the value would point to. Small values count as numbers, not as addresses."""


class ParameterFormats(NamedTuple):
    """One parameter of a bug check: what it holds by the code's documentation, and its value in several forms."""

    meaning: Optional[str]
    """None when the code or this parameter is not documented."""
    formats: Formats


def decode_value(value: int) -> Formats:
    """A 64-bit value in all forms that apply.

    Raises:
        BadEntry: ``ntstatus.txt`` is damaged; names the line.
    """
    value &= MAX_U64
    decimal = value - (1 << 64) if value >> 63 else value
    status = ntstatus_name(value)
    address = None if status else _address_class(value)
    return Formats(
        value, format_address(value), decimal, _chars(value), parameter_text(value), _time(value), status, address
    )


def describe_parameter(code: int, number: int, value: int) -> ParameterFormats:
    """What parameter ``number`` (1 to 4, as in Arg1) of a live dump code holds, and its value in several forms.

    Raises:
        ValueError: there is no parameter of that number.
        BadEntry: a data file is damaged; names the line.
    """
    if number not in {1, 2, 3, 4}:
        raise ValueError(f"expected a parameter from 1 to 4, got {number}")
    known = find_live_code(code)
    meaning = known.parameters[number - 1] if known else NOT_DOCUMENTED
    return ParameterFormats(None if meaning == NOT_DOCUMENTED else meaning, decode_value(value))


def parameter_text(value: int) -> Optional[str]:
    """The text that a value spells, highest byte first, without the zeros around it: ``Taskmgr``; None when it is none.

    Text is printable ASCII, at least three characters of it letters or digits. The order of the bytes is a convention
    of the callers that pass text: a value cannot tell in which order it was meant to be read.
    """
    data = (value & MAX_U64).to_bytes(8, "big").strip(b"\0")
    if not all(map(_is_printable, data)):
        return None
    text = data.decode("ascii")
    return text if sum(map(str.isalnum, text)) >= _MIN_LETTERS else None


def ntstatus_name(value: int) -> Optional[str]:
    """The name of a warning or error, given as 32 bits or sign-extended to 64; None when the value has none.

    Raises:
        BadEntry: ``ntstatus.txt`` is damaged; names the line.
    """
    high, low = value >> 32, value & 0xFFFFFFFF
    return _ntstatus_names().get(low) if high == 0 or (high == 0xFFFFFFFF and low >> 31) else None


_MIN_LETTERS = 3
_FILETIME_1990 = 0x01B41E2A18D64000
_FILETIME_2101 = 0x02309034F02AC000


@cache
def _ntstatus_names() -> dict[int, str]:
    return read_names(Path(__file__).with_name("ntstatus.txt"))


def _chars(value: int) -> str:
    # The engine lets 0x7F through as it is; a control character has no place in a report.
    return "".join(chr(byte) if _is_printable(byte) else "." for byte in value.to_bytes(8, "big"))


def _is_printable(byte: int) -> bool:
    return 0x20 <= byte <= 0x7E


def _time(value: int) -> Optional[datetime]:
    return find_moment(value) if _FILETIME_1990 <= value < _FILETIME_2101 else None


def _address_class(value: int) -> Optional[AddressClass]:
    if is_kernel_address(value):
        return AddressClass.KERNEL if value < 0xFFFFFFFFFFFF0000 else None  # small negative numbers
    return AddressClass.USER if 1 << 32 <= value < 1 << 47 else None
