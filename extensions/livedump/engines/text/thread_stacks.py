"""Stacks of threads that do not run, in debugger text: ``!stacks`` and MEX's ``!us``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from livedump.engines.text.lines import ADDRESS, parse_address, parse_prompt
from livedump.engines.text.stack import MAX_FRAMES, split_site
from livedump.model.addresses import is_kernel_address
from livedump.model.frames import Frame, Stack, Trust
from livedump.model.thread_states import ThreadState

MAX_THREADS = 100_000
PAGED_OUT = "Stack paged out"

_PROCESS = re.compile(rf"\s{{4,80}}\[(?:({ADDRESS}) )?(\S.{{0,60}}?)\]\s*$")
_THREAD = re.compile(
    rf"\s{{0,8}}([0-9a-f]{{1,8}})\.([0-9a-f]{{1,8}})\s+({ADDRESS})\s+(?:([0-9a-f]{{7,8}})\s+)?([A-Za-z:?]{{3,24}})\s+(\S.*)$"
)
_FRAME = re.compile(r"\s{20,80}(\S.*)$")
_GROUP = re.compile(rf"(\d{{1,6}}) threads? \[stats\]:((?:\s+{ADDRESS})+)")
_GROUP_FRAME = re.compile(rf"\s{{2,8}}({ADDRESS}|\(Inline\))\s+(\S+)")
_ANY = re.compile(ADDRESS)
_STATES = {state.title: state for state in ThreadState}
_CUT = "the debugger's text ends before the end of the stack"


class SaidThread(NamedTuple):
    """One thread, and where it stands."""

    address: int
    process: int | None
    """EPROCESS."""
    process_name: str | None
    process_id: int | None
    thread_id: int | None
    state: ThreadState | None
    paged_out: bool
    stack: Stack | None


def iter_listed_stacks(lines: Sequence[str]) -> Iterator[SaidThread]:
    """The threads of ``!stacks``, at most MAX_THREADS; of its short forms each has one frame."""
    below, count = False, 0
    process: tuple[int | None, str | None] = (None, None)
    thread: SaidThread | None = None
    sites: list[str] = []
    for line in lines:
        if "Proc.Thread" in line or parse_prompt(line):
            below = "Proc.Thread" in line
        row = _THREAD.match(line) if below else None
        named = _PROCESS.match(line) if below and not row and "[" in line else None
        if thread and (row or named or not below):
            yield _with_stack(thread, sites)
            thread, count = None, count + 1
        if count >= MAX_THREADS:
            return
        if named:
            process = parse_address(named.group(1)) if named.group(1) else None, named.group(2)
        elif row:
            thread, sites = _thread(row, process), [row.group(6)]
        elif thread and len(sites) < MAX_FRAMES:
            frame = _FRAME.match(line)
            sites += [frame.group(1)] if frame else []
    if thread:
        yield _with_stack(thread, sites)


def _thread(row: re.Match[str], process: tuple[int | None, str | None]) -> SaidThread:
    number, thread_id, address, _, state, blocker = row.groups()
    known = ThreadState.WAITING if state == "Blocked" else _STATES.get(state.upper())
    out = blocker.strip() == PAGED_OUT
    return SaidThread(parse_address(address) or 0, *process, int(number, 16), int(thread_id, 16), known, out, None)


def _with_stack(thread: SaidThread, sites: Sequence[str]) -> SaidThread:
    return thread if thread.paged_out else thread._replace(stack=_stack([(None, site.strip()) for site in sites]))


def iter_grouped_stacks(lines: Sequence[str]) -> Iterator[SaidThread]:
    """The threads of MEX's ``!us``, those of one stack together; at most MAX_THREADS."""
    threads: tuple[int, ...] = ()
    rows: list[tuple[int | None, str]] = []
    left = MAX_THREADS
    for line in lines:
        group = _GROUP.match(line) if "[stats]" in line else None
        frame = _GROUP_FRAME.match(line) if threads and not group else None
        if threads and not frame:
            yield from _of_group(threads, rows)
            threads = ()
        if group:
            found = (parse_address(each) for each in _ANY.findall(group.group(2)))
            threads, rows = tuple(each for each in found if each is not None and is_kernel_address(each))[:left], []
            left -= len(threads)
        elif frame and len(rows) < MAX_FRAMES:
            rows.append((parse_address(frame.group(1)), frame.group(2)))
    yield from _of_group(threads, rows)


def _of_group(threads: Sequence[int], rows: Sequence[tuple[int | None, str]]) -> Iterator[SaidThread]:
    stack = _stack(rows) if rows else None
    for thread in threads:
        yield SaidThread(thread, None, None, None, None, None, False, stack)


def _stack(rows: Sequence[tuple[int | None, str]]) -> Stack:
    frames = []
    for index, (instruction, site) in enumerate(rows):
        module, symbol, offset = split_site(site)
        frames.append(Frame(index, None, None, instruction, module or None, symbol, offset, Trust.UNWIND))
    return Stack(tuple(frames), _CUT)
