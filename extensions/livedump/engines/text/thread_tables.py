"""Processors, processes and threads as tables of debugger text: !running, !process 0 0, those of MEX."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from livedump.engines.text.lines import ADDRESS, parse_address, parse_prompt
from livedump.model.machines import MAX_PROCESSORS

MAX_ROWS = 100_000

_RUNNING = re.compile(
    r"\s{1,8}(\d{1,4})\s+([0-9a-f]{16})\s+([0-9a-f]{16})\s+\(\s?(\d{1,2})\)\s+"
    r"(?:([0-9a-f]{16})\s+\(\s?(\d{1,2})\)\s+)?([0-9a-f]{16})\b"
)
_PROCESS = re.compile(rf"\s*PROCESS ({ADDRESS})\s*$")
_HANDLES = re.compile(r"\bHandleCount:\s{1,8}(\d{1,9})\.")
_MEX_PROCESS = re.compile(rf"0x([0-9a-f]{{1,8}})\s+0n(\d{{1,10}})\s+({ADDRESS})\s+(\S(?:.{{0,60}}?\S)?)(?:\s{{2,}}|$)")
_MEX_THREAD = re.compile(
    r"(\S.{0,60}?)\s+([0-9a-f]{1,8}) ([0-9a-f]{8,16})\s+([0-9a-f]{1,8})\s+(\d{1,2})\s+\d{1,2}\s+"
    r"(?:\d{1,20}\s+)?(\d{1,4})\s+(?:\d{1,4}\s+)?\d{1,12}\s+[0-9dhms.:]{1,20}\s+[0-9dhms.:]{1,20}\s+"
    r"(Running|Ready|Standby)\b"
)


class RunningRow(NamedTuple):
    """One row of ``!running``."""

    number: int
    prcb: int
    current: int
    priority: int
    next: int | None
    next_priority: int | None
    idle: int


class ProcessRow(NamedTuple):
    """One process that MEX lists."""

    address: int
    process_id: int
    name: str


class ThreadRow(NamedTuple):
    """One thread that MEX lists, on a processor or ready for one."""

    process: str
    process_id: int
    thread: int
    thread_id: int
    priority: int
    processor: int
    state: str


def parse_running(lines: Sequence[str]) -> tuple[RunningRow, ...]:
    """The rows of ``!running`` by number, of each processor the first; empty when the text holds none."""
    rows: dict[int, RunningRow] = {}
    for line in lines:
        found = _RUNNING.match(line) if line.startswith(" ") and "(" in line else None
        if found and len(rows) < MAX_PROCESSORS:
            number, prcb, current, priority, following, its, idle = found.groups()
            rows.setdefault(
                int(number),
                RunningRow(
                    int(number),
                    int(prcb, 16),
                    int(current, 16),
                    int(priority),
                    int(following, 16) if following else None,
                    int(its) if its else None,
                    int(idle, 16),
                ),
            )
    return tuple(rows[number] for number in sorted(rows))


def parse_handle_counts(lines: Sequence[str]) -> dict[int, int]:
    """How many handles each process has, by EPROCESS, as ``!process`` prints it."""
    counts: dict[int, int] = {}
    process: int | None = None
    for line in lines:
        found = _PROCESS.match(line) if "PROCESS " in line else None
        if found:
            process = parse_address(found.group(1))
        elif process is not None and "HandleCount" in line:
            handles = _HANDLES.search(line)
            if handles and len(counts) < MAX_ROWS:
                counts.setdefault(process, int(handles.group(1)))
        elif process is not None and parse_prompt(line):
            process = None
    return counts


def iter_mex_processes(lines: Sequence[str]) -> Iterator[ProcessRow]:
    """The processes that MEX's ``!tl`` lists; it prints each id twice, in hex and in decimal."""
    for line in lines:
        found = _MEX_PROCESS.match(line) if line.startswith("0x") else None
        if found and int(found.group(1), 16) == int(found.group(2)):
            address = parse_address(found.group(3))
            if address is not None:
                yield ProcessRow(address, int(found.group(2)), found.group(4))


def iter_mex_threads(lines: Sequence[str]) -> Iterator[ThreadRow]:
    """The threads that MEX's ``!running`` and ``!ready`` list, below their headings."""
    below = False
    for line in lines:
        if "CSwitches" in line and line.startswith("Process"):
            below = True
        elif below and not line.strip():
            below = False
        found = _MEX_THREAD.match(line) if below else None
        thread = parse_address(found.group(3)) if found else None
        if found and thread is not None:
            process, number, _, thread_id, priority, processor, state = found.groups()
            ids = int(number, 16), thread, int(thread_id, 16)
            yield ThreadRow(process, *ids, int(priority), int(processor), state)
