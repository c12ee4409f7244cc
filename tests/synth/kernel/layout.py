"""Layouts of one kernel's structures, and records that are written at their offsets."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parents[1] / "layouts"
BUILDS = ("7601", "9600", "14393", "17763", "18362", "19041", "20348", "22000", "26100")
WIDTHS = {"u8": 1, "i8": 1, "u16": 2, "i16": 2, "u32": 4, "i32": 4, "u64": 8, "i64": 8, "f64": 8}


def words(text: str) -> tuple[str, ...]:
    """The names in ``text``."""
    return tuple(text.split())


class Place(NamedTuple):
    """Where a field lies."""

    offset: int
    type_name: str
    size: int
    first_bit: int = 0
    bits: int = 0
    """0 for a field that is no bit field."""


@dataclass(frozen=True, eq=False)
class Layout:
    """What one build's symbols say."""

    build: str
    globals: frozenset[str]
    functions: frozenset[str]
    enums: dict[str, dict[str, int]]
    types: dict[str, dict[str, Any]]

    def __post_init__(self) -> None:
        object.__setattr__(self, "_places", {})

    def size(self, type_name: str) -> int:
        """Size of a type."""
        return int(self.types[type_name]["size"])

    def fields(self, type_name: str) -> dict[str, Place]:
        """Fields of a type by name."""
        return {name: Place(*place) for name, place in self.types[type_name]["fields"].items()}

    def has(self, path: str) -> bool:
        """Whether the build has the type, or the field that ``path`` leads to."""
        try:
            return path in self.types or self.place(path) is not None
        except KeyError:
            return False

    def place(self, path: str) -> Place:
        """Where ``_TYPE.field.field[2]`` lies in its type. Raises: KeyError."""
        places: dict[str, Place] = self._places  # type: ignore[attr-defined]
        if path not in places:
            places[path] = self._find(path)
        return places[path]

    def at(self, path: str) -> int:
        """Offset of ``_TYPE.field``. Raises: KeyError."""
        return self.place(path).offset

    def _find(self, path: str) -> Place:
        type_name, _, rest = path.partition(".")
        if not rest:
            return Place(0, type_name, self.size(type_name))
        offset, place = 0, Place(0, type_name, 0)
        for part in rest.split("."):
            name, _, index = part.partition("[")
            place = Place(*self.types[place.type_name.partition("[")[0]]["fields"][name])
            if index:
                place = self._element(place, int(index[:-1]))
            offset += place.offset
        return place._replace(offset=offset)

    def _element(self, place: Place, index: int) -> Place:
        element = re.sub(r"\[\d+\]", "", place.type_name, count=1)
        size = 8 if element.startswith("ptr") else WIDTHS.get(element) or self.size(element)
        return Place(place.offset + index * size, element, size)


@cache
def layout_of(build: str) -> Layout:
    """The layout in ``layouts/<build>.json``."""
    table = json.loads((FOLDER / f"{build}.json").read_text())
    return Layout(build, frozenset(table["globals"]), frozenset(table["functions"]), table["enums"], table["types"])


class Record:
    """Bytes of one structure while its fields are being set; the rest is zero."""

    def __init__(self, layout: Layout, type_name: str, size: int = 0) -> None:
        self.layout = layout
        self.type_name = type_name
        self.data = bytearray(size or layout.size(type_name))

    def put(self, **values: int | bytes) -> Record:
        """Set fields by name; ``__`` stands for a dot."""
        for name, value in values.items():
            self.at(name.replace("__", "."), value)
        return self

    def put_known(self, **values: int | bytes) -> Record:
        """Set those fields that the build has."""
        for name, value in values.items():
            path = name.replace("__", ".")
            if self.layout.has(f"{self.type_name}.{path}"):
                self.at(path, value)
        return self

    def at(self, path: str, value: int | bytes) -> None:
        """Set the field that ``path`` leads to. Raises: KeyError, OverflowError."""
        place = self.layout.place(f"{self.type_name}.{path}")
        if isinstance(value, bytes):
            if len(value) > place.size:
                raise OverflowError(f"{self.type_name}.{path} holds {place.size} bytes, got {len(value)}")
            self.data[place.offset : place.offset + len(value)] = value
            return
        if place.bits:
            value = self._with_bits(place, value)
        raw = (value & ((1 << (8 * place.size)) - 1)).to_bytes(place.size, "little")
        if value >> (8 * place.size) not in (0, -1):
            raise OverflowError(f"{self.type_name}.{path} holds {place.size} bytes, got {value:#x}")
        self.data[place.offset : place.offset + place.size] = raw

    def _with_bits(self, place: Place, value: int) -> int:
        mask = (1 << place.bits) - 1
        if value & ~mask:
            raise OverflowError(f"{self.type_name} has {place.bits} bits there, got {value:#x}")
        old = int.from_bytes(self.data[place.offset : place.offset + place.size], "little")
        return (old & ~(mask << place.first_bit)) | value << place.first_bit

    def links(self, path: str, forward: int, back: int) -> None:
        """Set a LIST_ENTRY."""
        offset = self.layout.at(f"{self.type_name}.{path}")
        self.data[offset : offset + 16] = forward.to_bytes(8, "little") + back.to_bytes(8, "little")

    def __bytes__(self) -> bytes:
        return bytes(self.data)
