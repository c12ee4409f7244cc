"""The cdb engine: Microsoft's own debugger, run as a program of its own over the dump.

Slow to start, and as good as the debugger's symbols. Everything that is cheap is asked in one first run, at the
first question; stacks of single processors and the list of processes each in a run of their own, when asked for.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from livedump.engines.run.locate import locate_cdb
from livedump.engines.run.process import RunLimits
from livedump.engines.run.session import Debugger, Session, run_session
from livedump.engines.text import answers
from livedump.engines.text import processes as cdb_processes
from livedump.engines.text import stack as cdb_stack
from livedump.engines.text.lines import lines_at_processor, parse_hex
from livedump.engines.text.target import parse_processor_blocks
from livedump.model.addresses import PAGE_SIZE
from livedump.model.errors import DumpError, NotKnown, UnreadableFile
from livedump.model.frames import Stack
from livedump.model.listing import Listing, bounded
from livedump.model.processors import Process, Processor, Requester
from livedump.model.symbol_places import symbol_places

if TYPE_CHECKING:
    from livedump.model.patience import KeepGoing
    from livedump.model.threads import Census

DEFAULT_SECONDS = 300.0
"""Time for one run; most of it is spent on fetching symbols."""
MAX_PROCESSORS = 256

INSTRUCTION, PROCESS_ADDRESS, PROCESS_FIELDS = "@$ip", "@$proc", "dt nt!_EPROCESS"
FIRST_COMMANDS = {
    answers.TARGET: "vertarget",
    answers.BUG_CHECK: ".bugcheck",
    answers.HEADER: ".dumpdebug",
    answers.LOAD_USER_MODULES: answers.LOAD_USER_MODULES,
    answers.MODULES: "lm t n",
    INSTRUCTION: r'.printf "%p\n", @$ip',
    PROCESS_ADDRESS: r'.printf "%p\n", @$proc',
    answers.STACK: "kn 100",
    PROCESS_FIELDS: "dt nt!_EPROCESS ImageFileName UniqueProcessId Pcb.DirectoryTableBase @$proc",
    answers.CURRENT_PROCESS: "!process -1 0",
}
"""What the first run asks, what needs no symbols first: a run that is stopped keeps the answers it has.

