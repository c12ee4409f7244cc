"""Processes and processors in debugger text: !process, dt nt!_EPROCESS, and the table of !running."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from livedump.engines.text.bug_check import Analysis
from livedump.engines.text.lines import iter_commands, parse_hex, parse_prompt
from livedump.engines.text.thread_tables import parse_running
from livedump.machine.machine import machine_of
from livedump.model.machines import ARM64, X64
from livedump.model.processors import Process, Processor, Registers

MAX_PROCESSES = 100_000

_PROCESS = re.compile(r"PROCESS ([0-9a-fA-F`]{8,17})\s*$")
_ID = re.compile(r"\bCid: ([0-9a-fA-F]{1,8})\b")
_TABLES = re.compile(r"\bDirBase: ([0-9a-fA-F]{1,16})\b")
_FIELD = re.compile(r"\s*\+0x[0-9a-f]{1,4} (\w{1,60})\s+: (.{1,200})$")
_QUOTED = re.compile(r'"([^"]{1,64})"')
_REGISTER = re.compile(r"\b(r[a-z0-9]{1,2}|x[0-9]{1,2}|fp|lr|sp|pc)=([0-9a-f]{16})\b")
_MEX_THREAD = re.compile(
    r"\s*(\S[^()]{0,60}?) \(([0-9a-f]{8,16})\)\s+[0-9a-f]{8,16}\s+\([A-Z|]{1,20}\)\s+([0-9a-f]{1,8})\.[0-9a-f]{1,8}\s"
)
_ALL = ("0 ",)
_CURRENT = ("-1 ", "@$proc ")


def iter_processes(lines: Sequence[str]) -> Iterator[Process]:
    """Each process that !process printed, in the text's order; at most MAX_PROCESSES."""
    count = 0
    current: Process | None = None
    for line in lines:
        stripped = line.strip()
        found = _PROCESS.match(stripped)
        if found or parse_prompt(line):
            if current:
                yield current
            current, count = None, count + 1
            if count > MAX_PROCESSES:
                return
        if found:
            current = Process(parse_hex(found.group(1)), None, None, None)
        elif current:
            current = _with_line(current, stripped)
    if current:
        yield current


def parse_processes(lines: Sequence[str]) -> tuple[Process, ...] | None:
    """All processes, from ``!process 0 0`` or a longer form of it; None when the text holds no such list."""
    listed = [each for each in iter_processes(_output_of(lines, _ALL)) if each.address is not None]
    return tuple(dict.fromkeys(listed)) or None


def find_requesting_process(lines: Sequence[str], analysis: Analysis | None) -> Process | None:
    """The process that was current when the dump was taken: ``!process -1 0``, else what !analyze says."""
    current = next(iter_processes(_output_of(lines, _CURRENT)), None)
    if current:
        return current
    mex = _shown_by_mex(lines)
    if mex:
        return mex
    if analysis is None or (analysis.process_name is None and analysis.process_address is None):
        return None
    return Process(analysis.process_address, analysis.process_name, None, None)


def _shown_by_mex(lines: Sequence[str]) -> Process | None:
    # !mex.t: the thread that it was asked for, below its heading.
    for line, below in zip(lines, lines[1:]):
        found = _MEX_THREAD.match(below) if "Thread" in line and "CID" in line else None
        if found:
            name, address, number = found.groups()
            return Process(parse_hex(address), name, parse_hex(number), None)
    return None


def parse_process_fields(lines: Sequence[str]) -> Process:
    """A process as ``dt nt!_EPROCESS`` prints ImageFileName, UniqueProcessId and DirectoryTableBase.

    Each is None where the line is missing: without symbols there are none. The address is not among them.
    """
    fields = _fields(lines)
    name = _QUOTED.search(fields.get("ImageFileName", ""))
    return Process(
        address=None,
        name=name.group(1) if name else None,
        process_id=parse_hex(_first_word(fields.get("UniqueProcessId", ""))),
        directory_table_base=parse_hex(fields.get("DirectoryTableBase", "")),
    )


def parse_processors(lines: Sequence[str]) -> tuple[Processor, ...] | None:
    """The processors in the table of !running; None when the text holds none. Registers are not in it."""
    rows = parse_running(lines)
    return tuple(Processor(each.number, each.prcb, each.current, each.idle, registers=None) for each in rows) or None


def parse_processor(lines: Sequence[str], number: int, prcb: int) -> Processor:
    """A processor as ``r`` and ``dt nt!_KPRCB CurrentThread IdleThread`` print it; None where a line is missing."""
    fields = _fields(lines)
    return Processor(
        number=number,
        prcb=prcb,
        current_thread=parse_hex(_first_word(fields.get("CurrentThread", ""))),
        idle_thread=parse_hex(_first_word(fields.get("IdleThread", ""))),
        registers=parse_registers(lines),
    )


def parse_registers(lines: Sequence[str]) -> Registers | None:
    """The registers as ``r`` prints them; None unless all of one machine are there."""
    values: dict[str, int] = {}
    for line in lines:
        for name, digits in _REGISTER.findall(line):
            values.setdefault(name, int(digits, 16))
    machine = machine_of(ARM64 if "pc" in values else X64)
    names = (machine.instruction_pointer, machine.stack_pointer, *machine.general_registers)
    if not values.keys() >= set(names):
        return None
    instruction, stack_pointer, *general = (values[name] for name in names)
    return Registers(instruction, stack_pointer, tuple(general), machine.name)


def _fields(lines: Sequence[str]) -> dict[str, str]:
    return {found.group(1): found.group(2) for found in map(_FIELD.match, lines) if found}


def _first_word(text: str) -> str:
    return (text.split() or [""])[0]


def _with_line(process: Process, line: str) -> Process:
    number, tables = _ID.search(line), _TABLES.search(line)
    if line.startswith("Image: "):
        return process._replace(name=line[len("Image: ") :].strip() or None)
    if number and process.process_id is None:
        process = process._replace(process_id=parse_hex(number.group(1)))
    if tables and process.directory_table_base is None:
        process = process._replace(directory_table_base=parse_hex(tables.group(1)))
    return process


def _output_of(lines: Sequence[str], arguments: tuple[str, ...]) -> tuple[str, ...]:
    # The prompts, and the lines under those whose command is !process with one of these arguments.
    wanted = False
    chosen: list[str] = []
    for line in lines:
        prompt = parse_prompt(line)
        if prompt:
            wanted = any(
                word == "!process" and f"{given} ".startswith(arguments) for word, given in iter_commands(prompt)
            )
        if prompt or wanted:
            chosen.append(line)
    return tuple(chosen)
