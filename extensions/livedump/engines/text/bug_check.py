"""The bug check in debugger text: what .bugcheck prints, and what !analyze says about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from livedump.engines.text.lines import find_value, parse_hex, parse_prompt
from livedump.model.bug_check import BugCheck

ARGUMENTS_WITHIN = 4
"""Lines behind ``Bugcheck code`` among which ``Arguments`` is looked for: warnings may stand between."""

_CODE = "Bugcheck code "
_ARGUMENTS = "Arguments "
_HEADING = re.compile(r"(?:[A-Z][A-Z0-9_]{2,80}|Unknown bugcheck code) \(([0-9a-fA-F]{1,8})\)\s*$")
_SUMMARY = re.compile(r"BugCheck ([0-9A-Fa-f]{1,8}), \{([0-9a-fA-F, ]{1,90})\}")
_ARGUMENT = re.compile(r"Arg([1-4]): ([0-9a-fA-F`]{1,17})(?:,|\s|$)")
_PROCESS_COMMAND = re.compile(r"\.process (?:/\w )*(?:0x)?([0-9a-fA-F`]{8,17})")
_UNKNOWN = (None, None, None, None)


class Analysis(NamedTuple):
    """What !analyze prints. Each part may be missing: the text may be cut, or of an old or new version."""

    code: int | None
    parameters: tuple[int | None, ...]
    """Four."""
    attributes: int | None
    """DUMP_FILE_ATTRIBUTES."""
    process_name: str | None
    process_address: int | None
    """EPROCESS, from STACK_COMMAND."""
    dump_name: str | None
    """FILE_IN_CAB: the file's name without its folder."""
    image_name: str | None
    """The image that !analyze blames: its guess, no fact."""
    bucket: str | None
    """FAILURE_BUCKET_ID: a guess as well."""


def parse_bug_check(lines: Sequence[str]) -> BugCheck | None:
    """What .bugcheck prints: ``Bugcheck code 00000161``, then ``Arguments`` and four values; None: it is not there."""
    for at, line in enumerate(lines):
        code = _first_value(line, _CODE)
        if code is not None:
            for below in lines[at + 1 : at + 1 + ARGUMENTS_WITHIN]:
                found = _bug_check(code, _values(_after(below, _ARGUMENTS).split()))
                if found:
                    return found
    return None


def parse_analysis(lines: Sequence[str]) -> Analysis | None:
    """What !analyze printed; None where the text holds nothing of it."""
    own = tuple(_without_lookups(lines))
    code, parameters = _explained(own)
    found = Analysis(
        code=code if code is not None else _listed_code(own),
        parameters=parameters if None not in parameters else _listed_parameters(own),
        attributes=_attributes(own),
        process_name=find_value(own, "PROCESS_NAME:"),
        process_address=_process_address(find_value(own, "STACK_COMMAND:") or ""),
        dump_name=find_value(own, "FILE_IN_CAB:"),
        image_name=find_value(own, "IMAGE_NAME:"),
        bucket=find_value(own, "FAILURE_BUCKET_ID:"),
    )
    return None if found == (None, _UNKNOWN, *(None,) * 6) else found


def analyzed_bug_check(lines: Sequence[str]) -> BugCheck | None:
    """The bug check that !analyze names; None unless its code and all four parameters are there."""
    analysis = parse_analysis(lines)
    if analysis is not None and analysis.code is not None:
        return _bug_check(analysis.code, analysis.parameters)
    return _summarized(lines)


def _summarized(lines: Sequence[str]) -> BugCheck | None:
    # The short form of versions before 10.0.17763: ``BugCheck 1000007E, {ffffffffc0000005, ...}``.
    for line in lines:
        found = _SUMMARY.match(line) if line.startswith("BugCheck ") else None
        if found:
            return _bug_check(int(found.group(1), 16), _values(found.group(2).replace(",", " ").split()))
    return None


def _bug_check(code: int, parameters: Sequence[int | None]) -> BugCheck | None:
    known = [value for value in parameters if value is not None]
    return BugCheck(code, (known[0], known[1], known[2], known[3])) if len(known) == 4 else None


def _values(words: Sequence[str]) -> tuple[int | None, ...]:
    return tuple(parse_hex(word) for word in words[:4])


def _after(line: str, key: str) -> str:
    stripped = line.strip()
    return stripped[len(key) :] if stripped.startswith(key) else ""


def _first_value(line: str, key: str) -> int | None:
    words = _after(line, key).split(None, 1)
    return parse_hex(words[0]) if words else None


def _without_lookups(lines: Sequence[str]) -> Iterator[str]:
    # ``!analyze -show 161`` explains any code in the words used for the dump's own.
    lookup = False
    for line in lines:
        prompt = parse_prompt(line)
        if prompt:
            lookup = "-show" in prompt.command
        if not lookup:
            yield line


def _explained(lines: Sequence[str]) -> tuple[int | None, tuple[int | None, ...]]:
    # The code of the last heading before the first ``Arg1:``, and the arguments that follow.
    code: int | None = None
    values: list[int | None] = [None] * 4
    for line in lines:
        heading = _HEADING.match(line)
        argument = _ARGUMENT.match(line)
        if heading and values == [None] * 4:
            code = int(heading.group(1), 16)
        elif argument and values[int(argument.group(1)) - 1] is None:
            values[int(argument.group(1)) - 1] = parse_hex(argument.group(2))
    return (code if values != [None] * 4 else None), tuple(values)


def _listed_code(lines: Sequence[str]) -> int | None:
    listed = find_value(lines, "BUGCHECK_CODE:") or find_value(lines, "BUGCHECK_STR:")
    return parse_hex(listed) if listed else None


def _listed_parameters(lines: Sequence[str]) -> tuple[int | None, ...]:
    return _values([find_value(lines, f"BUGCHECK_P{number}:") or "" for number in range(1, 5)])


def _attributes(lines: Sequence[str]) -> int | None:
    listed = find_value(lines, "DUMP_FILE_ATTRIBUTES:")
    if listed:
        return parse_hex(listed.split()[0])
    for at, line in enumerate(lines):
        if line.lstrip().startswith("Key ") and line.rstrip().endswith(": Dump.Attributes.AsUlong"):
            value = find_value(lines[at + 1 : at + 2], "Value:")
            return parse_hex(value) if value else None
    return None


def _process_address(command: str) -> int | None:
    found = _PROCESS_COMMAND.search(command)
    return parse_hex(found.group(1)) if found else None
