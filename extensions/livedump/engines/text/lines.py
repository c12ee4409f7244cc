"""Debugger text as lines, numbers and prompts: what all readers of cdb, kd and WinDbg output share.

The text is hostile: it may come from a dump's own strings or from a pasted file. Lines are cut at MAX_LINE, and
every pattern here fits a line in time that grows with its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

MAX_LINE = 2048
"""Characters of a line that are looked at."""
MAX_LINES = 400_000
"""A log as large as is ever read has fewer, if its lines are of ordinary length."""

ADDRESS = r"[0-9a-fA-F]{8}(?:`?[0-9a-fA-F]{8})?"
"""Pattern of an address as a column of a table: ``fffff801`781565d5``, or eight digits of a 32-bit system."""

_HEX = re.compile(r"(?:0x)?([0-9a-fA-F`]{1,17})$")
_PROMPT = re.compile(r"(?:(\d{1,4}|\?): ?)?l?kd(?::\w{1,8})?>(.*)$")
_INITIAL_COMMAND = re.compile(r" *\w+: Reading initial command '(.*)'$")


class Prompt(NamedTuple):
    """A line on which a command was entered: ``3: kd> k``."""

    processor: int | None
    """0 on a machine with one processor, whose prompt has no number; None where the prompt shows ``?``."""
    command: str


def split_lines(text: str) -> tuple[str, ...]:
    """The lines of a transcript without their ends, cut at MAX_LINE characters, at most MAX_LINES of them."""
    return tuple(line.rstrip("\r")[:MAX_LINE] for line in text.split("\n", MAX_LINES)[:MAX_LINES])


def parse_hex(text: str) -> int | None:
    """A number as the debugger prints it, with or without ``0x`` and the mark in the middle; None for anything else."""
    found = _HEX.match(text.strip())
    digits = found.group(1).replace("`", "") if found else ""
    return int(digits, 16) if digits else None


def parse_address(text: str) -> int | None:
    """An address of a table; eight digits of a 32-bit system are extended by their sign, as the engine does it."""
    value = parse_hex(text)
    return value | 0xFFFFFFFF00000000 if value is not None and len(text) == 8 and value >> 31 else value


def parse_prompt(line: str) -> Prompt | None:
    """The processor and the command of a kernel debugger's prompt; None for any other line."""
    if "kd" not in line[:12]:
        return None
    return _read_prompt(line)


@lru_cache(maxsize=1024)
def _read_prompt(line: str) -> Prompt | None:
    # A log has few prompts, and every reader asks for each of them.
    found = _PROMPT.match(line)
    if not found:
        return None
    number, command = found.groups()
    initial = _INITIAL_COMMAND.match(command) if "Reading" in command else None
    processor = None if number == "?" else int(number or 0)
    return Prompt(processor, (initial.group(1) if initial else command).strip())


def iter_commands(prompt: Prompt) -> Iterator[tuple[str, str]]:
    """Each command of a prompt's line as its word and its arguments: ``.thread``, ``ffffa705dc563040``."""
    for part in prompt.command.split(";"):
        word, _, arguments = part.strip().partition(" ")
        yield word, arguments.strip()


def lines_at_processor(lines: Sequence[str], processor: int) -> tuple[str, ...]:
    """The lines from the first prompt of that processor on, up to that of another; empty when there is none."""
    chosen: list[str] = []
    for line in lines:
        prompt = parse_prompt(line)
        if prompt and prompt.processor != processor and chosen:
            break
        if chosen or (prompt and prompt.processor == processor):
            chosen.append(line)
    return tuple(chosen)


def find_value(lines: Sequence[str], key: str) -> str | None:
    """What follows ``key`` on the first line that begins with it, spaces apart; None: no line does, or it is empty."""
    for line in lines:
        if key in line:  # lines are many, and this is the quickest way past most of them
            stripped = line.lstrip()
            if stripped.startswith(key):
                return stripped[len(key) :].strip() or None
    return None
