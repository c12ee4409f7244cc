"""An engine's answers from debugger text, whether a debugger was just run or its log was saved long ago."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property

from livedump.engines.text import bug_check as text_bug_check
from livedump.engines.text import modules as text_modules
from livedump.engines.text import processes as text_processes
from livedump.engines.text import stack as text_stack
from livedump.engines.text import target as text_target
from livedump.model.addresses import PAGE_SIZE
from livedump.model.bug_check import BugCheck
from livedump.model.contents import SecondaryBlob
from livedump.model.dump import Dump, System
from livedump.model.errors import DumpError, NotAKernelDump, NotKnown
from livedump.model.frames import Stack
from livedump.model.holdings import PageTally, Region
from livedump.model.images import Module, UnloadedModule
from livedump.model.listing import Listing, bounded
from livedump.model.machines import MAX_PROCESSORS
from livedump.model.memory_use import MemoryFacts
from livedump.model.patience import KeepGoing
from livedump.model.processors import Process, Processor, Requester
from livedump.model.requests import RequestFacts
from livedump.model.symbol_lookups import SymbolLookups
from livedump.model.thread_view import ThreadFacts
from livedump.model.threads import Census, Thread
from livedump.model.told import Told
from livedump.model.waits import WaitFacts

BITMAP_TYPES = frozenset({2, 5, 6})
"""Kinds whose truncation the debugger notices when it opens the file."""

BANNER, TARGET, BUG_CHECK, HEADER = "", "vertarget", ".bugcheck", ".dumpdebug"
MODULES, STACK, ANALYSIS = "lm t n", "k", "!analyze -v"
LOAD_USER_MODULES = ".reload /user"
"""Asked where the session is our own: debuggers of today look for the modules of user mode with the page tables of
processor 0 when they open a dump, and find none when another processor wrote it (seen in 10.0.29507)."""
CURRENT_PROCESS, PROCESSES, PROCESSORS = "!process -1 0", "!process 0 0", "!running"


_PARTLY = "the debugger says that only a part of the kernel's memory is in the dump"
_NO_STRUCTURES = "debugger text does not hold the kernel's structures: what went on in the machine needs the dump"


class TextAnswers(ABC):
    """Reads each answer from the lines that hold it. Subclasses say which lines those are.

    Values of a dump end up in the same text as the debugger's own words, so a dump may forge what a saved log says;
    an engine that runs the debugger keeps the output of each command apart.
    """

    name: str

    @abstractmethod
    def lines(self, command: str) -> Sequence[str]:
        """What the debugger printed for the command; for BANNER what it printed when it opened the dump."""

    @abstractmethod
    def not_held(self, what: str, command: str) -> DumpError:
        """The error for an answer that is not in the text, and what would bring it there."""

    def dump(self) -> Dump:
        """The file as a container, as far as the debugger tells; None for the rest.

        Raises:
            NotAKernelDump: the text is about a dump of a process.
        """
        banner, target = self.lines(BANNER), self.lines(TARGET)
        if text_target.is_user_mode(banner):
            raise NotAKernelDump("the debugger had a process or a user-mode dump open; a kernel dump is needed")
        header, analysis = self._header, self._analysis
        dump_type = text_target.parse_dump_type(banner) or text_target.parse_dump_type(self.lines(HEADER))
        dump_type = text_target.with_ranges(dump_type, header)
        attributes = header.attributes if header else None
        return Dump(
            path=self.dump_path(),
            size=self.dump_size(),
            type=dump_type,
            machine=text_target.parse_machine(target) or (header.machine if header else None),
            attributes=attributes if attributes is not None or analysis is None else analysis.attributes,
            captured_at=text_target.parse_captured_at(target),
            uptime=text_target.parse_uptime(target),
            directory_table_base=header.directory_table_base if header else None,
            pages_present=self._pages_present(header),
            pages_promised=header.page_count if header else None,
            expected_size=header.file_size if header else None,
            reported_truncated=self._reported_truncated(banner, dump_type),
            saved_again=text_target.saved_again(dump_type, header),
            told=self.told(),
            problems=(_PARTLY,) if text_target.is_partial(banner) else (),
            missing=None,  # the debugger compares numbers: what is in the pages, and which are there, nobody counted
        )

    @abstractmethod
    def dump_path(self) -> str:
        """The dump's path, as far as it is known."""

    def told(self) -> Told | None:
        """What the text says beside the answers; None where the dump itself is at hand."""
        return None

    def dump_size(self) -> int | None:
        """Bytes of the dump; None where only text about it is at hand."""
        return None

    def system(self) -> System:
        """The machine that was captured.

        Raises:
            NotKnown: the text does not tell.
        """
        found, header = text_target.parse_system(self.lines(TARGET)), self._header
        if found is None and header is None:
            raise self.not_held("version of the system", TARGET)
        return System(
            build=found.build if found and found.build is not None else header.build if header else None,
            build_lab=found.build_lab if found else None,
            processors=found.processors if found and found.processors else header.processors if header else None,
            product=found.product if found and found.product else header.product if header else None,
            kernel_base=found.kernel_base if found else None,
            free_build=found.free_build if found else None,
        )

    def bug_check(self) -> BugCheck:
        """Code and parameters as stored; None for a parameter that the text leaves out.

        Raises:
            NotKnown: the text does not hold the code.
        """
        found = text_bug_check.parse_bug_check(self.lines(BUG_CHECK))
        if found is not None:
            return found
        claim = self.bug_check_claim
        if claim.code is None:
            raise self.not_held("bug check code", BUG_CHECK)
        first, second, third, fourth = claim.parameters
        return BugCheck(claim.code, (first, second, third, fourth))

    @cached_property
    def bug_check_claim(self) -> text_bug_check.Claim:
        """Code and parameters from every place of the text that has them, and what they were inferred from."""
        return text_bug_check.merge_claims(self.bug_check_claims())

    def bug_check_claims(self) -> Iterator[text_bug_check.Claim]:
        """What each place of the text says of it, the plainest first."""
        header, analysis = self._header, self._analysis
        if header and header.bug_check:
            yield text_bug_check.Claim(header.bug_check.code, header.bug_check.parameters)
        if analysis:
            yield text_bug_check.Claim(analysis.code, analysis.parameters)

    @cached_property
    def _analysis(self) -> text_bug_check.Analysis | None:
        return text_bug_check.parse_analysis(self.lines(ANALYSIS))

    def stack(self, processor: int | None = None) -> Stack:
        """The call stack of one processor; of the one that wrote the dump when None.

        Raises:
            NotKnown: the text holds no such stack.
        """
        lines = self.lines(STACK)
        found = text_stack.find_stack(lines, processor)
        if found is None and processor is not None:
            raise self.not_held(f"stack of processor {processor}", f"~{processor}s; k")
        if found is None:
            raise self.not_held("call stack", STACK)
        return text_stack.with_instruction(found, self._innermost_instruction(found))

    def modules(self) -> Listing[Module]:
        """Loaded modules: the kernel, then by address; those of user mode last.

        Raises:
            NotKnown: the text holds no list of all modules.
        """
        found = text_modules.parse_modules(self.lines(MODULES))
        if found is None:
            raise self.not_held("list of all modules", MODULES)
        return bounded(found, text_modules.MAX_MODULES)

    def unloaded_modules(self) -> Listing[UnloadedModule]:
        """Modules that were unloaded, in the debugger's order.

        Raises:
            NotKnown: the text holds no list of modules.
        """
        found = text_modules.parse_unloaded_modules(self.lines(MODULES))
        if found is None and text_modules.parse_modules(self.lines(MODULES)) is None:
            raise self.not_held("list of unloaded modules", MODULES)
        return bounded(found or (), text_modules.MAX_MODULES)

    def processors(self) -> Listing[Processor]:
        """All logical processors by number, without their registers.

        Raises:
            NotKnown: the text does not tell.
        """
        found = text_processes.parse_processors(self.lines(PROCESSORS))
        blocks = text_target.parse_processor_blocks(self.lines(HEADER))
        if found is None and not blocks:
            raise self.not_held("table of processors", PROCESSORS)
        found = found or tuple(Processor(number, prcb, None, None, None) for number, prcb in enumerate(blocks))
        return bounded(found, MAX_PROCESSORS)

    def processes(self) -> Listing[Process]:
        """All processes in the system's own order.

        Raises:
            NotKnown: the text holds no list of processes.
        """
        found = text_processes.parse_processes(self.lines(PROCESSES))
        if found is None:
            raise self.not_held("list of processes", PROCESSES)
        return bounded(found, text_processes.MAX_PROCESSES)

    def requesting_process(self) -> Process:
        """The process whose thread was current when the dump was taken.

        Raises:
            NotKnown: the text does not tell.
        """
        found = text_processes.find_requesting_process(self.lines(CURRENT_PROCESS), self._analysis)
        if found is None:
            raise self.not_held("process that was current", CURRENT_PROCESS)
        return self._with_tables(found)

    def requester(self) -> Requester:
        """The same: the debugger goes by the thread that was current.

        Raises:
            NotKnown: the text does not tell.
        """
        return Requester(None, self.requesting_process())

    def census(self, _: KeepGoing) -> Census:
        """Not known: a text does not hold the kernel's structures."""
        raise NotKnown(_NO_STRUCTURES)

    def waits(self, _census: Census, _keep_going: KeepGoing) -> WaitFacts:
        """Not known."""
        raise NotKnown(_NO_STRUCTURES)

    def memory_use(self, _census: Census, _keep_going: KeepGoing) -> MemoryFacts:
        """Not known."""
        raise NotKnown(_NO_STRUCTURES)

    def requests(self, _census: Census, _keep_going: KeepGoing) -> RequestFacts:
        """Not known."""
        raise NotKnown(_NO_STRUCTURES)

    def thread_facts(self, _: Thread) -> ThreadFacts:
        """Not known."""
        raise NotKnown(_NO_STRUCTURES)

    def thread_stack(self, _: Thread) -> Stack:
        """Not known."""
        raise NotKnown(_NO_STRUCTURES)

    def code_name(self, _: int) -> str | None:
        """Not known."""
        raise NotKnown(_NO_STRUCTURES)

    def secondary_data(self) -> Listing[SecondaryBlob]:
        """Not known: the debugger lists these blocks with what is in them, which is private."""
        raise NotKnown("the debugger shows secondary data only with its contents; see .enumtag")

    def holds_user_pages(self) -> bool:
        """Whether user pages of the requesting process are in the dump: whether the debugger found its modules.

        Raises:
            NotKnown: the text tells neither.
        """
        if any(module.user for module in text_modules.parse_modules(self.lines(MODULES)) or ()):
            return True
        if text_target.is_peb_missing(self.lines(BANNER)):
            return False
        raise self.not_held("word on pages of user mode", MODULES)

    def read(self, address: int, size: int) -> bytes:  # noqa: ARG002 - the protocol's parameters
        """Raises NotKnown always: text is no memory."""
        raise self._no_memory()

    def regions(self) -> tuple[Region, ...]:
        """Raises NotKnown always."""
        raise self._no_memory()

    def tally_pages(self, address: int, size: int, physical: bool = False) -> PageTally:  # noqa: ARG002
        """Raises NotKnown always."""
        raise self._no_memory()

    def symbol_lookups(self, every: bool = False) -> SymbolLookups:  # noqa: ARG002 - whoever asks may say it
        """Not known: the debugger looks for symbols itself."""
        raise NotKnown("the debugger itself looks for symbols; it tells how after !sym noisy and .reload")

    def file_changed(self) -> None:  # noqa: B027 - not abstract: no text tells
        """Not known: the debugger has the file, or it is not here at all."""

    def close(self) -> None:  # noqa: B027 - not abstract: there is nothing to give back
        """Nothing to give back."""

    def _no_memory(self) -> NotKnown:
        return NotKnown(f"the {self.name} engine reads no memory; use the native engine on the dump itself")

    @cached_property
    def _header(self) -> text_target.DumpHeader | None:
        return text_target.parse_dump_header(self.lines(HEADER))

    def _with_tables(self, process: Process) -> Process:
        # The header holds the page tables of the process that was current.
        header = self._header
        if process.directory_table_base is not None or header is None:
            return process
        return process._replace(directory_table_base=header.directory_table_base)

    def _pages_present(self, header: text_target.DumpHeader | None) -> int | None:
        size = self.dump_size()
        if size is None or header is None or header.page_count is None or header.first_page_offset is None:
            return None
        return min(header.page_count, max(0, size - header.first_page_offset) // PAGE_SIZE)

    @staticmethod
    def _reported_truncated(banner: Sequence[str], dump_type: int | None) -> bool | None:
        if text_target.is_truncated(banner):
            return True
        return False if dump_type in BITMAP_TYPES and text_target.parse_dump_path(banner) else None

    def _innermost_instruction(self, stack: Stack) -> int | None:
        # A table names the innermost frame's place but not its address; without symbols the two are the same.
        if not stack.frames or stack.frames[0].symbol is not None or stack.frames[0].offset is None:
            return None
        base = text_modules.find_module_base(self.lines(MODULES), stack.frames[0].module or "")
        if base is None and stack.frames[0].module == "nt":
            system = text_target.parse_system(self.lines(TARGET))
            base = system.kernel_base if system else None
        return base + stack.frames[0].offset if base is not None else None
