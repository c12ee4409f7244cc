"""Modules, processors and processes of whole made-up dumps, against what was put into them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from livedump.dumpfile.header import Header, read_header
from livedump.dumpfile.memory import VirtualMemory, virtual_memory
from livedump.dumpfile.page_runs import physical_memory
from livedump.dumpfile.source import FileSource
from livedump.kernel.kernel import Kernel
from livedump.machine.x64 import parse_context
from livedump.model.errors import NotKnown
from livedump.model.holdings import PageTally
from livedump.model.layout import Layout
from livedump.model.target import HeaderFacts
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


class MadeUp(NamedTuple):
    header: Header
    memory: VirtualMemory
    kernel: Kernel
    truth: Truth


class WithoutSymbols:
    """The file's memory as a target that knows no types and no names."""

    def __init__(self, header: Header, memory: VirtualMemory) -> None:
        self.facts = HeaderFacts(
            header.machine,
            header.debugger_data_block,
            header.processors,
            header.directory_table_base,
            header.loaded_module_list,
            header.active_process_head,
            parse_context(header.context),
        )
        self.held_bytes = None
        self.read = memory.read

    def tally_pages(self, address: int, size: int, physical: bool = False) -> PageTally:
        raise NotKnown(f"{address:#x} {size:#x} {physical}")

    def layout(self, type_name: str, module: str = "nt") -> Layout:
        raise NotKnown(f"no symbols of {module} for {type_name}")

    def address_of(self, symbol: str, module: str = "nt") -> int:
        raise NotKnown(f"no symbols of {module} for {symbol}")


@pytest.fixture(scope="module", params=WHOLE)
def made_up(request: pytest.FixtureRequest) -> Iterator[MadeUp]:
    try:
        built = build(request.param)
    except ToolchainMissing as error:
        pytest.skip(str(error))
    source = FileSource(built.path)
    header = read_header(source)
    physical = physical_memory(source, header.dump_type, header.body_offset, header.runs)
    memory = virtual_memory(physical, header.directory_table_base, header.machine, header.debugger_data_block)
    yield MadeUp(header, memory, Kernel(WithoutSymbols(header, memory)), built.truth)
    source.close()


def test_where_the_kernel_is_and_which(made_up: MadeUp) -> None:
    assert made_up.kernel.kernel_base == made_up.truth.kernel_base
    assert made_up.kernel.build_lab == made_up.truth.build_lab


def test_modules(made_up: MadeUp) -> None:
    found = made_up.kernel.kernel_modules
    expected = [module for module in made_up.truth.modules if module.base >> 63]
    assert [(m.name, m.base, m.size, m.timestamp) for m in found.items] == [
        (m.name, m.base, m.size, m.timestamp) for m in expected
    ]
    assert found.problem is None


def test_unloaded_modules_newest_first(made_up: MadeUp) -> None:
    # The truth has them in the order in which they were unloaded; lm of dbgeng lists them the other way round.
    expected = [(each.name, each.start, each.end) for each in reversed(made_up.truth.unloaded)]
    assert list(map(tuple, made_up.kernel.unloaded_modules)) == expected


def test_processors(made_up: MadeUp) -> None:
    found = made_up.kernel.processors
    assert [(p.number, p.current_thread, p.idle) for p in found] == [
        (p.number, p.thread, p.idle) for p in made_up.truth.processors
    ]
    innermost = [processor.stack[0] for processor in made_up.truth.processors]
    assert [(p.registers.instruction, p.registers.stack_pointer) for p in found if p.registers] == [
        (frame.instruction, frame.child_sp) for frame in innermost
    ]


def test_the_processor_that_wrote_the_dump(made_up: MadeUp) -> None:
    found = made_up.kernel.capturing_processor
    assert found is not None
    assert found.number == made_up.truth.current_processor


def test_processes_without_symbols(made_up: MadeUp) -> None:
    listed = made_up.kernel.processes
    assert [(p.process_id, p.name) for p in listed.items] == list(made_up.truth.processes)
    assert listed.problem is None


def test_who_asked(made_up: MadeUp) -> None:
    found = made_up.kernel.requester
    assert found.by_thread == found.by_directory_table
    assert found.process is not None
    assert found.process[1:] == (made_up.truth.process_name, made_up.truth.process_id, made_up.truth.directory_base)
