"""What the kernel's structures are read through: memory, and where things stand in it.

The file with its PDBs is one, the dump that a debugger has open another. Debugger text is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from livedump.model.addresses import Memory
    from livedump.model.holdings import PageTally
    from livedump.model.layout import Layout
    from livedump.model.processors import Registers

    class Target(Memory, Protocol):
        """One captured system. Every method raises a DumpError that says why when the answer cannot be had."""

        @property
        def facts(self) -> HeaderFacts:
            """What the dump's header says."""

        @property
        def held_bytes(self) -> int | None:
            """So much memory the dump holds at most; None where that is not known."""

        def tally_pages(self, address: int, size: int, physical: bool = False) -> PageTally:
            """How many pages of a range the dump holds; bounded, and without reading them where that can be told."""

        def layout(self, type_name: str, module: str = "nt") -> Layout:
            """The structure or union of that name, ``A.B`` for that of member B of A.

            Raises:
                DumpError: it is not known; the message says what was tried.
            """

        def address_of(self, symbol: str, module: str = "nt") -> int:
            """Where a function or a variable is, by its name without the module's.

            Raises:
                DumpError: it is not known; the message says what was tried.
            """


class HeaderFacts(NamedTuple):
    """What the dump's header says of the system. None where the field was not written, or is not shown."""

    machine: str
    """x64, arm64, x86 ..."""
    debugger_data_block: int
    """Address of the KDDEBUGGER_DATA64."""
    processor_count: int | None = None
    directory_table_base: int | None = None
    """Physical address of the page tables of the process that asked for the dump."""
    loaded_module_list: int | None = None
    """Address of the list's head."""
    active_process_head: int | None = None
    """Address of the list's head."""
    registers: Registers | None = None
    """Of the processor that wrote the dump; None of machines other than x64 and ARM64."""
