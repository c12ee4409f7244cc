"""The pykd engine: the dump that WinDbg has open, or one that pykd opens by itself.

Code, stack, modules, versions and memory come from the debugger; where it offers no question (processors, processes)
the kernel's structures are read through its memory. Nothing in the session is changed: a command may look at another
processor and goes back. The numbers in its command lines are marked as decimal, since a session may have any radix.

Only this module imports pykd.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livedump.dumpfile.body import body_of
from livedump.dumpfile.header import Header, captured_context, read_header
from livedump.dumpfile.memory import MAX_TALLY, VirtualMemory, virtual_memory
from livedump.dumpfile.source import FileSource
from livedump.engines.debugger_target import DebuggerTarget
from livedump.engines.text.aliases import parse_script_arguments
from livedump.engines.text.answers import LOAD_USER_MODULES
from livedump.engines.text.lines import find_value, parse_hex, split_lines
from livedump.engines.text.modules import parse_modules, parse_unloaded_modules
from livedump.engines.text.stack import find_stack, with_instruction
from livedump.engines.text.target import (
    DumpHeader,
    parse_captured_at,
    parse_dump_header,
    parse_dump_type,
    parse_system,
    parse_uptime,
    saved_again,
)
from livedump.kernel.capture_regions import iter_fixed_regions
from livedump.kernel.kernel import Kernel
from livedump.machine.machine import find_machine
from livedump.model.addresses import PAGE_SIZE
from livedump.model.bug_check import BugCheck
from livedump.model.contents import SecondaryBlob
from livedump.model.dump import Dump, System
from livedump.model.errors import DumpError, EngineUnavailable, MemoryGap, NotKnown
from livedump.model.frames import Stack
from livedump.model.holdings import PageTally, Region
from livedump.model.images import Module, UnloadedModule
from livedump.model.listing import Listing
from livedump.model.machines import X64
from livedump.model.patience import KeepGoing
from livedump.model.processors import Process, Processor, Registers, Requester
from livedump.model.symbol_lookups import SymbolLookups
from livedump.model.target import HeaderFacts
from livedump.unwind.walk import StackWalker, stack_limits_of

if TYPE_CHECKING:
    from livedump.model.memory_use import MemoryFacts
    from livedump.model.requests import RequestFacts
    from livedump.model.thread_view import ThreadFacts
    from livedump.model.threads import Census, Thread
    from livedump.model.waits import WaitFacts

MAX_FRAMES = 1023
_BITMAP_TYPES, _TRIAGE_TYPE = (5, 6), 4


def load_dump(path: str, symbols: str | None = None) -> PykdEngine:
    """The engine on a dump that pykd opens by itself, outside of WinDbg.

    Raises:
        EngineUnavailable: pykd is not installed.
        DumpError: the debugger cannot open the file; the message holds its words.
    """
    FileSource(path).close()  # says better than the debugger why a file cannot be read
    pykd = _import_pykd()
    if pykd.isWindbgExt():
        raise EngineUnavailable("inside of a debugger the pykd engine reads the dump that is open: use !livedumpinfo")
    try:
        pykd.initialize()
        if symbols is not None:
            pykd.setSymbolPath(symbols)
        pykd.loadDump(path)
        pykd.dbgCommand(LOAD_USER_MODULES)
    except _failures(pykd) as error:
        raise DumpError(f"the debugger cannot open {path}: {_first_line(error)}") from error
    return PykdEngine(path)


def session_symbols() -> str:
    """The session's symbol path, in WinDbg's syntax."""
    return str(_import_pykd().getSymbolPath())


def shows_links() -> bool:
    """Whether the host of this session shows links: WinDbg does, console debuggers do not.

    The environment variable LIVEDUMP_LINKS, 1 or 0, decides for a host that is not known.
    """
    wish = os.environ.get("LIVEDUMP_LINKS")
    if wish in {"0", "1"}:
        return wish == "1"
    try:
        host = str(_import_pykd().getHostProcessPath())
    except (EngineUnavailable, AttributeError):
        return False
    return host.replace("/", "\\").rsplit("\\", 1)[-1].lower() in _LINKING_HOSTS


def print_dml(text: str) -> None:
    """Shows Debugger Markup Language in the session."""
    _import_pykd().dprint(text, True)


def script_arguments() -> tuple[str, ...]:
    """The script file that the debugger is running, then the words behind it; empty where it runs none.

    They reach whoever the file calls: pykd.pyd by itself loses the arguments of a script, the debugger keeps these.
    """
    pykd = _import_pykd()
    try:
        return parse_script_arguments(split_lines(pykd.dbgCommand("al") or ""))
    except _failures(pykd):
        return ()


_LINKING_HOSTS = frozenset({"windbg.exe", "windbgx.exe", "dbgx.shell.exe", "enghost.exe"})


class PykdEngine:
    """The dump that the debugger has open."""

    name = "pykd"

    def __init__(self, path: str | None = None) -> None:
        """Looks at the session; ``path`` where the caller knows it better than the debugger.

        Raises:
            EngineUnavailable: there is no pykd, or no kernel dump is open.
        """
        self._pykd = _import_pykd()
        self._path = path
        self._there: int | None = None
        """An address that was read: one that is in the dump."""
        self._check_session()

    def symbol_lookups(self, every: bool = False) -> SymbolLookups:  # noqa: ARG002 - whoever asks may say it
        """Not known: the debugger looks for symbols itself."""
        raise NotKnown("the debugger itself looks for symbols; it tells how after !sym noisy and .reload")

    def file_changed(self) -> None:
        """Not known: the debugger has the file."""

    def close(self) -> None:
        """Closes nothing inside of WinDbg; outside, the dump that was loaded."""
        if not self._pykd.isWindbgExt():
            self._pykd.closeDump(0)

    def dump(self) -> Dump:
        """The file as a container; page counts for bitmap dumps only."""
        header = self._header
        path = self._path or _dump_path(self._run("||")) or "the open dump"
        size = _size(path)
        kind = parse_dump_type(self._header_lines)
        dump_type = kind if kind is not None else parse_dump_type(self._target_lines)
        if dump_type is None and self._file_header is not None:  # of range dumps no words tell which of the three
            dump_type = self._file_header.dump_type
        return Dump(
            path=path,
            size=size,
            type=dump_type,
            machine=header.machine if header else None,
            attributes=header.attributes if header else None,
            captured_at=parse_captured_at(self._target_lines),
            uptime=parse_uptime(self._target_lines),
            directory_table_base=header.directory_table_base if header else None,
            expected_size=header.file_size if header else None,
            saved_again=saved_again(dump_type, header),
            pages_promised=header.page_count if header and kind in _BITMAP_TYPES else None,
            pages_present=_pages_present(header, size) if header and kind in _BITMAP_TYPES else None,
        )

    def system(self) -> System:
        """The machine that was captured."""
        system = parse_system(self._target_lines)
        if system is None:
            raise NotKnown("vertarget says nothing of the system")
        return system

    def bug_check(self) -> BugCheck:
        """Code and parameters as the debugger reads them."""
        code, *parameters = self._ask(self._pykd.bugCheckData)
        first, second, third, fourth = parameters
        return BugCheck(code, (first, second, third, fourth))

    def stack(self, processor: int | None = None) -> Stack:
        """The stack of one processor; of the one that wrote the dump when None."""
        with self._at(processor):
            found = find_stack(("kd> kn", *self._run(f"kn 0n{MAX_FRAMES}")))
            number = self._answered(self._pykd.getCurrentThreadId)
            instruction = self._answered(self._pykd.getIP)
        # Without an instruction the debugger goes by no context of the processor, or by one that is not its own.
        of_header = self._header_registers if processor in (None, self._home) else None
        if of_header is not None and (found is None or instruction is None):
            return self._stack_from_header(of_header)
        if found is None:
            raise NotKnown("the debugger shows no stack")
        return Stack(with_instruction(found, instruction).frames, found.stop_reason, number)

    def _stack_from_header(self, registers: Registers) -> Stack:
        # The debugger goes by the context in the processor's block. Where none is there, the file's header has one.
        home = self._capturing_processor
        limits = self._kernel.stack_limits(home) if home else None
        try:
            walked = self._walker.walk(registers, limits, read_ahead=True)
        except NotKnown as error:  # no modules: where the processor was, and no more
            walked = (
                StackWalker(self, (), machine=self._machine_name)
                .walk(registers, limits)
                ._replace(stop_reason=str(error))
            )
        return Stack(walked.frames, walked.stop_reason, home.number if home else None)

    def modules(self) -> Listing[Module]:
        """Kernel modules, then those of user mode, each by address; symbols are not loaded for it."""
        with self._at(None):
            found = parse_modules(("kd> lm t n", *self._run("lm t n")))
        if found is None:
            raise NotKnown("the debugger lists no modules")
        return Listing(found, self._modules_problem)

    def unloaded_modules(self) -> Listing[UnloadedModule]:
        """Drivers that were unloaded."""
        listed = parse_unloaded_modules(self._run("lm t n"))
        return Listing(listed) if listed is not None else self._kernel.unloaded_modules

    def processors(self) -> Listing[Processor]:
        """All logical processors by number."""
        return self._kernel.processors

    def processes(self) -> Listing[Process]:
        """All processes in the system's own order."""
        return self._kernel.processes

    def requesting_process(self) -> Process:
        """The process of the current thread of the processor that wrote the dump."""
        with self._at(None):
            address = self._answered(self._pykd.getCurrentProcess)
        if address is None:
            return self._by_kernel()
        for process in self.processes():
            if process.address == address:
                return process
        return Process(address, None, None, None)

    def _by_kernel(self) -> Process:
        # Where the debugger does not know it, the kernel's own structures may.
        found = self._kernel.requester.by_thread
        if found is None:
            raise NotKnown("neither the debugger nor the kernel's structures tell which process was current")
        return found

    def requester(self) -> Requester:
        """The same, and the process whose page tables the dump's header names."""
        try:
            found = self._kernel.requester
        except DumpError:
            found = Requester(None, None)
        return found._replace(by_thread=self.requesting_process())

    def holds_user_pages(self) -> bool:
        """Whether user pages of the requesting process are in the dump."""
        with self._at(None):
            held = self._kernel.holds_user_pages
        if held is None:
            raise NotKnown("the requesting process has no user mode part, or it is not known")
        return held

    def read(self, address: int, size: int) -> bytes:
        """Bytes at a virtual address."""
        try:
            found = bytes(self._pykd.loadBytes(address, size))
        except self._pykd.MemoryException:
            self._check_interruption()
            raise MemoryGap(self._first_missing(address, size), MemoryGap.NOT_CAPTURED) from None
        self._there = self._there or address
        return found

    def regions(self) -> tuple[Region, ...]:
        """Where the structures lie that a live dump captures."""
        tables = self._header.directory_table_base if self._header else None
        fixed = tuple(iter_fixed_regions(self._debugger_block, tables))
        try:
            return (*fixed, *self._kernel.regions())
        except DumpError:
            return fixed

    def tally_pages(self, address: int, size: int, physical: bool = False) -> PageTally:
        """How many pages of a range the dump holds; the page tables say why the others are not there."""
        header = self._file_header
        if header is not None and header.dump_type == _TRIAGE_TYPE:
            return self._tally_pieces(header, address, size, physical)
        tables = None if physical else self._tables
        if tables is not None:
            return tables.tally_pages(address, size)
        first, end = address // PAGE_SIZE, -(-(address + size) // PAGE_SIZE)
        last = min(end, first + MAX_TALLY)
        holds = self._holds_physical if physical else self._pykd.isValid
        present = sum(1 for page in range(first, last) if holds(page * PAGE_SIZE))
        return PageTally(present, 0, last - first - present, end - last)

    def _tally_pieces(self, header: Header, address: int, size: int, physical: bool) -> PageTally:
        # Pieces of pages: the debugger is asked for whole ones, and has those of images from elsewhere.
        source = FileSource(self._path or _dump_path(self._run("||")) or "")
        try:
            return body_of(source, header).tally_pages(address, size, physical)
        finally:
            source.close()

    def census(self, keep_going: KeepGoing) -> Census:
        """Processors, processes and threads in one pass, as far as there is time."""
        return self._kernel.census(keep_going)

    def waits(self, census: Census, keep_going: KeepGoing) -> WaitFacts:
        """What each waiting thread of the census waits for, and who holds it."""
        return self._kernel.waits(census, keep_going)

    def memory_use(self, census: Census, keep_going: KeepGoing) -> MemoryFacts:
        """Commit, pools and their tags, handles, objects."""
        return self._kernel.memory_use(census, keep_going)

    def requests(self, census: Census, keep_going: KeepGoing) -> RequestFacts:
        """Requests on the lists of threads, and the system's work queues."""
        return self._kernel.requests(census, keep_going)

    def session_thread(self) -> int | None:
        """ETHREAD that the session looks at; None where the debugger does not tell."""
        try:
            thread = self._ask(self._pykd.getImplicitThread)
        except NotKnown:
            return None
        return int(thread) or None

    def thread_facts(self, thread: Thread) -> ThreadFacts:
        """What one thread alone is asked for."""
        return self._kernel.thread_facts(thread)

    def thread_stack(self, thread: Thread) -> Stack:
        """The stack of a thread that does not run; the session stays with its own."""
        return self._walker.walk(self._kernel.switched_out(thread), stack_limits_of(thread), read_ahead=True)

    def code_name(self, address: int) -> str | None:
        """``module!function`` at an address, the module alone where there is no name; None outside of any module."""
        module = next((each for each in self._loaded if each.base <= address < each.end), None)
        if module is None:
            return None
        symbol, _ = self._named(module, address)
        return f"{module.name}!{symbol}" if symbol else module.name

    def secondary_data(self) -> Listing[SecondaryBlob]:
        """Not known: the debugger lists these blocks with what is in them, which is private."""
        raise NotKnown("the debugger shows secondary data only with its contents; see .enumtag")

    @cached_property
    def _loaded(self) -> Listing[Module]:
        return self.modules()

    @cached_property
    def _walker(self) -> StackWalker:
        return StackWalker(self, self._loaded, name=self._named, machine=self._machine_name)

    def _named(self, module: Module, address: int) -> tuple[str | None, int]:
        # ``nt!KeWaitForSingleObject+1a0``; the module alone, with the distance from its base, without symbols.
        found = self._symbol_at(address)
        _, mark, rest = found.partition("!")
        symbol, _, offset = rest.rpartition("+") if "+" in rest else (rest, "", "0")
        distance = parse_hex(offset)
        return (symbol, distance) if mark and symbol and distance is not None else (None, address - module.base)

    def _symbol_at(self, address: int) -> str:
        found = str(self._ask(lambda: self._pykd.findSymbol(address)))
        if "!" in found:
            return found
        # pykd reads symbols itself, and in engines of today finds none: those name the address themselves.
        said = "".join(self._run(f'.printf "%y", 0x{address:x}'))
        return said.rpartition(" (")[0] or found

    def _holds_physical(self, address: int) -> bool:
        try:
            self._pykd.loadBytes(address, 1, True)
        except _failures(self._pykd):
            return False
        return True

    def _first_missing(self, address: int, size: int) -> int:
        page = address
        while page < address + size and self._pykd.isValid(page):
            page = (page // PAGE_SIZE + 1) * PAGE_SIZE
        return page

    def _check_interruption(self) -> None:
        # From Ctrl+Break to the end of the command the engine of 2017 reads nothing more, also of what is there.
        if self._there is None:
            return
        try:
            self._pykd.loadBytes(self._there, 1)
        except self._pykd.MemoryException:
            raise KeyboardInterrupt from None

    def _check_session(self) -> None:
        pykd = self._pykd
        if not self._ask(pykd.isDumpAnalyzing):
            raise EngineUnavailable("no dump is open in this session; open a kernel dump first (.opendump, or -z)")
        if not self._ask(pykd.isKernelDebugging):
            raise EngineUnavailable("the open dump is one of a process, not of the kernel; livedump reads kernel dumps")

    @contextmanager
    def _at(self, processor: int | None) -> Iterator[None]:
        wanted = processor if processor is not None else self._home
        if wanted is None:
            yield
            return
        before = self._answered(self._pykd.getCurrentThreadId)
        implicit = self._answered(self._pykd.getImplicitThread)
        stays = before is None or (wanted == before and implicit == self._answered(self._pykd.getCurrentThread))
        if stays and processor in (None, before):
            yield
            return
        if before is None:  # there would be no way back
            raise NotKnown("the debugger does not tell at which processor the session looks")
        try:
            self._ask(lambda: self._pykd.setCurrentThreadId(wanted))
            yield
        finally:
            self._ask(lambda: self._pykd.setCurrentThreadId(before))
            if implicit is not None and implicit != self._answered(self._pykd.getImplicitThread):
                with suppress(NotKnown):  # in a damaged dump the session may have begun with one that is none
                    self._ask(lambda: self._pykd.setImplicitThread(implicit))

    @cached_property
    def _tables(self) -> VirtualMemory | None:
        # None where the debugger reads no physical memory, as in a triage dump: it does not say itself why a page of
        # virtual memory is not there.
        header = self._file_header
        if header is None:
            return None
        pages = _DebuggerPages(self._pykd, self._holds_physical)
        try:
            return virtual_memory(pages, header.directory_table_base, header.machine, header.loaded_module_list)
        except DumpError:
            return None

    @property
    def _home(self) -> int | None:
        """The processor that wrote the dump; None where only the session's own choice is known."""
        return self._capturing_processor.number if self._capturing_processor else None

    @cached_property
    def _capturing_processor(self) -> Processor | None:
        try:
            return self._kernel.capturing_processor
        except DumpError:
            return None

    @cached_property
    def _file_header(self) -> Header | None:
        # The debugger shows the header's context only as registers of a session that may look elsewhere by now.
        try:
            source = FileSource(self._path or _dump_path(self._run("||")) or "")
        except DumpError:
            return None
        try:
            return read_header(source)
        except DumpError:
            return None
        finally:
            source.close()

    @cached_property
    def _debugger_block(self) -> int:
        address = parse_hex(find_value(self._header_lines, "KdDebuggerDataBlock") or "")
        if address is None:
            raise NotKnown("the debugger does not show where the debugger data block is")
        return address

    @cached_property
    def _header_registers(self) -> Registers | None:
        header, machine = self._file_header, find_machine(self._machine_name)
        return machine.parse_context(captured_context(header)) if header and machine else None

    @property
    def _machine_name(self) -> str:
        return (self._header.machine if self._header else None) or X64

    @cached_property
    def _kernel(self) -> Kernel:
        header, of_file = self._header, self._file_header
        facts = HeaderFacts(
            machine=self._machine_name,
            debugger_data_block=self._debugger_block,
            processor_count=header.processors if header else None,
            directory_table_base=header.directory_table_base if header else None,
            loaded_module_list=of_file.loaded_module_list if of_file else None,
            active_process_head=of_file.active_process_head if of_file else None,
            registers=self._header_registers,
        )
        return Kernel(DebuggerTarget(facts, self, self._run))

    @cached_property
    def _modules_problem(self) -> str | None:
        # The debugger leaves out what it cannot read of the list, without a word.
        try:
            return self._kernel.kernel_modules.problem
        except DumpError:  # a triage dump has a list of another kind, which the debugger reads as a whole
            return None

    @cached_property
    def _header_lines(self) -> tuple[str, ...]:
        return self._run(".dumpdebug")

    @cached_property
    def _header(self) -> DumpHeader | None:
        return parse_dump_header(self._header_lines)

    @cached_property
    def _target_lines(self) -> tuple[str, ...]:
        return self._run("vertarget")

    def _run(self, command: str) -> tuple[str, ...]:
        return split_lines(self._ask(lambda: self._pykd.dbgCommand(command)) or "")

    def _answered(self, question: Any) -> Any:
        """The answer; None where there is none, which costs no other answer."""
        try:
            return self._ask(question)
        except NotKnown:
            return None

    def _ask(self, question: Any) -> Any:
        try:
            return question()
        except _failures(self._pykd) as error:
            raise NotKnown(f"the debugger does not answer: {_first_line(error)}") from error


class _DebuggerPages:
    # Physical memory through the debugger.

    def __init__(self, pykd: Any, holds: Callable[[int], bool]) -> None:
        self._pykd = pykd
        self._holds = holds

    def read(self, address: int, size: int) -> bytes:
        try:
            return bytes(self._pykd.loadBytes(address, size, True))
        except _failures(self._pykd):
            raise MemoryGap(address, MemoryGap.NOT_CAPTURED) from None

    def holds_page(self, pfn: int) -> bool:
        return self._holds(pfn * PAGE_SIZE)


def _import_pykd() -> Any:
    try:
        import pykd  # noqa: PLC0415 - exists inside of WinDbg, and on Windows where it was installed
    except ImportError as error:
        raise EngineUnavailable(
            "the pykd engine needs the package pykd, which exists for Windows and Python up to 3.9: pip install pykd; "
            "everywhere else use --engine native"
        ) from error
    return pykd


def _failures(pykd: Any) -> tuple[type[Exception], ...]:
    return (pykd.DbgException, pykd.MemoryException, pykd.SymbolException, pykd.TypeException, RuntimeError)


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _dump_path(lines: Sequence[str]) -> str | None:
    for line in lines:
        _, mark, path = line.partition("dump: ")
        if mark:
            return path.strip()
    return None


def _size(path: str) -> int | None:
    try:
        return Path(path).stat().st_size
    except (OSError, ValueError):
        return None


def _pages_present(header: DumpHeader, size: int | None) -> int | None:
    if size is None or header.first_page_offset is None or header.page_count is None:
        return None
    return max(0, min(header.page_count, (size - header.first_page_offset) // PAGE_SIZE))
