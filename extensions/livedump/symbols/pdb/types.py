"""Whole layouts of structures, from the type records of a PDB.

What is unnamed in C stands among the members of what holds it, as the debugger shows it. A structure that has no name
of its own but whose member has one is named after that member: ``_IRP.Tail``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from livedump.model.errors import SymbolError
from livedump.model.layout import (
    FUNCTION,
    POINTER_BYTES,
    VOID,
    Layout,
    Member,
    MemberType,
    TypeKind,
    array_of,
    bit_field,
    integer,
    pointer_to,
)
from livedump.symbols.pdb.c_pdb import (
    ARRAY,
    BIT_FIELD,
    LF_ARRAY,
    LF_BITFIELD,
    LF_ENUM,
    LF_FIELDLIST,
    LF_MFUNCTION,
    LF_POINTER,
    LF_PROCEDURE,
    POINTER,
    POINTER_SIZE_MASK,
    POINTER_SIZE_SHIFT,
    RECORD_HEADER,
    SIMPLE_FLOATS,
    SIMPLE_NEAR_POINTER_SIZES,
    SIMPLE_SIGNED,
    SIMPLE_TYPE_END,
    SIMPLE_UNSIGNED,
    SIMPLE_VOID,
)
from livedump.symbols.pdb.msf import MsfFile
from livedump.symbols.pdb.type_fields import MemberRecord, numeric_at, parse_fields
from livedump.symbols.pdb.type_records import MAX_STEPS, Definition, TypeRecords, is_nameless

MAX_MEMBERS = 20_000
"""Of one structure with its unnamed parts; the longest of the kernel has some 700."""
MAX_DEPTH = 8
"""Pointers to arrays of pointers ..., and unnamed parts in unnamed parts."""
OTHER = MemberType(TypeKind.OTHER, None)


class Part(NamedTuple):
    """Where a list of fields belongs in the structure that is being laid out."""

    fields: int
    """Type index of the list."""
    offset: int
    depth: int


class PdbTypes:
    """The types of one PDB. Needs the file only while it is made."""

    def __init__(self, msf: MsfFile) -> None:
        self._records = TypeRecords(msf)
        self._layouts: dict[str, Layout | None] = {}
        self._known_types: dict[int, MemberType] = {}
        """By type index, those that have a name of their own: most members are of few types."""

    def layout(self, type_name: str) -> Layout | None:
        """The structure or union of that name; ``A.B`` for that of member B of A. None when there is none.

        Of several definitions of a name it is the largest.

        Raises:
            SymbolError: the types are damaged.
        """
        if type_name not in self._layouts:
            self._layouts[type_name] = self._laid_out(type_name)
        return self._layouts[type_name]

    def _laid_out(self, type_name: str) -> Layout | None:
        definition = self._named(type_name)
        if definition is None or definition.kind == LF_ENUM:
            return None
        members = [self._member(field, type_name) for field in self._iter_members(definition)]
        return Layout(type_name, definition.size, tuple(members))

    def _named(self, type_name: str) -> Definition | None:
        first, *members = type_name.encode("utf-8").split(b".")
        definition = self._records.find(first)
        for name in members[:MAX_STEPS]:
            field = self._find_member(definition, name) if definition else None
            definition = self._definition_behind(field.type) if field else None
        return definition

    def _find_member(self, definition: Definition, name: bytes) -> MemberRecord | None:
        return next((field for field in self._iter_members(definition) if field.name == name), None)

    def _iter_members(self, definition: Definition) -> Iterator[MemberRecord]:
        """The named members, with those of base classes and of unnamed parts where these stand."""
        pending, count = [Part(definition.fields, 0, 0)], 0
        for part in pending:  # grows while it is walked
            for field in self._iter_fields(part.fields):
                count += 1
                if count > MAX_MEMBERS:
                    raise SymbolError(f"{self._records.path}: a type of more than {MAX_MEMBERS} members")
                if field.name:
                    yield field._replace(offset=part.offset + field.offset)
                elif part.depth < MAX_DEPTH:
                    inner = self._definition(field.type)
                    pending += [Part(inner.fields, part.offset + field.offset, part.depth + 1)] if inner else []

    def _iter_fields(self, type_index: int) -> Iterator[MemberRecord]:
        for start, end in self._iter_lists(type_index):
            yield from parse_fields(self._records.data, start, end)[0]

    def _iter_lists(self, type_index: int) -> Iterator[tuple[int, int]]:
        """Where the contents of a list of fields begin and end, and those of the lists that continue it."""
        seen: set[int] = set()
        next_list: int | None = type_index
        while next_list is not None and next_list not in seen and len(seen) < MAX_STEPS:
            seen.add(next_list)
            start = self._records.start(next_list)
            if start is None or self._records.kind(start) != LF_FIELDLIST:
                return
            place = (start + RECORD_HEADER.size, self._records.end(start))
            yield place
            next_list = parse_fields(self._records.data, *place)[1]

    def _member(self, field: MemberRecord, holder: str) -> Member:
        name, known = _text(field.name), self._known_types.get(field.type)
        if known is not None:
            return Member(name, field.offset, known)
        start = self._records.start(self._records.unmodified(field.type))
        if start is not None and self._records.kind(start) == LF_BITFIELD:
            _, _, _, bits, first_bit = self._records.unpack(BIT_FIELD, start)
            return bit_field(name, field.offset, first_bit, bits)
        nameless = f"{holder}.{name}"
        kind = self._type(field.type, nameless)
        if not _mentions(kind, nameless):
            self._known_types[field.type] = kind
        return Member(name, field.offset, kind)

    def _type(self, type_index: int, nameless: str, depth: int = 0) -> MemberType:
        """The type of a member; ``nameless`` is what a structure without a name is called."""
        type_index = self._records.unmodified(type_index)
        if type_index < SIMPLE_TYPE_END:
            return _simple(type_index)
        start = self._records.start(type_index)
        if start is None or depth > MAX_DEPTH:
            return OTHER
        kind = self._records.kind(start)
        if kind == LF_POINTER:
            _, _, target, attributes = self._records.unpack(POINTER, start)
            size = attributes >> POINTER_SIZE_SHIFT & POINTER_SIZE_MASK or POINTER_BYTES
            return pointer_to(self._target(target, nameless, depth + 1), size)
        if kind == LF_ARRAY:
            element = self._type(self._records.unpack(ARRAY, start)[2], nameless, depth + 1)
            size = numeric_at(self._records.data, start + ARRAY.size)[0]
            return array_of(element, size // element.size) if element.size else OTHER
        if kind in (LF_PROCEDURE, LF_MFUNCTION):
            return FUNCTION
        return self._defined(start, nameless)

    def _target(self, type_index: int, nameless: str, depth: int) -> MemberType:
        """What a pointer points at: of a structure only the name, for that may be announced and never defined."""
        start = self._records.start(self._records.unmodified(type_index))
        announced = self._records.definition(start) if start is not None else None
        if announced is None or announced.kind == LF_ENUM:
            return self._type(type_index, nameless, depth)
        return MemberType(TypeKind.STRUCTURE, None, _shown_name(announced.name, nameless))

    def _defined(self, start: int, nameless: str) -> MemberType:
        announced = self._records.definition(start)
        if announced is None:
            return OTHER
        name = _shown_name(announced.name, nameless)
        definition = self._records.defined(announced)
        if definition is None:
            return MemberType(TypeKind.STRUCTURE, None, name)
        if definition.kind == LF_ENUM:
            number = _simple(definition.underlying)
            return MemberType(TypeKind.ENUM, number.size, name, number.signed)
        return MemberType(TypeKind.STRUCTURE, definition.size, name)

    def _definition(self, type_index: int) -> Definition | None:
        """The structure behind a type index, through const and volatile and its announcement."""
        start = self._records.start(self._records.unmodified(type_index))
        definition = self._records.definition(start) if start is not None else None
        return self._records.defined(definition) if definition else None

    def _definition_behind(self, type_index: int) -> Definition | None:
        """The same, and through arrays and pointers."""
        for _ in range(MAX_STEPS):
            start = self._records.start(self._records.unmodified(type_index))
            kind = self._records.kind(start) if start is not None else None
            if start is None or kind not in (LF_ARRAY, LF_POINTER):
                break
            type_index = self._records.unpack(ARRAY if kind == LF_ARRAY else POINTER, start)[2]
        return self._definition(type_index)


def _simple(type_index: int) -> MemberType:
    kind, mode = type_index & 0xFF, type_index >> 8 & 7
    direct = _DIRECT.get(kind, OTHER)
    return pointer_to(direct, SIMPLE_NEAR_POINTER_SIZES[mode]) if mode else direct


def _mentions(kind: MemberType | None, name: str) -> bool:
    """Whether a type, or what it consists of, is called that."""
    while kind is not None:
        if kind.name == name:
            return True
        kind = kind.of
    return False


def _shown_name(name: bytes, nameless: str) -> str:
    return nameless if is_nameless(name) else _text(name)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")


_DIRECT = {
    **{kind: integer(size) for kind, size in SIMPLE_UNSIGNED.items()},
    **{kind: integer(size, signed=True) for kind, size in SIMPLE_SIGNED.items()},
    **{kind: MemberType(TypeKind.FLOAT, size) for kind, size in SIMPLE_FLOATS.items()},
    SIMPLE_VOID: VOID,
}
