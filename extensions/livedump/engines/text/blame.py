"""Whom the debugger blames, and whether its words are those for a live dump."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from livedump.model.told import Blame

_PROBABLY = re.compile(r"\s*Probably caused by\s?:\s*(\S{1,120})(?:\s+\(\s*(\S{1,200})\s*\))?")
_STOPPED_AT = re.compile(r"\s*\*\*\*\s{1,12}([\w.+-]{1,60}\.(?:sys|dll|exe)) - Address ", re.IGNORECASE)
"""On the blue screens of old systems."""
_BUCKET_IMAGE = re.compile(r"(?:^|_)IMAGE_([\w.+-]{1,60}\.(?:sys|dll|exe))(?:$|_)", re.IGNORECASE)
_BUCKET_CODE = re.compile(r"(?:LKD_|X64_|X86_|ARM64_|ARM_|WRONG_SYMBOLS_|OLD_IMAGE_)*0x([0-9A-Fa-f]{1,8})(?:_|$)")
_NOBODY = frozenset({"unknown_image", "unknown_module", "analysis_inconclusive", "any", "unknown"})
_LIVE_BUCKET = "LKD_"
_NEVER_REAL = re.compile(r"\s*\(?This code can never be used for a real bug ?check", re.IGNORECASE)
_LIVE_FOLDER = re.compile(r"\bLiveKernel(?:Reports|Dumps)\b", re.IGNORECASE)


def parse_blame(keys: Mapping[str, str], lines: Sequence[str]) -> Blame | None:
    """Whom the debugger blames; None where it says nothing of it."""
    bucket = _named(keys, "FAILURE_BUCKET_ID", "Failure.Bucket") or keys.get("BUCKET_ID")
    in_bucket = _BUCKET_IMAGE.search(bucket or "")
    image, symbol = _probable(lines)
    found = Blame(
        image_name=_named(keys, "IMAGE_NAME") or image or (in_bucket.group(1) if in_bucket else None),
        module_name=_named(keys, "MODULE_NAME", "Failure.Exception.IP.Module"),
        symbol_name=_named(keys, "SYMBOL_NAME") or symbol or _following(lines, "FAULTING_IP:"),
        image_version=_named(keys, "IMAGE_VERSION"),
        bucket=bucket,
        bucket_hash=(_named(keys, "FAILURE_ID_HASH", "Failure.Hash") or "").strip("{}") or None,
    )
    return None if found == Blame() else found


def code_in_bucket(bucket: str) -> int | None:
    """The code that a bucket's name begins with: 0x141 of ``LKD_0x141_IMAGE_nvlddmkm.sys``; None: it has none."""
    found = _BUCKET_CODE.match(bucket)
    return int(found.group(1), 16) if found else None


def words_for_live(blame: Blame | None, lines: Sequence[str], path: str | None) -> str | None:
    """The words by which the text calls the dump a live one; None where there are none."""
    if blame and blame.bucket and blame.bucket.upper().startswith(_LIVE_BUCKET):
        return f"the bucket {blame.bucket} is one of live dumps"
    if any(_NEVER_REAL.match(line) for line in lines if "can never" in line):
        return "this code can never be used for a real bug check"
    if path and _LIVE_FOLDER.search(path):
        return "the dump lies in a folder of live dumps"
    return None


def _named(keys: Mapping[str, str], *names: str) -> str | None:
    found = (keys[name].partition("  ")[0].strip() for name in names if name in keys)
    return next((value for value in found if value and value.lower() not in _NOBODY), None)


def _probable(lines: Sequence[str]) -> tuple[str | None, str | None]:
    for line in lines:
        found = _PROBABLY.match(line) if "Probably caused" in line else None
        if found and found.group(1).lower() not in _NOBODY:
            return found.group(1), found.group(2)
        stopped = _STOPPED_AT.match(line) if " - Address " in line else None
        if stopped:
            return stopped.group(1), None
    return None, None


def _following(lines: Sequence[str], key: str) -> str | None:
    # Older versions print a place below its key: the symbol, then the instruction.
    for line, below in zip(lines, lines[1:]):
        if line.lstrip().startswith(key):
            place = (line.partition(":")[2].strip() or below.strip()).split(None, 1)[:1]
            return place[0] if place and ("+" in place[0] or "!" in place[0]) else None
    return None
