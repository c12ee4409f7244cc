"""The bug check in debugger text: what .bugcheck, !analyze, kd, MEX and many tools print, and what it follows from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Optional

from livedump.engines.text.blame import code_in_bucket, parse_blame, words_for_live
from livedump.engines.text.keys import read_keys, without_lookups
from livedump.engines.text.lines import parse_hex
from livedump.engines.text.process_name import clean_process_name
from livedump.model.bug_check import BugCheck
from livedump.model.told import Blame

ARGUMENTS_WITHIN = 4
"""Lines behind ``Bugcheck code`` among which ``Arguments`` is looked for: warnings may stand between."""

Parameters = tuple[Optional[int], ...]

_CODE = "Bugcheck code "
_ARGUMENTS = "Arguments "
HEADING = re.compile(r"\s*(?:[A-Z][A-Z0-9_]{2,80}|Unknown bugcheck code) \((?:0x)?([0-9a-fA-F]{1,8})\)(?:\s*$|\t|  )")
_ARGUMENT = re.compile(r"\s*Arg(?:ument )?\s?([1-4])\s?[:=-]\s*(?:0x)?([0-9a-fA-F`]{1,17})(?:[,;.:)]|\s|$)")
_HEX = r"(?:0[xX])?[0-9a-fA-F`]{1,18}"
_QUOTED = rf"[`'\"]?{_HEX}[`'\"]?"
"""A number as it stands in a page, too."""
_LISTED = re.compile(
    rf"(?:BugCheck|[Bb]ug ?[Cc]heck(?: [Cc]ode)?(?: was)?|STOP|Stop(?: code)?|Fatal System Error)"
    rf"[*_]{{0,2}}\s?:?[*_]{{0,2}}\s+[`'\"]?(?:0[xX])?([0-9a-fA-F]{{1,8}})\b[`'\" :,]{{0,3}}\s*"
    rf"[({{]\s*({_QUOTED}(?:\s*,\s*{_QUOTED}){{0,3}})\s*[)}}]"
)
"""The code before its parameters in brackets: ``BugCheck 9F, {3, ...}``, ``Bugcheck: 5A (0, 0, 0, 0)``, ``STOP: 0x``"""
_CODE_AT_END = re.compile(
    r"(?:Fatal System Error|[Bb]ug ?[Cc]heck(?: [Cc]ode)?(?: was)?|STOP|Stop code)[*_]{0,2}\s?:[*_]{0,2}\s*"
    r"[`'\"]?0[xX]([0-9a-fA-F]{1,8})\W{0,3}$"
)
_PROCESS_COMMAND = re.compile(r"\.process (?:/\w )*(?:0x)?([0-9a-fA-F`]{8,17})")
_CODE_START = re.compile(r"0x([0-9a-fA-F]{1,8})(?:_|\s|$)")
UNKNOWN: Parameters = (None, None, None, None)


class Analysis(NamedTuple):
    """What !analyze and its like print. Each part may be missing: the text may be cut, or of an old or new version."""

    code: int | None
    parameters: Parameters
    """Four."""
    attributes: int | None
    """DUMP_FILE_ATTRIBUTES."""
    process_name: str | None
    process_address: int | None
    """EPROCESS, from STACK_COMMAND."""
    dump_name: str | None
    """FILE_IN_CAB: the file's name without its folder."""
    blame: Blame | None = None
    live_words: str | None = None
    """Why the text takes the dump for a live one."""
    doubts: tuple[str, ...] = ()
    """What was inferred or cut, for people."""


class Claim(NamedTuple):
    """A code or parameters, as one place of the text has them."""

    code: int | None
    parameters: Parameters = UNKNOWN
    doubt: str | None = None
    """What it was inferred from, where it is not said outright."""


NOTHING = Analysis(None, UNKNOWN, None, None, None, None)


def parse_bug_check(lines: Sequence[str]) -> BugCheck | None:
    """What .bugcheck prints: ``Bugcheck code 00000161``, then ``Arguments`` and four values; None: it is not there."""
    claim = _told_by_command(lines)
    return _bug_check(claim.code, claim.parameters) if claim and None not in claim.parameters else None


def parse_analysis(lines: Sequence[str]) -> Analysis | None:
    """What !analyze and its like printed; None where the text holds nothing of it."""
    own = tuple(without_lookups(lines))
    keys = read_keys(own)
    blame = parse_blame(keys, own)
    claim = merge_claims(_iter_claims(own, keys))
    name, cut = clean_process_name(keys.get("PROCESS_NAME"))
    found = Analysis(
        code=claim.code,
        parameters=claim.parameters,
        attributes=_attributes(keys),
        process_name=name,
        process_address=_process_address(keys.get("STACK_COMMAND", "")),
        dump_name=_first_word(keys.get("FILE_IN_CAB", "")) or None,
        blame=blame,
        live_words=words_for_live(blame, own, None),
        doubts=tuple(doubt for doubt in (claim.doubt, cut) if doubt),
    )
    return None if found == NOTHING else found


