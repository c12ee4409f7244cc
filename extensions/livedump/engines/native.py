"""The native engine: everything from the file alone, on any system, with no debugger."""

from __future__ import annotations

import contextlib
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from livedump.dumpfile.body import body_of
from livedump.dumpfile.header import Header, bug_check_of, captured_context, describe_container, read_header
from livedump.dumpfile.source import ByteSource, FileSource
from livedump.engines.native_target import NativeTarget
from livedump.kernel.capture_regions import iter_fixed_regions
from livedump.kernel.kernel import Kernel
from livedump.kernel.modules import find_user_image, with_distinct_names
from livedump.machine.machine import Machine, machine_of
from livedump.model.addresses import Memory
from livedump.model.bug_check import BugCheck
from livedump.model.dump import Dump, System
from livedump.model.errors import DumpError, NotKnown, SymbolError
from livedump.model.frames import Stack
from livedump.model.holdings import PageTally, Region
from livedump.model.images import Module, UnloadedModule
from livedump.model.listing import Listing
from livedump.model.processors import Process, Processor, Registers, Requester
from livedump.model.symbol_lookups import SymbolLookups, SymbolState
from livedump.symbols.files.path import symbol_path
from livedump.symbols.resolver import Symbolizer
from livedump.symbols.shelf import PdbShelf
from livedump.unwind.walk import StackWalker, stack_limits_of

if TYPE_CHECKING:
    from livedump.dumpfile.body import Body
    from livedump.dumpfile.pieces import Copies
    from livedump.model.contents import SecondaryBlob
    from livedump.model.downloads import ProgressCallback
    from livedump.model.memory_use import MemoryFacts
    from livedump.model.patience import KeepGoing
    from livedump.model.requests import RequestFacts
    from livedump.model.thread_view import ThreadFacts
    from livedump.model.threads import Census, Thread
    from livedump.model.waits import WaitFacts
    from livedump.symbols.files.image_file import ImageFile


MAX_LOST_IMAGES = 8
"""Frames of user mode whose images are looked for in memory."""