Not ``||``: it ends a command file on a bitmap dump (seen in 10.0.15063).
"""


class CdbEngine(answers.TextAnswers):
    """One dump, read by cdb or kd."""

    name = "cdb"

    def __init__(
        self,
        path: str,
        cdb: str | None = None,
        symbol_path: str | None = None,
        timeout: float = DEFAULT_SECONDS,
        analyze: bool = False,
    ) -> None:
        """Finds the debugger; it runs at the first question.

        ``cdb`` names the program, None looks for it; ``symbol_path`` is in WinDbg's syntax, None for that of the
        environment, and the dump's own folder always comes last; ``timeout`` is seconds for one run; ``analyze`` asks
        ``!analyze -v`` as well, which can take minutes.

        Raises:
            UnreadableFile: there is no such file.
            EngineUnavailable: there is no debugger.
        """
        self._path = Path(path)
        if not self._path.is_file():
            raise UnreadableFile(f"{path}: {'not a file' if self._path.exists() else 'no such file'}")
        self._debugger = Debugger(
            program=locate_cdb(cdb, os.environ),
            symbol_path=_symbol_path(symbol_path, os.environ, self._path.absolute().parent),
            environment={name: value for name, value in os.environ.items() if not name.upper().startswith("_NT_")},
            limits=RunLimits(seconds=timeout),
        )
        self._commands = {**FIRST_COMMANDS, answers.ANALYSIS: "!analyze -v"} if analyze else FIRST_COMMANDS

    def lines(self, command: str) -> Sequence[str]:
        """What the debugger printed for the command.

        Raises:
            DumpError: the debugger did not open the dump, or was ended before the command was through.
        """
        if command == answers.BANNER:
            return self._first.banner
        if command == answers.ANALYSIS:
            return self._first.outputs.get(command, ())
        if command == answers.PROCESSES:
            return _output(self._processes, command)
        return _output(self._processors if command == answers.PROCESSORS else self._first, command)

    def not_held(self, what: str, command: str) -> NotKnown:
        """What the debugger did not tell, and how to see why."""
        return NotKnown(f"the debugger told no {what}; open the dump in it and run `{command}` to see why")

    def census(self, _: KeepGoing) -> Census:
        """Not known.

        Raises:
            NotKnown: always. ``!locks`` and its like take minutes each in a console.
        """
        raise NotKnown("the debugger's console is not asked for it; --engine native reads it from the dump itself")

    def dump_path(self) -> str:
        """The path that was given."""
        return str(self._path)

    def dump_size(self) -> int | None:
        """Bytes of the dump."""
        return self._path.stat().st_size

    def stack(self, processor: int | None = None) -> Stack:
        """The call stack of one processor; of the one that wrote the dump when None.

        Raises:
            NotKnown: the debugger printed none.
        """
        if processor is None:
            return super().stack()
        lines = self._processor_lines(processor)
        found = cdb_stack.find_stack(lines, processor)
        if found is None:
            raise self.not_held(f"stack of processor {processor}", f"~{processor}s; k")
        return cdb_stack.with_instruction(found, _printed(lines))

    def processors(self) -> Listing[Processor]:
        """All logical processors by number, with the registers that the debugger shows for each.

        Raises:
            NotKnown: the debugger told none.
        """
        blocks = self._processor_blocks
        if not blocks:
            return super().processors()
        found = (
            cdb_processes.parse_processor(self._processor_lines(number), number, prcb)
            for number, prcb in enumerate(blocks)
        )
        return bounded(found, MAX_PROCESSORS)

    def processes(self) -> Listing[Process]:
        """All processes in the system's own order.

        Raises:
            NotKnown: the debugger listed none: ``!process`` needs the debugger's own extensions, and symbols.
        """
        found = tuple(cdb_processes.iter_processes(self.lines(answers.PROCESSES)))
        if not found:
            raise self.not_held("list of processes", answers.PROCESSES)
        return bounded(found, cdb_processes.MAX_PROCESSES)

    def requesting_process(self) -> Process:
        """The process whose thread was current when the dump was taken.

        Raises:
            NotKnown: the debugger told nothing about it.
        """
        sources = (
            Process(_printed(self.lines(PROCESS_ADDRESS)), None, None, None),
            cdb_processes.parse_process_fields(self.lines(PROCESS_FIELDS)),
            *tuple(cdb_processes.iter_processes(self.lines(answers.CURRENT_PROCESS)))[:1],
            cdb_processes.find_requesting_process((), self._analysis) or Process(None, None, None, None),
        )
        merged = Process(*(next((value for value in values if value is not None), None) for values in zip(*sources)))
        if merged.address is None and merged.name is None:
            raise self.not_held("process that was current", answers.CURRENT_PROCESS)
        return self._with_tables(merged)

    def requester(self) -> Requester:
        """The same, and whether the page tables that the dump's header names are that process's own.

        Raises:
            NotKnown: the debugger told nothing about it.
        """
        found, header = self.requesting_process(), self._header
        own = cdb_processes.parse_process_fields(self.lines(PROCESS_FIELDS)).directory_table_base
        tables = header.directory_table_base if header else None
        if own is None or tables is None:
            return Requester(None, found)
        same = own // PAGE_SIZE == tables // PAGE_SIZE  # the low bits of a saved CR3 are flags
        return Requester(found if same else Process(None, None, None, tables), found)

    @property
    def _first(self) -> Session:
        if isinstance(self._outcome, DumpError):
            raise self._outcome
        return self._outcome

    @cached_property
    def _outcome(self) -> Session | DumpError:
        # An error is kept as well: a debugger that could not open the dump is not asked again.
        try:
            return run_session(self._debugger, self._path, self._commands)
        except DumpError as error:
            return error

    @cached_property
    def _processes(self) -> Session:
        return run_session(self._debugger, self._path, {answers.PROCESSES: "!process 0 0"})

    @cached_property
    def _processors(self) -> Session:
        count = len(self._processor_blocks) or self.system().processors or 1
        commands = {answers.LOAD_USER_MODULES: answers.LOAD_USER_MODULES, answers.PROCESSORS: "!running"}
        for number in range(min(count, MAX_PROCESSORS)):
            commands[f"~{number}"] = _processor_commands(number, self._processor_blocks)
        return run_session(self._debugger, self._path, commands)

    @property
    def _processor_blocks(self) -> tuple[int, ...]:
        return parse_processor_blocks(self.lines(answers.HEADER))

    def _processor_lines(self, number: int) -> Sequence[str]:
        # Behind the prompt of that processor: where the debugger cannot switch, it stays at another.
        if f"~{number}" not in self._processors.outputs:
            raise self.not_held(f"state of processor {number}", f"~{number}s; r")
        return lines_at_processor(_output(self._processors, f"~{number}"), number)

    def _innermost_instruction(self, stack: Stack) -> int | None:
        return _printed(self.lines(INSTRUCTION)) or super()._innermost_instruction(stack)


def _output(session: Session, command: str) -> Sequence[str]:
    if command in session.outputs:
        return session.outputs[command]
    if session.stopped:
        raise DumpError(
            f"the debugger was ended before it had answered `{command}`: {session.stopped}; "
            "a symbol path with the symbols on this machine makes it faster"
        )
    raise DumpError(f"the debugger ended before it had answered `{command}`; its last words: {session.last_words}")


def _processor_commands(number: int, blocks: Sequence[int]) -> str:
    lines = [f"~{number}s", r'.printf "%p\n", @$ip', "r", "kn 100"]
    if number < len(blocks):
        lines.append(f"dt nt!_KPRCB CurrentThread IdleThread {blocks[number]:#x}")
    return "\n".join(lines)


def _printed(lines: Sequence[str]) -> int | None:
    # The number that .printf printed on a line of its own.
    return next((value for value in map(parse_hex, lines) if value is not None), None)


def _symbol_path(given: str | None, environment: Mapping[str, str], own_folder: Path) -> str:
    folder = str(own_folder)
    parts = ("*".join(map(_absolute, part.split("*"))) for part in symbol_places(given, environment).split(";"))
    return ";".join(part for part in (";".join(parts), "" if set(folder) & set(";*") else folder) if part)


def _absolute(name: str) -> str:
    # The debugger runs in a folder of its own; a folder that is named from here must be named in full.
    return str(Path(name).absolute()) if name and Path(name).is_dir() else name
