"""Modules, processors and processes of whole made-up dumps, against what was put into them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from livedump.dumpfile.header import Header, read_header
from livedump.dumpfile.memory import VirtualMemory, virtual_memory
from livedump.dumpfile.page_runs import physical_memory
from livedump.dumpfile.source import FileSource
from livedump.kernel.kdbg import Kdbg, find_build_lab, read_kdbg
from livedump.kernel.kdbg_decoding import KnownValues
from livedump.kernel.modules import loaded_modules, unloaded_modules
from livedump.kernel.processes import find_requester, processes
from livedump.kernel.processors import find_attached_process, find_capturing_processor, processors
from livedump.machine.x64 import parse_context
from livedump.model.processors import Processor
from tests.synth import ToolchainMissing, Truth, build

WHOLE = (
    "taskmgr-full",
    "powershell-user",
    "several-processors",
    "vbs",
    "crash-d1",
    "encoded-kdbg",
    "rdmp-8",
    "full-type1",
)


class Kernel(NamedTuple):
    header: Header
    memory: VirtualMemory
    kdbg: Kdbg
    truth: Truth

    def processors(self) -> tuple[Processor, ...]:
        return processors(self.memory, self.kdbg, self.header.processors)


@pytest.fixture(scope="module", params=WHOLE)
def kernel(request: pytest.FixtureRequest) -> Iterator[Kernel]:
    try:
        built = build(request.param)
    except ToolchainMissing as error:
        pytest.skip(str(error))
    source = FileSource(built.path)
    header = read_header(source)
    physical = physical_memory(source, header.dump_type, header.body_offset, header.runs)
    memory = virtual_memory(physical, header.directory_table_base, header.machine, header.debugger_data_block)
    known = KnownValues(header.loaded_module_list, header.active_process_head)
    yield Kernel(header, memory, read_kdbg(memory, header.debugger_data_block, known), built.truth)
    source.close()


def test_where_the_kernel_is_and_which(kernel: Kernel) -> None:
    assert kernel.kdbg.kernel_base == kernel.truth.kernel_base
    assert find_build_lab(kernel.memory, kernel.kdbg) == kernel.truth.build_lab


def test_modules(kernel: Kernel) -> None:
    found = loaded_modules(kernel.memory, kernel.header.loaded_module_list, kernel.kdbg.kernel_base)
    expected = [module for module in kernel.truth.modules if module.base >> 63]
    assert [(m.name, m.base, m.size, m.timestamp) for m in found.items] == [
        (m.name, m.base, m.size, m.timestamp) for m in expected
    ]
    assert found.problem is None


def test_unloaded_modules_newest_first(kernel: Kernel) -> None:
    # The truth has them in the order in which they were unloaded; lm of dbgeng lists them the other way round.
    expected = [(each.name, each.start, each.end) for each in reversed(kernel.truth.unloaded)]
    assert list(map(tuple, unloaded_modules(kernel.memory, kernel.kdbg))) == expected


def test_processors(kernel: Kernel) -> None:
    found = kernel.processors()
    assert [(p.number, p.current_thread, p.idle) for p in found] == [
        (p.number, p.thread, p.idle) for p in kernel.truth.processors
    ]
    innermost = [processor.stack[0] for processor in kernel.truth.processors]
    assert [(p.registers.instruction, p.registers.stack_pointer) for p in found if p.registers] == [
        (frame.instruction, frame.child_sp) for frame in innermost
    ]


def test_the_processor_that_wrote_the_dump(kernel: Kernel) -> None:
    registers = parse_context(kernel.header.context)
    assert registers is not None
    found = find_capturing_processor(kernel.memory, kernel.kdbg, kernel.processors(), registers)
    assert found is not None
    assert found.number == kernel.truth.current_processor


def test_processes_without_symbols(kernel: Kernel) -> None:
    listed = processes(kernel.memory, kernel.kdbg, kernel.header.active_process_head, anchors=attached(kernel))
    assert [(p.process_id, p.name) for p in listed.listing.items] == list(kernel.truth.processes)
    assert listed.listing.problem is None


def test_who_asked(kernel: Kernel) -> None:
    listed = processes(kernel.memory, kernel.kdbg, kernel.header.active_process_head, anchors=attached(kernel))
    home = kernel.processors()[kernel.truth.current_processor]
    assert home.current_thread is not None
    process = find_attached_process(kernel.memory, kernel.kdbg, home.current_thread)
    found = find_requester(kernel.memory, listed, kernel.header.directory_table_base, process)
    assert found.by_thread == found.by_directory_table
    assert found.process is not None
    assert found.process[1:] == (kernel.truth.process_name, kernel.truth.process_id, kernel.truth.directory_base)


def attached(kernel: Kernel) -> list[int]:
    threads = [each.current_thread for each in kernel.processors() if each.current_thread is not None]
    found = [find_attached_process(kernel.memory, kernel.kdbg, thread) for thread in threads]
    return [process for process in found if process is not None]