class NativeEngine:
    """One dump file. The header is read at once, everything else when it is asked for."""

    name = "native"

    def __init__(
        self,
        path: str,
        symbols: str | None = None,
        source: ByteSource | None = None,
        shelf: PdbShelf | None = None,
        progress: ProgressCallback | None = None,
    ) -> None:
        """Opens the file; ``symbols`` is a symbol path in WinDbg's syntax, None for that of the environment.

        PDBs are left open on ``shelf``, for the next dump, when there is one; ``progress`` is told of downloads.

        Raises:
            DumpError: the file cannot be read or is no kernel dump.
        """
        self._path = path
        self._symbols = symbols
        self._shelf = shelf
        self._progress = progress
        self._source = source or FileSource(path)
        self._images: list[ImageFile] = []
        try:
            self._header = read_header(self._source)
        except DumpError:
            self._source.close()
            raise

    def close(self) -> None:
        """Gives all files back, and the memory that reading took."""
        if "_kernel_symbolizer" in self.__dict__:
            self._kernel_symbolizer.close()
        if "_kernel" in self.__dict__:
            self._kernel.close()
        if "_body" in self.__dict__:
            self._body.close()
        for image in self._images:
            image.close()
        self._source.close()

    @property
    def header(self) -> Header:
        """The header as read."""
        return self._header

    def dump(self) -> Dump:
        """The file as a container; page counts are None where what tells them is damaged."""
        return self._body.describe(describe_container(self._header, self._path, self._source.size))

    def file_changed(self) -> bool | None:
        """Whether the file was changed since it was opened; None of one that is no file here."""
        return self._source.changed if isinstance(self._source, FileSource) else None

    def symbol_lookups(self, every: bool = False) -> SymbolLookups:
        """What happened when symbols were looked for: of the kernel and what is on the stack, with ``every`` of all."""
        symbolizer, modules = self._symbolizer, self.modules()
        if not symbolizer.looked_for():
            with contextlib.suppress(DumpError):
                self.stack()
        found = tuple(map(symbolizer.lookup, modules if every else symbolizer.looked_for()))
        return SymbolLookups(Listing(found, modules.problem), symbolizer.search.path.notes)

    def symbol_state(self) -> SymbolState | None:
        """What answers so far depend on that missed symbols; None where none were missed."""
        if "_kernel_symbolizer" not in self.__dict__:
            return None
        missing = self._kernel_symbolizer.search.missing()
        return missing if missing.wanted else None

    def system(self) -> System:
        """The machine that was captured; what only memory tells is None where that is missing."""
        kernel = self._find_kernel()
        return System(
            build=self._header.build,
            build_lab=kernel.build_lab if kernel else None,
            processors=self._header.processors,
            product=self._header.product,
            kernel_base=kernel.kernel_base if kernel else self._listed_kernel_base(),
            free_build=self._header.free_build,
            debugger_block_decoding=kernel.decoded if kernel else None,
        )

    def bug_check(self) -> BugCheck:
        """Code and parameters as stored."""
        return bug_check_of(self._header)

    def stack(self, processor: int | None = None) -> Stack:
        """The stack of one processor; None for the one that wrote the dump."""
        registers, number = self._registers(processor)
        chosen = self._processor(number) if number is not None else None
        kernel = self._find_kernel() if self._body.whole else None
        limits = kernel.stack_limits(chosen) if kernel is not None else None
        walked = self._walker.walk(registers, limits)
        modules = self._find_modules()
        images = self._images_of(walked)
        if images:  # the list of the process is not all there, its images are
            self._symbolizer.add(images)
            walker = StackWalker(self._memory, (*modules, *images), self._find_image, self._named, self._header.machine)
            walked = walker.walk(registers, limits)
        return Stack(walked.frames, walked.stop_reason if modules else modules.problem, number)

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

    def thread_facts(self, thread: Thread) -> ThreadFacts:
        """What one thread alone is asked for."""
        return self._kernel.thread_facts(thread)

    def thread_stack(self, thread: Thread) -> Stack:
        """The stack of a thread that does not run."""
        return self._walker.walk(self._kernel.switched_out(thread), stack_limits_of(thread), read_ahead=True)

    def code_name(self, address: int) -> str | None:
        """``module!function`` at an address, the module alone where there is no name; None outside of any module."""
        found = self._symbolizer.name(address)
        return f"{found.module}!{found.symbol}" if found.symbol else found.module

    def modules(self) -> Listing[Module]:
        """Kernel modules in load order, then those of the requesting process."""
        return self._modules

    def unloaded_modules(self) -> Listing[UnloadedModule]:
        """Drivers that were unloaded."""
        listed = self._body.unloaded_drivers
        return self._kernel.unloaded_modules if listed is None else listed

    def processors(self) -> Listing[Processor]:
        """All logical processors by number."""
        return self._kernel.processors

    def processes(self) -> Listing[Process]:
        """All processes in the system's own order."""
        return self._kernel.processes

    def requesting_process(self) -> Process:
        """The process whose thread was current when the dump was taken."""
        copies = self._body.copies
        return self._kernel.requesting_process if copies is None else self._copied_process(copies)

    def requester(self) -> Requester:
        """The same by page tables and by thread; a triage dump has but a copy of the process."""
        copies = self._body.copies
        return self._kernel.requester if copies is None else Requester(None, self._copied_process(copies))

    def holds_user_pages(self) -> bool:
        """Whether user pages of the requesting process are in the dump."""
        held = self._kernel.holds_user_pages
        if held is None:
            raise NotKnown("the requesting process has no user mode part, or it is not known")
        return held

    def read(self, address: int, size: int) -> bytes:
        """Bytes at a virtual address."""
        return self._memory.read(address, size)

    def regions(self) -> tuple[Region, ...]:
        """Where the structures lie that a live dump captures."""
        header = self._header
        fixed = tuple(iter_fixed_regions(header.debugger_data_block, header.directory_table_base))
        kernel = self._find_kernel()
        return (*fixed, *kernel.regions()) if kernel else fixed

    def tally_pages(self, address: int, size: int, physical: bool = False) -> PageTally:
        """How many pages of a range the dump holds; none is read."""
        return self._body.tally_pages(address, size, physical)

    def secondary_data(self) -> Listing[SecondaryBlob]:
        """The blocks behind the memory of the dump."""
        from livedump.dumpfile.blobs import read_blobs  # noqa: PLC0415 - a verdict does not rest on them
        from livedump.model.contents import SecondaryBlob  # noqa: PLC0415

        found = read_blobs(self._source, self._body.end_offset)
        if found is None:
            return Listing(())
        return Listing(tuple(SecondaryBlob(blob.guid, blob.size) for blob in found.blobs), found.problem)

    def _copied_process(self, copies: Copies) -> Process:
        return self._kernel.process_from_copy(copies.process, copies.thread)

    def _listed_kernel_base(self) -> int | None:
        drivers = self._body.drivers or ()
        return next((driver.base for driver in drivers if driver.name == "nt"), None)

    @cached_property
    def _body(self) -> Body:
        return body_of(self._source, self._header)

    @property
    def _memory(self) -> Memory:
        return self._body.memory

    @property
    def _machine(self) -> Machine:
        return machine_of(self._header.machine)

    @cached_property
    def _kernel(self) -> Kernel:
        return Kernel(NativeTarget(self._header, self._body, self._source.size, lambda: self._kernel_symbolizer))

    def _find_kernel(self) -> Kernel | None:
        """The kernel when its debugger data block can be read, without which it tells nothing."""
        try:
            return self._kernel if self._kernel.kdbg else None
        except DumpError:
            return None

    def _find_modules(self) -> Listing[Module]:
        # The innermost frame is known without any.
        try:
            return self.modules()
        except DumpError as error:
            return Listing((), str(error))

    @cached_property
    def _modules(self) -> Listing[Module]:
        drivers = self._body.drivers
        return self._kernel.modules if drivers is None else Listing(with_distinct_names(drivers), drivers.problem)

    @cached_property
    def _symbolizer(self) -> Symbolizer:
        self._kernel_symbolizer.add(self.modules())
        return self._kernel_symbolizer

    @cached_property
    def _kernel_symbolizer(self) -> Symbolizer:
        # Types are asked for while processes are read, and with them the modules of user mode: no list of all yet.
        path = symbol_path(self._symbols, os.environ, Path(self._path))
        modules = self._kernel.kernel_modules if self._body.whole else self.modules()
        return Symbolizer(modules, path, self._memory, self._progress, self._shelf)

    def _find_image(self, module: Module) -> Memory | None:
        from livedump.symbols.files.image_file import find_image  # noqa: PLC0415 - most code is in the dump

        try:
            found = find_image(self._symbolizer.search, module)
        except SymbolError:
            return None
        self._images.append(found)
        return found

    @cached_property
    def _walker(self) -> StackWalker:
        return StackWalker(self._memory, self._find_modules(), self._find_image, self._named, self._header.machine)

    def _named(self, module: Module, address: int) -> tuple[str | None, int]:
        found = self._symbolizer.name(address)
        return (found.symbol, found.offset) if found.symbol else (None, address - module.base)

    def _images_of(self, stack: Stack) -> tuple[Module, ...]:
        lost = [frame for frame in stack.frames if frame.kernel_mode is False and frame.module is None]
        if not lost or not self._body.whole:
            return ()
        found = (find_user_image(self._memory, frame.instruction or 0) for frame in lost[:MAX_LOST_IMAGES])
        return with_distinct_names({module.base: module for module in found if module is not None}.values())

    def _registers(self, number: int | None) -> tuple[Registers, int | None]:
        home = self._home()
        if number is None and home is None and not captured_context(self._header) and self._body.whole:
            return self._registers_of_a_guest()
        if number is None or (home is not None and number == home.number):
            return self._home_registers(), home.number if home else None
        found = self._processor(number).registers
        if found is None:
            raise NotKnown(f"the saved context of processor {number} is not in the dump")
        return found, number

    def _registers_of_a_guest(self) -> tuple[Registers, int]:
        # No processor wrote the dump. One that was at work tells more than an idle one; of those the one that a
        # debugger looked at when it saved the dump again, for it may be one that Windows took.
        shown = self._machine.parse_context(self._header.context)
        pointer = shown.stack_pointer if shown else None
        known = [
            (each.idle is not False, each.registers.stack_pointer != pointer, each.number, each.registers)
            for each in self.processors()
            if each.registers
        ]
        if not known:
            raise NotKnown("no processor wrote the dump, and the saved context of none is in it")
        _, _, number, registers = min(known, key=lambda each: each[:3])
        return registers, number

    def _home_registers(self) -> Registers:
        # Of a system thread's exception the header of a triage dump holds the context of the exception; the stack
        # that it keeps, and that the debugger shows, is the one that the processor was on afterwards.
        stack = self._body.stack
        candidates = [self._machine.parse_context(captured_context(self._header))]
        if stack is not None and (candidates[0] is None or candidates[0].stack_pointer != stack.address):
            candidates += [processor.registers for processor in self._find_processors()]
        known = [each for each in candidates if each is not None]
        fitting = [each for each in known if stack is not None and each.stack_pointer == stack.address]
        registers = next(iter(fitting), candidates[0])
        if registers is None:
            raise NotKnown("the header holds no register context")
        return registers

    def _find_processors(self) -> tuple[Processor, ...]:
        try:
            return self.processors().items
        except DumpError:
            return ()

    def _home(self) -> Processor | None:
        kernel = self._find_kernel() if self._body.whole else None
        return kernel.capturing_processor if kernel is not None else None

    def _processor(self, number: int) -> Processor:
        for processor in self.processors():
            if processor.number == number:
                return processor
        raise NotKnown(f"there is no processor {number}; the dump has {len(self.processors())}")
