"""Memory of which it is known where the members of structures stand: the one chain of layouts.

What a structure's own symbols say comes first, then what the debugger data block says, then what was found out by
looking, then what is the same in every 64-bit Windows. A build number is never asked.

A type is named as in C; one that is not the kernel's with its module: ``storport!_RAID_UNIT_EXTENSION``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from livedump.kernel.values import read_bytes, read_prefix
from livedump.model.addresses import Memory
from livedump.model.errors import DumpError, NotKnown
from livedump.model.layout import Layout, Member, find_member

if TYPE_CHECKING:
    from livedump.model.target import Target

    class LayoutSource(Protocol):
        """One link of the chain."""

        @property
        def problems(self) -> Mapping[str, str]:
            """Why nothing is known of a type that was asked for, by its name."""

        def tells(self, path: str) -> bool:
            """Whether it may know a member of that name; asked so that none looks for others in vain."""

        def layout(self, type_name: str) -> Layout | None:
            """What this source knows of a structure, which may be some of its members; None when it knows nothing."""


class TypedMemory:
    """Memory and its chain of layouts."""

    def __init__(self, memory: Memory, sources: Iterable[LayoutSource], held_bytes: int | None = None) -> None:
        """``held_bytes``: so much memory there is at most; None where that is not known."""
        self._memory = memory
        self._held_bytes = held_bytes
        self._sources = tuple(sources)
        self._places: dict[tuple[str, str], Member] = {}
        self.plans: dict[type, Any] = {}
        """How each structure that was asked for is read here; for the structures alone."""

    def over(self, memory: Memory) -> TypedMemory:
        """Other memory of the same system, such as the copy of one structure."""
        other = TypedMemory(memory, self._sources, self._held_bytes)
        other.plans = self.plans
        return other

    def room_for(self, limit: int, size: int) -> int:
        """How many things of ``size`` bytes there may be: ``limit`` at most, and not more than fit side by side.

        A list whose entries overlap, or one page that is mapped over and over, has more than the dump could hold.
        """
        return limit if self._held_bytes is None else min(limit, self._held_bytes // size)

    def read(self, address: int, size: int) -> bytes:
        """``size`` bytes at any address.

        Raises:
            MemoryGap: some are missing, or lie outside of 64 bits.
        """
        return read_bytes(self._memory, address, size)

    def read_prefix(self, address: int, size: int) -> bytes:
        """The bytes at ``address`` up to the first that is missing, ``size`` at most."""
        return read_prefix(self._memory, address, size)

    def find(self, type_name: str, path: str) -> Member | None:
        """Where a member stands, by the first source that knows it; None when none does."""
        key = type_name, path
        if key not in self._places:
            found = (find_member(source.layout, type_name, path) for source in self._sources if source.tells(path))
            place = next((member for member in found if member is not None), None)
            if place is None:  # not kept: who is looking for layouts may be asking
                return None
            self._places[key] = place
        return self._places[key]

    def offset(self, type_name: str, path: str) -> int:
        """Bytes from the start of a structure to a member.

        Raises:
            NotKnown: no source knows; the message says why.
        """
        found = self.find(type_name, path)
        if found is None:
            raise self.not_known(f"{type_name}.{path}", type_name)
        return found.offset

    def size(self, type_name: str) -> int:
        """Bytes of a structure.

        Raises:
            NotKnown: no source knows; the message says why.
        """
        found = (source.layout(type_name) for source in self._sources)
        size = next((layout.size for layout in found if layout is not None and layout.size is not None), None)
        if size is None:
            raise self.not_known(f"the size of {type_name}", type_name)
        return size

    def not_known(self, what: str, type_name: str) -> NotKnown:
        """The error that says why something of a type is not known."""
        reasons = [source.problems[type_name] for source in self._sources if type_name in source.problems]
        return NotKnown(f"{what} is not known: {'; '.join(reasons) or 'the symbols do not have it'}")


class SymbolLayouts:
    """What the target's symbols say."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._layouts: dict[str, Layout | None] = {}
        self.problems: dict[str, str] = {}
        """What was tried for the symbols of a type, and in vain."""

    def tells(self, path: str) -> bool:
        """Symbols may tell everything."""
        return bool(path)

    def layout(self, type_name: str) -> Layout | None:
        """The whole layout."""
        if type_name not in self._layouts:
            self._layouts[type_name] = self._ask(type_name)
        return self._layouts[type_name]

    def _ask(self, type_name: str) -> Layout | None:
        module, _, name = type_name.rpartition("!")
        try:
            return self._target.layout(name, module or "nt")
        except DumpError as error:
            self.problems[type_name] = str(error)
            return None


class ListedLayouts:
    """Layouts that are listed: fixed ones, or those of the debugger data block."""

    problems: Mapping[str, str] = {}

    def __init__(self, layouts: Iterable[Layout]) -> None:
        self._layouts = {layout.name: layout for layout in layouts}

    def tells(self, path: str) -> bool:
        """Looking it up costs nothing."""
        return bool(path)

    def layout(self, type_name: str) -> Layout | None:
        """The members that are listed."""
        return self._layouts.get(type_name)


class FoundLayouts:
    """Some members of one structure that take some looking, which is done when they are first asked for."""

    def __init__(self, type_name: str, names: Iterable[str], look: Callable[[], Iterable[Member]]) -> None:
        """``look`` gives those members of ``names`` that it finds, or raises a DumpError that says why it does not."""
        self._type_name = type_name
        self._names = frozenset(names)
        self._look = look
        self._found: Layout | None = None
        self.problems: dict[str, str] = {}
        """Why looking found nothing."""

    def tells(self, path: str) -> bool:
        """Whether that member is one that is looked for."""
        return path.partition(".")[0] in self._names

    def layout(self, type_name: str) -> Layout | None:
        """The members that were found."""
        if type_name != self._type_name:
            return None
        if self._found is None:
            self._found = Layout(type_name, None, ())  # for who looks and asks for members of the same type
            self._found = Layout(type_name, None, self._looked())
        return self._found

    def _looked(self) -> tuple[Member, ...]:
        try:
            return tuple(self._look())
        except DumpError as error:
            self.problems[self._type_name] = str(error)
            return ()
