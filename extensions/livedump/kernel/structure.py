"""Structures of the kernel as classes: declared once by the names that Microsoft gives them, read in any memory.

::

    class KThread(Structure):
        type_name = "_KTHREAD"
        state = member("State", ThreadState)
        wait_time_ticks = member("WaitTime", int)
        process = member("Process", pointer(KProcess))

    thread = KThread.around(memory, entry, "ThreadListEntry")
    thread.state                  # ThreadState | None
    thread.read(KThread.state)    # ThreadState, or an error that says why it is not known; read("State") does it too

Making one reads nothing. The first member that is asked for reads all that are declared, in one piece where they stand
near each other; what lies beside a gap is read by itself. None means *not known*: its page is missing, or nothing tells
where the member stands in this build.

A view of memory lives as long as its dump is open; what leaves this room is made into a frozen record.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar, Union, overload

from livedump.kernel.decoding import FORMATS, Decode, Slot, View, bytes_of, number, number_size, text
from livedump.kernel.typed_memory import TypedMemory
from livedump.model.errors import DumpError, NotKnown
from livedump.model.layout import Member, TypeKind
from livedump.model.times import find_moment

MERGED_GAP = 0x400
"""Members that stand no further apart are read in one piece."""
LARGEST_PIECE = 0x4000
LARGEST_ALONG = 0x400
"""Longer members are read by themselves."""
MAX_ELEMENTS = 4096
"""Of an array inside of a structure."""

T = TypeVar("T")
S = TypeVar("S", bound="Structure")


Name = Union[str, tuple[str, str]]
"""``State``; ``Tcb.State`` for a member of a member; the lower and the higher half of a number."""


class Reading(Generic[T]):
    """How the bytes of a member become a value."""

    __slots__ = ("decoder", "in_piece")

    def __init__(self, decoder: Callable[[Slot], Decode[T]], in_piece: bool = True) -> None:
        self.decoder = decoder
        """Makes what decodes a member of that type; raises NotKnown for one that it cannot decode."""
        self.in_piece = in_piece
        """Whether its bytes are read along with the other members'."""


class Declared(Generic[T]):
    """One member as declared; the attribute of a structure that gives its value."""

    __slots__ = ("attribute", "names", "reading")

    def __init__(self, names: tuple[Name, ...], reading: Reading[T]) -> None:
        self.names = names
        """In the order in which they are tried."""
        self.reading = reading
        self.attribute = "?"

    def __set_name__(self, owner: type, name: str) -> None:
        self.attribute = name

    def place(self, memory: TypedMemory, kind: type[Structure]) -> Member:
        """Where the member stands in a structure of that memory; of two halves, the lower one.

        Raises:
            NotKnown: nothing tells; the message says why.
        """
        places = _places(memory, kind, self)
        if not places:
            raise memory.not_known(self.shown(kind), kind.type_name)
        return places[0]

    def shown(self, kind: type[Structure]) -> str:
        """The member as C names it."""
        return f"{kind.type_name}.{' + '.join(_paths(self.names[0]))}"

    @overload
    def __get__(self, structure: None, owner: type) -> Declared[T]: ...
    @overload
    def __get__(self, structure: Structure, owner: type) -> T | None: ...
    def __get__(self, structure: Structure | None, owner: type) -> Declared[T] | T | None:
        if structure is None:
            return self
        try:
            value: T = structure.plan.decoders[self.attribute](structure)
        except DumpError:
            return None
        return value


@overload
def member(name: Name, kind: Reading[T], *others: Name) -> Declared[T]: ...
@overload
def member(name: Name, kind: type[T], *others: Name) -> Declared[T]: ...
def member(name: Name, kind: Reading[T] | type[T], *others: Name) -> Declared[T]:
    """A member by its name in C, and what it is to be read as.

    ``kind`` is int, bool, str (an array of characters or a UNICODE_STRING), datetime (100 ns since 1601), an
    enumeration, a Structure, or what ``pointer`` or ``array`` give. ``others`` are names in other builds: the first
    that is known is taken, whichever build it is.
    """
    return Declared((name, *others), _reading(kind))


def joined(low: str, high: str) -> Name:
    """The name of a number of which each half is a member: KernelTimeLow and KernelTimeHigh."""
    return low, high


def pointer(kind: type[S]) -> Reading[S]:
    """Reads a pointer as the structure that it leads to; one to nothing is false, and nothing is known of it."""

    def decoder(slot: Slot) -> Decode[S]:
        address = number(slot)
        return lambda view: kind(view.memory, address(view))

    return Reading(decoder)


def array(kind: type[T]) -> Reading[tuple[T, ...]]:
    """Reads an array of numbers, enumerations or structures as a tuple."""
    return Reading(lambda slot: _array(slot, kind), in_piece=not issubclass(kind, Structure))


