"""Debug information of a layout's types, as LLVM metadata: exact offsets, unions and bit fields, without padding."""

from __future__ import annotations

import re
from typing import Any

from tests.synth.kernel.layout import WIDTHS, Layout, Place

ENCODINGS = {"u": "DW_ATE_unsigned", "i": "DW_ATE_signed", "f": "DW_ATE_float"}
C_NAMES = {
    "u8": "unsigned char",
    "i8": "char",
    "u16": "unsigned short",
    "i16": "short",
    "u32": "unsigned long",
    "i32": "long",
    "u64": "unsigned __int64",
    "i64": "__int64",
    "f64": "double",
}
HEAD = """target triple = "x86_64-pc-windows-msvc"
!llvm.dbg.cu = !{!0}
!llvm.module.flags = !{!1, !2}
!1 = !{i32 2, !"CodeView", i32 1}
!2 = !{i32 2, !"Debug Info Version", i32 3}
!3 = !DIFile(filename: "types.c", directory: "c:\\5Csynth")
"""


def metadata_text(layout: Layout, processor: str = "x64") -> str:
    """LLVM text that keeps every type of ``layout`` in the debug information."""
    text = _Writer(layout).text()
    return text if processor == "x64" else text.replace("x86_64-pc", "aarch64-pc", 1)


class _Writer:
    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.lines: dict[int, str] = {}
        self.known: dict[str, int] = {}
        self.next = 5

    def text(self) -> str:
        kept = [self._type(name, self.layout.size(name)) for name in sorted(self.layout.types)]
        kept += [self._enum(name) for name in sorted(self.layout.enums)]
        unit = 'distinct !DICompileUnit(language: DW_LANG_C99, file: !3, producer: "made up", isOptimized: false'
        self.lines[0] = f"{unit}, runtimeVersion: 0, emissionKind: FullDebug, retainedTypes: !4)"
        self.lines[4] = "!{" + ", ".join(f"!{number}" for number in kept) + "}"
        return HEAD + "".join(f"!{number} = {line}\n" for number, line in sorted(self.lines.items()))

    def _new(self, line: str = "") -> int:
        number, self.next = self.next, self.next + 1
        self.lines[number] = line
        return number

    def _type(self, name: str, size: int) -> int:
        """Number of the type called ``name``; made on first use."""
        key = name if name in self.layout.types or name in WIDTHS or name.startswith("ptr") else f"{name} {size}"
        if key not in self.known:
            number = self.known[key] = self._new()
            self.lines[number] = self._definition(name, size, number)
        return self.known[key]

    def _definition(self, name: str, size: int, number: int) -> str:
        array = re.search(r"\[(\d+)\]", name)
        if name.startswith("ptr") and not array:
            return self._pointer(name[4:])
        if array:
            return self._array(name, size, int(array[1]))
        if name.startswith("enum "):
            return self._enum_line(name.split()[1], size)
        if name in WIDTHS:
            encoding = "DW_ATE_signed_char" if name == "i8" else ENCODINGS[name[0]]
            encoding = "DW_ATE_unsigned_char" if name == "u8" else encoding
            return f'!DIBasicType(name: "{C_NAMES[name]}", size: {8 * WIDTHS[name]}, encoding: {encoding})'
        return self._structure(name, size, number)

    def _pointer(self, target: str) -> str:
        target = target.strip()
        if target in ("", "void", "function") or target.startswith("enum"):
            return "!DIDerivedType(tag: DW_TAG_pointer_type, baseType: null, size: 64)"
        if target in WIDTHS or target.startswith("ptr") or target in self.layout.types:
            base = self._type(target, 8)
        else:
            base = self._declared(target)
        return f"!DIDerivedType(tag: DW_TAG_pointer_type, baseType: !{base}, size: 64)"

    def _declared(self, name: str) -> int:
        """A type that is known by name only."""
        key = f"declared {name}"
        if key not in self.known:
            self.known[key] = self._new(
                f'!DICompositeType(tag: DW_TAG_structure_type, name: "{name}", file: !3, flags: DIFlagFwdDecl)'
            )
        return self.known[key]

    def _array(self, name: str, size: int, count: int) -> str:
        element = re.sub(r"\[\d+\]", "", name, count=1)
        base = self._type(element, size // max(count, 1))
        bounds = self._new(f"!DISubrange(count: {count})")
        elements = self._new(f"!{{!{bounds}}}")
        return f"!DICompositeType(tag: DW_TAG_array_type, baseType: !{base}, size: {8 * size}, elements: !{elements})"

    def _structure(self, name: str, size: int, number: int) -> str:
        layout: dict[str, Any] = self.layout.types.get(name, {"kind": "struct", "fields": {}, "size": size})
        size = layout["size"]  # a pointer, which may be the first to name a structure, does not know how large it is
        tag = "DW_TAG_union_type" if layout["kind"] == "union" else "DW_TAG_structure_type"
        fields = [self._member(field, Place(*place), number) for field, place in layout["fields"].items()]
        elements = self._new("!{" + ", ".join(f"!{field}" for field in fields) + "}")
        shown = _shown_name(name)
        return (
            f'!DICompositeType(tag: {tag}, name: "{shown}", file: !3, size: {8 * size}, elements: !{elements}, '
            f'identifier: "{shown}{"" if name in self.layout.types else size}")'
        )

    def _member(self, name: str, place: Place, owner: int) -> int:
        base = self._type(place.type_name, place.size)
        common = f'tag: DW_TAG_member, name: "{name}", scope: !{owner}, file: !3, baseType: !{base}'
        if place.bits:
            bit = 8 * place.offset + place.first_bit
            storage = f"flags: DIFlagBitField, extraData: i64 {8 * place.offset}"
            return self._new(f"!DIDerivedType({common}, size: {place.bits}, offset: {bit}, {storage})")
        return self._new(f"!DIDerivedType({common}, size: {8 * place.size}, offset: {8 * place.offset})")

    def _enum(self, name: str) -> int:
        key = f"enumeration {name}"
        if key not in self.known:
            self.known[key] = self._new(self._enum_line(name, 4))
        return self.known[key]

    def _enum_line(self, name: str, size: int) -> str:
        values = self.layout.enums.get(name, {})
        numbers = [self._new(f'!DIEnumerator(name: "{key}", value: {value})') for key, value in values.items()]
        elements = self._new("!{" + ", ".join(f"!{number}" for number in numbers) + "}")
        base = self._type({1: "u8", 2: "u16"}.get(size, "i32"), size)
        return (
            f'!DICompositeType(tag: DW_TAG_enumeration_type, name: "{name}", file: !3, baseType: !{base}, '
            f'size: {8 * size}, elements: !{elements}, identifier: "{name}")'
        )


def _shown_name(name: str) -> str:
    """Anonymous types are named after their holder in a layout; symbols need a name that no other type has."""
    if name == "anonymous":
        return "<unnamed-tag>"
    owner, dot, member = name.rpartition(".")
    return f"{owner.replace('.', '::')}::<unnamed-type-{member}>" if dot else name
