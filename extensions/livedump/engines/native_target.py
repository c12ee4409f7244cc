"""The dump file as a target: its pages for memory, PDBs for types and names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livedump.dumpfile.header import Header, captured_context
from livedump.machine.machine import find_machine
from livedump.model.holdings import PageTally
from livedump.model.layout import Layout
from livedump.model.target import HeaderFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from livedump.dumpfile.body import Body
    from livedump.symbols.resolver import Symbolizer


class NativeTarget:
    """One dump file. PDBs are looked for when a type or a name is asked for."""

    def __init__(self, header: Header, body: Body, held_bytes: int, symbolizer: Callable[[], Symbolizer]) -> None:
        machine = find_machine(header.machine)
        self.facts = HeaderFacts(
            machine=header.machine,
            debugger_data_block=header.debugger_data_block,
            processor_count=header.processors,
            directory_table_base=header.directory_table_base,
            loaded_module_list=header.loaded_module_list,
            active_process_head=header.active_process_head,
            registers=machine.parse_context(captured_context(header)) if machine else None,
        )
        """What the header says."""
        self.held_bytes: int | None = held_bytes
        """Bytes of the file."""
        self._body = body
        self._symbolizer = symbolizer

    def read(self, address: int, size: int) -> bytes:
        """Bytes at a virtual address."""
        return self._body.memory.read(address, size)

    def tally_pages(self, address: int, size: int, physical: bool = False) -> PageTally:
        """How many pages of a range the dump holds; none is read."""
        return self._body.tally_pages(address, size, physical)

    def layout(self, type_name: str, module: str = "nt") -> Layout:
        """The structure or union of that name, from the module's PDB."""
        return self._symbolizer().layout(module, type_name)

    def address_of(self, symbol: str, module: str = "nt") -> int:
        """Where a function or a variable is, by the module's PDB."""
        return self._symbolizer().address_of(module, symbol)
