"""Numbers, times and paths as records of Windows write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

Parameters = tuple["int | None", "int | None", "int | None", "int | None"]

_FILETIME_EPOCH = datetime(1601, 1, 1, tzinfo=timezone.utc)
_HEX = re.compile(r"\s*(?:0x)?([0-9a-fA-F`]{1,18})\s*$")
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?\s*Z")
_DUMP = re.compile(
    r"(?:\\\\\?\\)?(?:[A-Za-z]:|%\w{1,30}%|\\SystemRoot)?[\\/][^:*?\"<>|\r\n]{1,300}?\.dmp\b", re.IGNORECASE
)
_NAME = re.compile(r"[^\\/:*?\"<>|\r\n\s]{1,200}\.dmp\b", re.IGNORECASE)
_BUILD = re.compile(r"(?:10[._]0|6[._][0-3])[._](\d{4,6})\b")


def parse_hex(text: str | None) -> int | None:
    """A hexadecimal number of 64 bits, with or without ``0x``; None for anything else."""
    found = _HEX.match(text or "")
    digits = found.group(1).replace("`", "") if found else ""
    return int(digits, 16) if digits and len(digits) <= 16 else None


def parse_number(text: str | None) -> int | None:
    """A decimal number, or a hexadecimal one with ``0x``; None for anything else."""
    value = (text or "").strip()
    if value.lower().startswith("0x"):
        return parse_hex(value)
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 20 else None


def four(values: Sequence[int | None]) -> Parameters:
    """The first four, those that are missing as None."""
    first, second, third, fourth = (*values, None, None, None, None)[:4]
    return first, second, third, fourth


def parse_time(text: str | None) -> datetime | None:
    """A time in UTC, as ``2020-06-07T02:47:58.227544600Z``; None for local ones, whose zone nobody knows."""
    found = _TIME.search(text or "")
    if not found:
        return None
    *parts, fraction = found.groups()
    year, month, day, hour, minute, second = map(int, parts)
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    except ValueError:  # no such day
        return None
    return moment + timedelta(microseconds=int((fraction or "0").ljust(6, "0")[:6]))


def parse_filetime(text: str | None) -> datetime | None:
    """Ticks of 100 ns since 1601 in decimal, as in Report.wer."""
    ticks = parse_number(text)
    if ticks is None or not 0 < ticks < 0x0300000000000000:
        return None
    return _FILETIME_EPOCH + timedelta(microseconds=ticks // 10)


def find_dump_path(text: str) -> str | None:
    """The first path, else the first name, of a dump in the text."""
    found = _DUMP.search(text) or _NAME.search(text)
    return found.group().strip() if found else None


def find_build(text: str) -> int | None:
    """The build in ``10_0_26100``, ``10.0.26100.2.0.0.768.101``."""
    found = _BUILD.search(text)
    return int(found.group(1)) if found else None
