"""The dump that a debugger has open as a target: its memory, and its own words about types and symbols."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from livedump.engines.text.types import parse_evaluated, parse_layout
from livedump.model.addresses import Memory
from livedump.model.errors import NotKnown
from livedump.model.holdings import PageTally
from livedump.model.layout import Layout
from livedump.model.target import HeaderFacts

Run = Callable[[str], Sequence[str]]
"""The lines that a debugger prints for one command. Raises a DumpError when it does not answer."""


class PagedMemory(Memory, Protocol):
    """Memory that tells which pages it has."""

    def tally_pages(self, address: int, size: int, physical: bool = False) -> PageTally:
        """How many pages of a range are there."""


class DebuggerTarget:
    """One session. A type is asked for once, by whoever needs it; nothing in the session is changed."""

    def __init__(self, facts: HeaderFacts, memory: PagedMemory, run: Run) -> None:
        self.facts = facts
        """What the header says."""
        self.held_bytes: int | None = None
        """The debugger does not say."""
        self._memory = memory
        self._run = run

    def read(self, address: int, size: int) -> bytes:
        """Bytes at a virtual address."""
        return self._memory.read(address, size)

    def tally_pages(self, address: int, size: int, physical: bool = False) -> PageTally:
        """How many pages of a range the dump holds."""
        return self._memory.tally_pages(address, size, physical)

    def layout(self, type_name: str, module: str = "nt") -> Layout:
        """The structure or union of that name, as ``dt`` prints it."""
        outer, _, path = type_name.partition(".")
        lines = self._run(f"dt -v {module}!{outer} {path}." if path else f"dt -v {module}!{outer}")
        found = parse_layout(lines, type_name)
        if found is None:
            raise _not_shown(f"{module}!{type_name}", lines)
        return found

    def address_of(self, symbol: str, module: str = "nt") -> int:
        """Where a function or a variable is, as ``?`` evaluates it."""
        # Without masm a session that evaluates C++ would give the value of the variable.
        lines = self._run(f"? @@masm({module}!{symbol})")
        found = parse_evaluated(lines)
        if found is None:
            raise _not_shown(f"{module}!{symbol}", lines)
        return found


def _not_shown(what: str, lines: Sequence[str]) -> NotKnown:
    said = next((line.strip() for line in lines if line.strip()), "")
    return NotKnown(f"the debugger does not show {what}{': ' + said if said else ''}")
