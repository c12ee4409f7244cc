"""Layouts of structures: which member stands where and what it is, wherever that is known from."""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple, Optional


class TypeKind(Enum):
    """What a member is."""

    INTEGER = "integer"
    """Numbers, characters and booleans."""
    FLOAT = "float"
    POINTER = "pointer"
    ARRAY = "array"
    STRUCTURE = "structure"
    """Or a union: members may overlap."""
    ENUM = "enum"
    FUNCTION = "function"
    VOID = "void"
    OTHER = "other"
    """Something that no reader here needs."""


class MemberType(NamedTuple):
    """The type of a member, of an array's elements, or of what a pointer points at."""

    kind: TypeKind
    size: Optional[int]
    """Bytes; None where the source does not say, as of what a pointer points at."""
    name: Optional[str] = None
    """Of a structure or an enumeration, as a target is asked for it: one without a name of its own is called
    after where it stands, ``_IRP.Tail.Overlay``."""
    signed: bool = False
    elements: Optional[int] = None
    """Elements of an array."""
    of: "Optional[MemberType]" = None
    """An array's element, or what a pointer points at."""

    def __str__(self) -> str:
        of = self.of or VOID
        if self.kind is TypeKind.POINTER:
            return f"ptr {of}"
        if self.kind is TypeKind.ARRAY and self.of is not None:
            element, counts = self._innermost()
            return str(element) + "".join(f"[{count}]" for count in counts)
        if self.kind is TypeKind.INTEGER:
            return f"{'i' if self.signed else 'u'}{8 * (self.size or 0)}"
        return f"enum {self.name}" if self.kind is TypeKind.ENUM else self.name or self.kind.value

    def _innermost(self) -> "tuple[MemberType, list[int]]":
        """The element of an array of arrays, and the counts in the order of C."""
        counts: list[int] = []
        at: MemberType = self
        while at.kind is TypeKind.ARRAY and at.of is not None:
            counts.append(at.elements or 0)
            at = at.of
        return at, counts


VOID = MemberType(TypeKind.VOID, 0)
FUNCTION = MemberType(TypeKind.FUNCTION, None)
POINTER_BYTES = 8


def integer(size: int, signed: bool = False) -> MemberType:
    """The type of a number of ``size`` bytes."""
    return MemberType(TypeKind.INTEGER, size, signed=signed)


def pointer_to(target: MemberType, size: int = POINTER_BYTES) -> MemberType:
    """The type of a pointer to ``target``."""
    return MemberType(TypeKind.POINTER, size, of=target)


def array_of(element: MemberType, count: int) -> MemberType:
    """The type of an array."""
    size = None if element.size is None else element.size * count
    return MemberType(TypeKind.ARRAY, size, elements=count, of=element)


class Member(NamedTuple):
    """One member of a structure."""

    name: str
    offset: int
    """Bytes from the start of the structure; of a bit field, of the unit that it is part of."""
    type: MemberType
    """Of a bit field, an unsigned number of the fewest bytes that hold it: not every source knows its unit."""
    first_bit: Optional[int] = None
    """Of a bit field, counted from the lowest bit at ``offset``; None of any other member."""
    bits: Optional[int] = None


def bit_field(name: str, offset: int, first_bit: int, bits: int) -> Member:
    """A bit field as a member."""
    size = next((size for size in (1, 2, 4, 8) if first_bit + bits <= 8 * size), 16)
    return Member(name, offset, integer(size), first_bit, bits)


class Layout(NamedTuple):
    """A structure or union."""

    name: str
    size: Optional[int]
    """Bytes; None where the source does not say."""
    members: tuple[Member, ...]
    """In the order of the source; those of unnamed parts stand among them."""

    def find(self, name: str) -> Optional[Member]:
        """The first member of that name; None where there is none."""
        return next((member for member in self.members if member.name == name), None)


LayoutOf = Callable[[str], Optional[Layout]]
"""The layout of a structure by its name; None where there is none."""


def find_member(layout_of: LayoutOf, type_name: str, path: str) -> Optional[Member]:
    """The member at the end of a path, ``Tcb.State`` or just ``State``, its offset counted from the outer structure.

    None where there is none. A path leads through structures, not through pointers or arrays. The structures inside
    of one that is named with its module are those of that module.
    """
    module = type_name[: type_name.find("!") + 1]
    offset, layout, rest = 0, layout_of(type_name), path
    while layout is not None and rest:
        found = layout.find(rest)  # some sources list a member of a member by its whole path
        if found is not None:
            return found._replace(offset=offset + found.offset)
        name, _, rest = rest.partition(".")
        found = layout.find(name) if rest else None
        if found is None or found.type.kind is not TypeKind.STRUCTURE or found.type.name is None:
            return None
        offset += found.offset
        layout = layout_of(module + found.type.name)
    return None
