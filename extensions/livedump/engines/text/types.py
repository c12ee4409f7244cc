"""Types and symbols in debugger text: ``dt -v``, and ``?`` of a symbol.

The engines of 2017 and 2026 print them alike::

    struct _KTHREAD, 213 elements, 0x430 bytes
       +0x000 Header           : struct _DISPATCHER_HEADER, 59 elements, 0x18 bytes
       +0x074 KernelStackResident : Bitfield Pos 17, 1 Bit
       +0x140 WaitBlock        : [4] struct _KWAIT_BLOCK, 9 elements, 0x30 bytes

What it does not print: the size of an enumeration and of a floating-point number, and the unit of a bit field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from livedump.engines.text.lines import parse_hex
from livedump.model.layout import (
    FUNCTION,
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

MAX_MEMBERS = 20_000
MAX_NESTING = 8
"""Pointers to arrays of pointers ..."""
LARGEST_COUNT = 1 << 31

_HEAD = re.compile(r"(?:struct|class|union) (\S{1,500}), \d{1,9} elements, 0x([0-9a-f]{1,8}) bytes$")
_MEMBER = re.compile(r"( {3,60})\+0x([0-9a-f]{1,8}) (\w{1,500}) {1,500}: (.*)$")
_BITS = re.compile(r"Bitfield Pos (\d{1,3}), (\d{1,3}) Bits?$")
_ARRAY = re.compile(r"\[(\d{1,10})\] ")
_POINTER = re.compile(r"Ptr(32|64) to ")
_STRUCTURE = re.compile(r"(?:struct|class|union) (.{1,500}), \d{1,9} elements, 0x([0-9a-f]{1,8}) bytes *$")
_ENUM = re.compile(r"Enum (.{1,500}),  ?\d{1,9} total enums *$")
_INTEGER = re.compile(r"(U?)[Ii]nt(\d{1,2})B *$")
_EVALUATED = re.compile(r"Evaluate expression: -?\d{1,20} = ([0-9a-f`]{8,17})$")
_NAMELESS = ("__unnamed", "<unnamed-", "<anonymous-")
_INDENT = 3
"""Columns for each level of a member of a member."""
_ENUM_SIZE = 4
_CHARACTERS = {"UChar": integer(1), "Bool": integer(1), "Char": integer(1, signed=True), "Wchar": integer(2)}


class _Line(NamedTuple):
    level: int
    member: Member


def parse_layout(lines: Sequence[str], type_name: str) -> Layout | None:
    """The layout in what ``dt -v module!type`` prints; None where it prints none.

    Of ``A.B.C`` it is what ``dt -v module!A B.C.`` prints of the inner structure.
    """
    first, *path = type_name.split(".")
    head = next((found for found in map(_HEAD.match, lines) if found), None)
    if head is None or head[1] != first:
        return None
    listed = list(_iter_members(lines, first, path))
    size: int | None = int(head[2], 16)
    for level, name in enumerate(path):
        at = next((at for at, line in enumerate(listed) if line.level == level and line.member.name == name), None)
        if at is None:
            return None
        size = _innermost(listed[at].member.type).size
        end = next((end for end in range(at + 1, len(listed)) if listed[end].level <= level), len(listed))
        listed = listed[at + 1 : end]
    members = [line.member for line in listed if line.level == len(path)]
    return Layout(type_name, size, _with_enum_sizes(members, size)) if members and size is not None else None


def parse_evaluated(lines: Sequence[str]) -> int | None:
    """The number in what ``?`` prints; None where it prints a complaint."""
    found = next((found for found in map(_EVALUATED.match, lines) if found), None)
    return parse_hex(found[1]) if found else None


def _iter_members(lines: Sequence[str], holder: str, path: list[str]) -> Iterator[_Line]:
    for found in [found for found in map(_MEMBER.match, lines) if found][:MAX_MEMBERS]:
        indent, offset, name, text = found.groups()
        level = len(indent) // _INDENT - 1
        bits = _BITS.match(text)
        if bits:
            yield _Line(level, bit_field(name, int(offset, 16), int(bits[1]), int(bits[2])))
        else:
            nameless = ".".join((holder, *path[:level], name))
            yield _Line(level, Member(name, int(offset, 16), _parse_type(text, nameless)))


def _parse_type(text: str, nameless: str, depth: int = 0) -> MemberType:
    array, pointer = _ARRAY.match(text), _POINTER.match(text)
    if depth > MAX_NESTING:
        return MemberType(TypeKind.OTHER, None)
    if array and int(array[1]) < LARGEST_COUNT:
        return array_of(_parse_type(text[array.end() :], nameless, depth + 1), int(array[1]))
    if pointer:
        target = _parse_type(text[pointer.end() :], nameless, depth + 1)
        # How large a structure is that a pointer leads to, only some sources know.
        target = target._replace(size=None) if target.kind is TypeKind.STRUCTURE else target
        return pointer_to(target, int(pointer[1]) // 8)
    return _parse_plain(text, nameless)


def _parse_plain(text: str, nameless: str) -> MemberType:
    structure, enum, number = _STRUCTURE.match(text), _ENUM.match(text), _INTEGER.match(text)
    if structure:  # of one that it does not find the debugger says that it has 0x0 bytes
        return MemberType(TypeKind.STRUCTURE, int(structure[2], 16) or None, _shown_name(structure[1], nameless))
    if enum:
        return MemberType(TypeKind.ENUM, _ENUM_SIZE, _shown_name(enum[1], nameless), signed=True)
    if number:
        return integer(int(number[2]), signed=not number[1])
    if text.startswith(" "):
        return FUNCTION
    word = text.strip()
    if word == "Float":
        return MemberType(TypeKind.FLOAT, None)
    return VOID if word == "Void" else _CHARACTERS.get(word, MemberType(TypeKind.OTHER, None))


def _with_enum_sizes(members: list[Member], size: int) -> tuple[Member, ...]:
    """The members, an enumeration no larger than the room that it has: some have one or two bytes."""
    starts = sorted({member.offset for member in members} | {size})
    following = dict(zip(starts, starts[1:]))

    def fitted(member: Member) -> Member:
        room = following.get(member.offset, member.offset) - member.offset
        narrow = member.type.kind is TypeKind.ENUM and room in (1, 2) and member.bits is None
        return member._replace(type=member.type._replace(size=room)) if narrow else member

    return tuple(map(fitted, members))


def _innermost(kind: MemberType) -> MemberType:
    while kind.kind is TypeKind.ARRAY and kind.of is not None:
        kind = kind.of
    return kind


def _shown_name(name: str, nameless: str) -> str:
    return nameless if name.rpartition("::")[2].startswith(_NAMELESS) else name
