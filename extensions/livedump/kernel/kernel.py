"""The kernel's own structures as seen through any memory: that of the file, or that of a debugger."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from livedump.images.image import read_image, read_pdb_identity
from livedump.kernel.c_layouts import FIXED
from livedump.kernel.capture_regions import iter_kernel_regions, iter_stack_regions
from livedump.kernel.kdbg import Kdbg, KnownValues, find_build_lab, read_kdbg
from livedump.kernel.linked_list import walk_list
from livedump.kernel.modules import loaded_modules, unloaded_modules, user_modules, with_distinct_names
from livedump.kernel.processes import find_requester, found_layouts, most_processes, processes
from livedump.kernel.processors import find_capturing_processor, processors
from livedump.kernel.tasks import EProcess
from livedump.kernel.threads import find_attached_process, find_stack_limits
from livedump.kernel.typed_memory import ListedLayouts, SymbolLayouts, TypedMemory
from livedump.kernel.values import listed
from livedump.machine.machine import find_machine, machine_of
from livedump.model.addresses import Memory
from livedump.model.errors import DumpError, MemoryGap, NotKnown
from livedump.model.holdings import Region
from livedump.model.images import Module, UnloadedModule
from livedump.model.listing import Listing, joined_problems
from livedump.model.processors import Process, Processor, Registers, Requester
from livedump.unwind.walk import StackLimits

if TYPE_CHECKING:
    from livedump.kernel.process_layout import ProcessLayout
    from livedump.kernel.typed_memory import LayoutSource
    from livedump.model.memory_use import MemoryFacts
    from livedump.model.patience import KeepGoing
    from livedump.model.requests import RequestFacts
    from livedump.model.target import Target
    from livedump.model.thread_view import ThreadFacts
    from livedump.model.threads import Census, Thread
    from livedump.model.waits import WaitFacts

LISTS_LOST = "the dump does not hold the lists of processors, processes and threads"


def describe_module(memory: Memory, module: Module) -> Module:
    """The module with what its image tells: the PDB that belongs to it and its file version, where those pages are."""
    from livedump.images.version import find_file_version

    try:
        image = read_image(memory, module.base)
    except DumpError:
        return module
    version = find_file_version(memory, image)
    try:
        return module._replace(pdb=read_pdb_identity(memory, image), version=version)
    except DumpError:
        return module._replace(version=version)


class Kernel:
    """The kernel of one captured system: its structures, each read once when first asked for."""

    def __init__(self, target: Target) -> None:
        """Reads nothing yet."""
        self._target = target
        self._facts = target.facts
        self._machine = find_machine(target.facts.machine)
        self._decoding = False

    @cached_property
    def kdbg(self) -> Kdbg:
        """The debugger data block.

        Raises:
            DumpError: it is missing, or cannot be decoded.
        """
        if self._decoding:  # who asks for symbols to decode it needs the list of modules, to which it leads
            raise NotKnown("the debugger data block is not decoded yet")
        facts, self._decoding = self._facts, True
        known = KnownValues(facts.loaded_module_list, facts.active_process_head)
        try:
            return read_kdbg(self._target, facts.debugger_data_block, known, self._find_symbol)
        finally:
            self._decoding = False

    @cached_property
    def memory(self) -> TypedMemory:
        """Memory through which structures are read."""
        try:
            block = [self.kdbg.layouts()]
        except DumpError:
            block = []
        found = found_layouts(lambda: self._probed_layout)
        sources: list[LayoutSource] = [SymbolLayouts(self._target), *block, *found, ListedLayouts(FIXED)]
        return TypedMemory(self._target, sources, self._target.held_bytes)

    def close(self) -> None:
        """Lets go of what was learned of structures: it leads back to this kernel, and would outlive it."""
        for learned in ("memory", "kdbg"):
            self.__dict__.pop(learned, None)

    def address_of(self, symbol: str) -> int:
        """Where a variable or function of the kernel is.

        Raises:
            DumpError: it is not known; the message says what was tried.
        """
        return self._target.address_of(symbol)

    @property
    def kernel_base(self) -> int | None:
        """Where the kernel image begins."""
        return self.kdbg.kernel_base

    @property
    def decoded(self) -> str | None:
        """How the debugger data block was decoded; None when it was in clear."""
        return self.kdbg.decoded

    @property
    def build_lab(self) -> str | None:
        """Build, flavour, branch and date; None when its page is missing."""
        return find_build_lab(self._target, self.kdbg)

    @cached_property
    def kernel_modules(self) -> Listing[Module]:
        """Modules of the kernel in load order."""
        head = self.kdbg.loaded_module_list
        if head is None:
            raise NotKnown("the debugger data block does not say where the list of loaded modules is")
        return loaded_modules(self._target, head, self.kdbg.kernel_base)

    @cached_property
    def user_modules(self) -> Listing[Module]:
        """Modules of the requesting process; empty when its pages are not in the dump."""
        peb = self.peb
        if peb is None:
            return Listing(())
        try:
            return user_modules(self._target, peb)
        except DumpError:  # without user pages there is no list to read
            return Listing(())

    @property
    def modules(self) -> Listing[Module]:
        """Kernel modules in load order, then those of the requesting process; each with a name of its own."""
        kernel, user = self.kernel_modules, self.user_modules
        of_user = f"in user mode: {user.problem}" if user.problem else None
        return Listing(with_distinct_names((*kernel, *user)), joined_problems(kernel.problem, of_user))

    @property
    def unloaded_modules(self) -> Listing[UnloadedModule]:
        """Drivers that were unloaded."""
        return unloaded_modules(self._target, self.kdbg)

    @cached_property
    def processors(self) -> Listing[Processor]:
        """All logical processors by number."""
        return processors(self.memory, self.kdbg.processor_block, self._facts.processor_count, self._machine)

    @cached_property
    def capturing_processor(self) -> Processor | None:
        """The processor that wrote the dump; None where that cannot be told."""
        try:
            found = self.processors
        except DumpError:
            return None
        home = self._facts.registers
        return find_capturing_processor(self.memory, found, home) if home else None

    @cached_property
    def processes(self) -> Listing[Process]:
        """All processes."""
        return processes(self.memory, self._process_list_head)

    @cached_property
    def requester(self) -> Requester:
        """The process that asked for the dump, by its page tables and by the current thread."""
        home = self.capturing_processor
        thread_process = self._process_of(home) if home else None
        found = find_requester(self.memory, self.processes, self._facts.directory_table_base, thread_process)
        if found.process is None:
            why = f"; {found.problem}" if found.problem else ""
            raise NotKnown(f"the requesting process is not in the dump's list of processes{why}")
        return found

    @property
    def requesting_process(self) -> Process:
        """The process that asked for the dump.

        Raises:
            NotKnown: no trace of it leads to a process.
        """
        found = self.requester.process
        assert found is not None  # noqa: S101 - the requester has one, or it is an error
        return found

    @property
    def peb(self) -> int | None:
        """The process environment block of the requesting process; None where it has none or that is not known."""
        try:
            process = self.requesting_process
        except DumpError:
            return None
        return EProcess(self.memory, process.address).peb or None if process.address is not None else None

    @property
    def holds_user_pages(self) -> bool | None:
        """Whether the environment block of the requesting process is there; None where it has none."""
        peb = self.peb
        if peb is None:
            return None
        try:
            self._target.read(peb, 1)
        except MemoryGap:
            return False
        return True

    def census(self, keep_going: KeepGoing) -> Census:
        """Processors, processes and threads, as far as there is time.

        Raises:
            DumpError: it is not known where they are, or where their members stand.
        """
        from livedump.kernel.census import CensusTaker

        try:
            prcbs = [(each.number, each.prcb) for each in self.processors if each.prcb]
            home = self.capturing_processor
            taker = CensusTaker(self.memory, self._find_symbol, keep_going)
            return taker.take(prcbs, self._process_list_head, home.number if home else None)
        except MemoryGap as gap:
            raise MemoryGap(gap.address, gap.reason, gap.level, gap.entry, LISTS_LOST) from gap

    def waits(self, census: Census, keep_going: KeepGoing) -> WaitFacts:
        """What each waiting thread of the census waits for, and who holds it."""
        from livedump.kernel.waits import WaitReader

        return WaitReader(self.memory, self._find_symbol, census, keep_going).read()

    def memory_use(self, census: Census, keep_going: KeepGoing) -> MemoryFacts:
        """Commit, pools and their tags, handles, objects."""
        from livedump.kernel.memory_use import read_memory_use

        return read_memory_use(self.memory, self._find_symbol, census, self._known_modules, keep_going)

    def requests(self, census: Census, keep_going: KeepGoing) -> RequestFacts:
        """Requests on the lists of threads, and the system's work queues; each says what kept it from being whole."""
        from livedump.kernel.requests import RequestReader
        from livedump.kernel.work_queues import read_work_queues
        from livedump.model.requests import RequestFacts

        reader = RequestReader(self.memory, self._module_at, keep_going)
        requests = listed(lambda: reader.read(census))
        return RequestFacts(
            requests,
            listed(lambda: read_work_queues(self.memory, self._find_symbol)),
            listed(lambda: reader.device_stacks(requests)),
        )

    def thread_facts(self, thread: Thread) -> ThreadFacts:
        """What one thread alone is asked for."""
        from livedump.kernel.requests import RequestReader
        from livedump.kernel.thread_facts import read_thread_facts

        reader = RequestReader(self.memory, self._module_at, lambda: True)
        return read_thread_facts(self.memory, thread, listed(lambda: reader.read_thread(thread.address)))

    @cached_property
    def _known_modules(self) -> tuple[Module, ...]:
        try:
            return self.kernel_modules.items
        except DumpError:
            return ()

    def _module_at(self, address: int) -> str | None:
        return next((each.name for each in self._known_modules if each.base <= address < each.end), None)

    def switched_out(self, thread: Thread) -> Registers:
        """The registers with which a thread goes on that does not run.

        Raises:
            DumpError: they cannot be had; the message says why.
        """
        from livedump.kernel.switch_frame import switched_out

        return switched_out(self.memory, thread, machine_of(self._facts.machine))

    def regions(self) -> tuple[Region, ...]:
        """Where the structures lie that a live dump captures and that the debugger data block leads to."""
        found = list(iter_kernel_regions(self.memory, self.kdbg, self._facts.processor_count))
        home, registers = self.capturing_processor, self._facts.registers
        if registers is not None:
            thread = home.current_thread if home else None
            found += iter_stack_regions(self.memory, thread, registers.stack_pointer)
        return tuple(found)

    def stack_limits(self, processor: Processor | None) -> StackLimits | None:
        """The kernel stack of the processor's current thread; None where it is not known."""
        if processor is None or processor.current_thread is None:
            return None
        return find_stack_limits(self.memory, processor.current_thread)

    def process_from_copy(self, eprocess: bytes, ethread: bytes) -> Process:
        """The process of which a triage dump holds a copy, by that and by the copy of one of its threads."""
        from livedump.kernel.structure_copies import process_from_copy

        return process_from_copy(self.memory, eprocess[: self.kdbg.size_eprocess], ethread)

    @property
    def _process_list_head(self) -> int:
        head = self.kdbg.active_process_head
        if head is None:
            raise NotKnown("the debugger data block does not say where the list of processes is")
        return head

    @cached_property
    def _probed_layout(self) -> ProcessLayout:
        from livedump.kernel.process_layout import probe_layout

        anchors = [address for address in map(self._process_of, self._known_processors()) if address is not None]
        links = walk_list(self._target, self._process_list_head, most_processes(self.memory)).entries
        return probe_layout(self._target, self.kdbg.size_eprocess, links, anchors)

    def _find_symbol(self, name: str) -> int | None:
        try:
            return self.address_of(name)
        except DumpError:
            return None

    def _known_processors(self) -> tuple[Processor, ...]:
        try:
            return self.processors.items
        except DumpError:
            return ()

    def _process_of(self, processor: Processor) -> int | None:
        if processor.current_thread is None:
            return None
        return find_attached_process(self.memory, processor.current_thread)
