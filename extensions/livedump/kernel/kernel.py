"""The kernel's own structures as seen through any memory: that of the file, or that of a debugger."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from livedump.images.image import find_file_version, read_image, read_pdb_identity
from livedump.kernel.capture_regions import iter_kernel_regions, iter_stack_regions
from livedump.kernel.kdbg import Kdbg, find_build_lab
from livedump.kernel.modules import loaded_modules, unloaded_modules, user_modules, with_distinct_names
from livedump.kernel.process_layout import FieldOffset
from livedump.kernel.processes import ProcessList, find_requester, processes
from livedump.kernel.processors import (
    find_attached_process,
    find_capturing_processor,
    find_stack_bounds,
    processors,
)
from livedump.kernel.values import find_u64
from livedump.model.addresses import Memory
from livedump.model.contents import Region
from livedump.model.errors import DumpError, MemoryGap, NotKnown
from livedump.model.images import Module, UnloadedModule
from livedump.model.listing import Listing, joined_problems
from livedump.model.processors import Process, Processor, Registers, Requester
from livedump.unwind.walk import StackLimits


def describe_module(memory: Memory, module: Module) -> Module:
    """The module with what its image tells: the PDB that belongs to it and its file version, where those pages are."""
    try:
        image = read_image(memory, module.base)
    except DumpError:
        return module
    version = find_file_version(memory, image)
    try:
        return replace(module, pdb=read_pdb_identity(memory, image), version=version)
    except DumpError:
        return replace(module, version=version)


class KernelView:
    """Modules, processors and processes, each read once when first asked for."""

    def __init__(
        self,
        memory: Memory,
        kdbg: Kdbg,
        *,
        machine: str,
        processor_count: int | None,
        directory_table_base: int | None,
        home: Registers | None,
        field_offset: FieldOffset | None = None,
    ) -> None:
        self._memory = memory
        self._kdbg = kdbg
        self._machine = machine
        self._processor_count = processor_count
        self._directory_table_base = directory_table_base
        self._home = home
        self._field_offset = field_offset

    @property
    def kernel_base(self) -> int | None:
        """Where the kernel image begins."""
        return self._kdbg.kernel_base

    @property
    def decoded(self) -> str | None:
        """How the debugger data block was decoded; None when it was in clear."""
        return self._kdbg.decoded

    @property
    def build_lab(self) -> str | None:
        """Build, flavour, branch and date; None when its page is missing."""
        return find_build_lab(self._memory, self._kdbg)

    @cached_property
    def kernel_modules(self) -> Listing[Module]:
        """Modules of the kernel in load order."""
        head = self._kdbg.loaded_module_list
        if head is None:
            raise NotKnown("the debugger data block does not say where the list of loaded modules is")
        return loaded_modules(self._memory, head, self._kdbg.kernel_base)

    @cached_property
    def user_modules(self) -> Listing[Module]:
        """Modules of the requesting process; empty when its pages are not in the dump."""
        peb = self.peb
        if peb is None:
            return Listing(())
        try:
            return user_modules(self._memory, peb)
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
        return unloaded_modules(self._memory, self._kdbg)

    @cached_property
    def processors(self) -> Listing[Processor]:
        """All logical processors by number."""
        return processors(self._memory, self._kdbg, self._processor_count, self._machine)

    @cached_property
    def capturing_processor(self) -> Processor | None:
        """The processor that wrote the dump; None where that cannot be told."""
        try:
            found = self.processors
        except DumpError:
            return None
        return find_capturing_processor(self._memory, self._kdbg, found, self._home) if self._home else None

    @cached_property
    def process_list(self) -> ProcessList:
        """All processes."""
        head = self._kdbg.active_process_head
        if head is None:
            raise NotKnown("the debugger data block does not say where the list of processes is")
        anchors = [address for address in map(self._process_of, self._known_processors()) if address is not None]
        return processes(self._memory, self._kdbg, head, self._field_offset, anchors)

    @cached_property
    def requester(self) -> Requester:
        """The process that asked for the dump, by its page tables and by the current thread."""
        home = self.capturing_processor
        thread_process = self._process_of(home) if home else None
        found = find_requester(self._memory, self.process_list, self._directory_table_base, thread_process)
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
        offset = self._kdbg.eprocess_peb
        if process.address is None or offset is None:
            return None
        return find_u64(self._memory, process.address + offset) or None

    @property
    def holds_user_pages(self) -> bool | None:
        """Whether the environment block of the requesting process is there; None where it has none."""
        peb = self.peb
        if peb is None:
            return None
        try:
            self._memory.read(peb, 1)
        except MemoryGap:
            return False
        return True

    def regions(self) -> tuple[Region, ...]:
        """Where the structures lie that a live dump captures and that the debugger data block leads to."""
        found = list(iter_kernel_regions(self._memory, self._kdbg, self._processor_count))
        home = self.capturing_processor
        if self._home is not None:
            thread = home.current_thread if home else None
            found += iter_stack_regions(self._memory, self._kdbg, thread, self._home.stack_pointer)
        return tuple(found)

    def stack_limits(self, processor: Processor | None) -> StackLimits | None:
        """The kernel stack of the processor's current thread; None where it is not known."""
        if processor is None or processor.current_thread is None:
            return None
        bounds = find_stack_bounds(self._memory, self._kdbg, processor.current_thread)
        return StackLimits(bounds.limit, bounds.base) if bounds else None

    def _known_processors(self) -> tuple[Processor, ...]:
        try:
            return self.processors.items
        except DumpError:
            return ()

    def _process_of(self, processor: Processor) -> int | None:
        if processor.current_thread is None:
            return None
        return find_attached_process(self._memory, self._kdbg, processor.current_thread)
