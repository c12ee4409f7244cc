"""Names and values in the output of ``!analyze``: ``KEY:  value``, and ``Key  : Name`` above ``Value: value``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from livedump.engines.text.lines import parse_prompt

MAX_KEYS = 4096

_KEY = re.compile(r"\s*([A-Z][A-Z0-9_]{2,40}|[A-Z][A-Za-z0-9]{1,30}(?:\.[A-Za-z0-9]{1,40}){1,6})\s?:(?:\s+(\S.*))?\s*$")
_KEY_LINE = re.compile(r"\s*Key\s{1,4}: (\S{1,120})\s*$")
_VALUE_LINE = re.compile(r"\s*Value\s{0,4}: ?(.*?)\s*$")


def read_keys(lines: Sequence[str]) -> Mapping[str, str]:
    """The first value of each name; empty values are left out. The lines are those ``without_lookups``."""
    values: dict[str, str] = {}
    name: str | None = None
    for line in lines:
        if ":" not in line[:60]:
            continue
        listed, value = _KEY_LINE.match(line), _VALUE_LINE.match(line)
        if listed:
            name = listed.group(1)
            continue
        found = _KEY.match(line)
        if value and name and value.group(1):
            values.setdefault(name, value.group(1))
        elif found and found.group(2):
            values.setdefault(found.group(1), found.group(2).strip())
        name = None
        if len(values) >= MAX_KEYS:
            break
    return values


def without_lookups(lines: Sequence[str]) -> Iterator[str]:
    """The lines but for those that explain a code which was asked for, in the words used for a dump's own."""
    lookup = False
    for line in lines:
        prompt = parse_prompt(line)
        if prompt:
            lookup = "-show" in prompt.command
        if not lookup:
            yield line