def converted(convert: Callable[[int], T]) -> Reading[T]:
    """Reads a number as what ``convert`` makes of it; that may raise NotKnown."""

    def decoder(slot: Slot) -> Decode[T]:
        decode = number(slot)
        return lambda view: convert(decode(view))

    return Reading(decoder)


class Decoders(dict[str, Decode[Any]]):
    """What decodes the members of one structure in one memory, by attribute: each made when it is first asked for."""

    def __init__(
        self, kind: type[Structure], places: dict[str, list[Member]], pieces: tuple[tuple[int, int], ...]
    ) -> None:
        self._kind = kind
        self._places = places
        self._pieces = pieces

    def __missing__(self, attribute: str) -> Decode[Any]:
        slots = [_slot(place, self._pieces) for place in self._places[attribute]]
        made = self[attribute] = _decoder(self._kind, getattr(self._kind, attribute), slots)
        return made


class Plan(NamedTuple):
    """How the members of one structure are read in one memory."""

    decoders: Decoders
    attributes: dict[str, str]
    """By name in C."""
    pieces: tuple[tuple[int, int], ...]
    """Offset and bytes of each."""


class Structure:
    """One structure in memory. Subclasses name their type and declare the members that they need."""

    __slots__ = ("address", "memory", "pieces", "plan")

    type_name: ClassVar[str]
    """As in C; with its module when that is not the kernel: ``storport!_RAID_UNIT_EXTENSION``."""

    def __init__(self, memory: TypedMemory, address: int) -> None:
        self.memory = memory
        self.address = address
        self.plan: Plan = memory.plans.get(type(self)) or make_plan(memory, type(self))
        """How its members are read, and the pieces that were: for what decodes them alone."""
        self.pieces: list[bytes | None] = [None] * len(self.plan.pieces)

    @classmethod
    def around(cls: type[S], memory: TypedMemory, address: int, path: str) -> S:
        """The structure that has the member at ``path`` at ``address``, as CONTAINING_RECORD finds it.

        Raises:
            NotKnown: nothing tells where the member stands.
        """
        return cls(memory, address - memory.offset(cls.type_name, path))

    @classmethod
    def size(cls, memory: TypedMemory) -> int:
        """Bytes of the structure in that memory.

        Raises:
            NotKnown: nothing tells.
        """
        return memory.size(cls.type_name)

    @overload
    def read(self, declared: Declared[T]) -> T: ...
    @overload
    def read(self, declared: str) -> Any: ...
    def read(self, declared: Declared[T] | str) -> Any:
        """The value of a member that is declared, by its attribute or its name in C.

        Raises:
            MemoryGap: it is missing.
            NotKnown: nothing tells where it stands, or what is there makes no sense; the message says which.
        """
        attribute = self.plan.attributes[declared] if isinstance(declared, str) else declared.attribute
        return self.plan.decoders[attribute](self)

    def address_of(self, path: str) -> int:
        """Where a member of this structure is, declared or not.

        Raises:
            NotKnown: nothing tells.
        """
        return self.address + self.memory.offset(self.type_name, path)

    def find_address_of(self, path: str) -> int | None:
        """The same; None where nothing tells."""
        found = self.memory.find(self.type_name, path)
        return self.address + found.offset if found else None

    def load(self, piece: int) -> bytes:
        """One piece, as far as it is there."""
        offset, size = self.plan.pieces[piece]
        data = self.memory.read_prefix(self.address + offset, size) if self.address else b""
        self.pieces[piece] = data
        return data

    def bytes_at(self, offset: int, size: int) -> bytes:
        """Bytes of this structure, whatever they belong to.

        Raises:
            MemoryGap: some are missing.
            NotKnown: the structure was reached by a pointer to nothing.
        """
        if not self.address:
            raise NotKnown(f"the pointer to this {self.type_name} leads to nothing")
        return self.memory.read(self.address + offset, size)

    def __bool__(self) -> bool:
        return self.address != 0

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.address == self.address

    def __hash__(self) -> int:
        return hash((type(self), self.address))

    def __repr__(self) -> str:
        return f"{self.type_name} at {self.address:#x}"


def make_plan(memory: TypedMemory, kind: type[Structure]) -> Plan:
    """How the members of a structure are read in that memory; kept there."""
    attributes = {name: value for each in reversed(kind.__mro__) for name, value in vars(each).items()}
    declared = [each for each in attributes.values() if isinstance(each, Declared)]
    places = {each.attribute: _places(memory, kind, each) for each in declared}
    along = [place for each in declared if each.reading.in_piece for place in places[each.attribute]]
    pieces = _pieces([place for place in along if 0 < (place.type.size or 0) <= LARGEST_ALONG])
    decoders = Decoders(kind, places, pieces)
    for each in declared:
        if not places[each.attribute]:
            decoders[each.attribute] = _raising(str(memory.not_known(each.shown(kind), kind.type_name)))
    names = {path: each.attribute for each in reversed(declared) for name in each.names for path in _paths(name)}
    memory.plans[kind] = plan = Plan(decoders, names, pieces)
    return plan