def merge_claims(claims: Iterable[Claim]) -> Claim:
    """The first code that is claimed, and each parameter from the first claim of the same code that has it."""
    code: int | None = None
    parameters = list(UNKNOWN)
    doubt: str | None = None
    for claim in claims:
        if claim.code is not None and code is None:
            code, doubt = claim.code, claim.doubt
        if claim.code is None or code is None or claim.code & 0xFFFFFFF == code & 0xFFFFFFF:
            parameters = [old if old is not None else new for old, new in zip(parameters, claim.parameters)]
    return Claim(code, tuple(parameters), doubt)


def _iter_claims(lines: Sequence[str], keys: Mapping[str, str]) -> Iterator[Claim]:
    # What is said outright first, what only follows from something else last.
    yield from filter(None, [_told_by_command(lines)])
    yield _explained(lines)
    yield _keyed(keys)
    yield from filter(None, [_listed(lines), _at_end(lines)])
    for name in ("Bugcheck.Code.TargetModel", "Bugcheck.Code.LegacyAPI", "Bugcheck.Code.KiBugCheckData"):
        yield Claim(parse_hex(keys.get(name, "")))
    started = _CODE_START.match(keys.get("BUGCHECK_STR", ""))
    yield Claim(int(started.group(1), 16) if started else None)
    bucket = keys.get("FAILURE_BUCKET_ID") or keys.get("Failure.Bucket") or keys.get("BUCKET_ID") or ""
    yield Claim(code_in_bucket(bucket), UNKNOWN, f"the code follows from the bucket {bucket}")


def _bug_check(code: int | None, parameters: Parameters) -> BugCheck | None:
    first, second, third, fourth = parameters
    return None if code is None else BugCheck(code, (first, second, third, fourth))


def _told_by_command(lines: Sequence[str]) -> Claim | None:
    for at, line in enumerate(lines):
        code = _first_value(line, _CODE) if _CODE in line else None
        if code is not None and code >> 32 == 0:
            below = (_after(each, _ARGUMENTS).split() for each in lines[at + 1 : at + 1 + ARGUMENTS_WITHIN])
            found = (_values(words) for words in below if words)
            return Claim(code, next((values for values in found if None not in values), UNKNOWN))
    return None


def _values(words: Sequence[str]) -> Parameters:
    known = [parse_hex(word) for word in words[:4]]
    return (*known, *UNKNOWN)[:4]


def _after(line: str, key: str) -> str:
    stripped = line.strip()
    return stripped[len(key) :] if stripped.startswith(key) else ""


def _first_value(line: str, key: str) -> int | None:
    words = _after(line, key).split(None, 1)
    return parse_hex(words[0]) if words else None


def _explained(lines: Sequence[str]) -> Claim:
    # The code of the last heading before the first ``Arg1:``, and the arguments that follow.
    code: int | None = None
    values: list[int | None] = [None] * 4
    for line in lines:
        argument = _ARGUMENT.match(line) if "Arg" in line[:24] else None
        heading = HEADING.match(line) if "(" in line else None
        if heading and values == [None] * 4:
            code = int(heading.group(1), 16)
        elif argument and values[int(argument.group(1)) - 1] is None:
            values[int(argument.group(1)) - 1] = parse_hex(argument.group(2))
    return Claim(code if values != [None] * 4 else None, tuple(values))


def _keyed(keys: Mapping[str, str]) -> Claim:
    code, *words = [_first_word(keys.get(f"BUGCHECK_{name}", "")) for name in ("CODE", "P1", "P2", "P3", "P4")]
    return Claim(parse_hex(code), _values(words))


def _first_word(text: str) -> str:
    return (text.split(None, 1) or [""])[0]


def _listed(lines: Sequence[str]) -> Claim | None:
    for line in lines:
        found = _LISTED.search(line) if "(" in line or "{" in line else None
        if found:
            return Claim(int(found.group(1), 16), _values(_words(found.group(2))))
    return None


def _words(text: str) -> list[str]:
    return [word.strip("`'\"") for word in text.lower().replace(",", " ").split()]


def _at_end(lines: Sequence[str]) -> Claim | None:
    # The code, and on the next line its parameters in brackets, or nothing.
    for line, below in zip(lines, [*lines[1:], ""]):
        found = _CODE_AT_END.search(line) if "0x" in line[-16:].lower() else None
        if found:
            listed = below.strip() if below.lstrip().startswith("(") else ""
            return Claim(int(found.group(1), 16), _values(_words(listed.partition(")")[0].strip("()"))))
    return None


def _attributes(keys: Mapping[str, str]) -> int | None:
    listed = keys.get("DUMP_FILE_ATTRIBUTES") or keys.get("Dump.Attributes.AsUlong")
    return parse_hex(listed.split()[0]) if listed else None


def _process_address(command: str) -> int | None:
    found = _PROCESS_COMMAND.search(command)
    return parse_hex(found.group(1)) if found else None