def _places(memory: TypedMemory, kind: type[Structure], declared: Declared[Any]) -> list[Member]:
    """Where the member stands under the first of its names that is known; of two halves both."""
    for name in declared.names:
        found = [memory.find(kind.type_name, path) for path in _paths(name)]
        if None not in found:
            return [place for place in found if place is not None]
    return []


def _paths(name: Name) -> tuple[str, ...]:
    return (name,) if isinstance(name, str) else name


def _pieces(places: list[Member]) -> tuple[tuple[int, int], ...]:
    pieces: list[tuple[int, int]] = []
    for place in sorted(places, key=lambda place: place.offset):
        end = place.offset + (place.type.size or 0)
        start, length = pieces[-1] if pieces else (0, 0)
        if pieces and place.offset - start - length <= MERGED_GAP and end - start <= LARGEST_PIECE:
            pieces[-1] = (start, max(length, end - start))
        else:
            pieces.append((place.offset, end - place.offset))
    return tuple(pieces)


def _slot(place: Member, pieces: tuple[tuple[int, int], ...]) -> Slot:
    end = place.offset + (place.type.size or 0)
    for index, (start, length) in enumerate(pieces):
        if start <= place.offset and end <= start + length:
            return Slot(place, index, start)
    return Slot(place, None, 0)


def _decoder(kind: type[Structure], declared: Declared[Any], slots: list[Slot]) -> Decode[Any]:
    try:
        if len(slots) == 2:
            return _joined(declared.reading, slots[0], slots[1])
        return declared.reading.decoder(slots[0])
    except NotKnown as error:
        return _raising(f"{declared.shown(kind)} {error}")


def _raising(message: str) -> Decode[Any]:
    def decode(_: View) -> Any:
        raise NotKnown(message)

    return decode


def _joined(reading: Reading[Any], low: Slot, high: Slot) -> Decode[Any]:
    first, second, shift = number(low), number(high), 8 * (low.member.type.size or 0)
    if reading is not _READINGS[int]:
        raise NotKnown("is declared in halves, which only numbers have")
    return lambda view: first(view) | second(view) << shift


def _array(slot: Slot, kind: type[T]) -> Decode[tuple[T, ...]]:
    place, of = slot.member, slot.member.type.of
    count = place.type.elements
    if place.type.kind is not TypeKind.ARRAY or of is None or not of.size or count is None:
        raise NotKnown(f"is no array in this build but {place.type}")
    if not 0 <= count <= MAX_ELEMENTS:
        raise NotKnown(f"has {count} elements, more than are ever read")
    if issubclass(kind, Structure):
        make, starts = kind, range(place.offset, place.offset + count * of.size, of.size)
        return lambda view: tuple(make(view.memory, view.address + start) for start in starts)
    layout = struct.Struct("<" + FORMATS[number_size(of), of.signed][1] * count)
    raw, convert = bytes_of(slot, layout.size), _conversion(kind)
    return lambda view: tuple(map(convert, layout.unpack(raw(view))))


def _as_enum(kind: type[T]) -> Callable[[int], T]:
    values: dict[Any, T] = {each.value: each for each in kind}  # type: ignore[attr-defined]

    def convert(number: int) -> T:
        found = values.get(number)
        if found is None:
            raise NotKnown(f"{number} is no {kind.__name__} that is known")
        return found

    return convert


def _as_time(ticks: int) -> datetime:
    moment = find_moment(ticks)
    if moment is None:
        raise NotKnown(f"{ticks:#x} is no time")
    return moment


def _embedded(kind: type[S]) -> Reading[S]:
    def decoder(slot: Slot) -> Decode[S]:
        offset = slot.member.offset
        return lambda view: kind(view.memory, view.address + offset)

    return Reading(decoder, in_piece=False)


def _conversion(kind: type[T]) -> Callable[[int], T]:
    if issubclass(kind, Enum):
        return _as_enum(kind)
    return kind  # int and bool


def _reading(kind: Reading[T] | type[T]) -> Reading[T]:
    if isinstance(kind, Reading):
        return kind
    known: Reading[T] | None = _READINGS.get(kind)
    if known is not None:
        return known
    if issubclass(kind, Structure):
        embedded: Reading[Any] = _embedded(kind)
        return embedded
    if issubclass(kind, Enum):
        return converted(_as_enum(kind))
    raise TypeError(f"a member cannot be read as {kind}")


_READINGS: dict[Any, Reading[Any]] = {
    int: Reading(number),
    bool: converted(bool),
    datetime: converted(_as_time),
    str: Reading(text),
}
