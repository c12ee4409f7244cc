"""Reports without the names of people, machines and their programs: records are redacted, before they have a format.

What a field names is told by its type (``model/text_kinds.py``), so that every format, for people or programs, is made
of the same redacted record.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from livedump.model.addresses import format_address
from livedump.model.listing import Listing
from livedump.reference.formats import parameter_text
from livedump.report.redacted_names import Key, Names

Record = TypeVar("Record")
_THREAD = re.compile(r"([0-9a-f]+\.[0-9a-f]+ )(.*)", re.DOTALL)
_BYTES = 8


class TextKind(Enum):
    """What the text of a field names; the values are the names of the types in ``model/text_kinds.py``."""

    SENTENCE = "str"
    FILE_PATH = "FilePath"
    IMAGE_PATH = "ImagePath"
    MODULE = "ModuleName"
    SYMBOL = "SymbolText"
    PROCESS = "ProcessName"
    THREAD = "ThreadName"
    CODE = "CodeText"
    FOREIGN = "ForeignText"
    PARAMETER_HEX = "ParameterHex"
    SYMPTOM_KEYS = "SymptomKeys"
    PARAMETER = "Parameter"
    """No text, but a number that may spell one."""


_LEARNT_LAST = {TextKind.MODULE: 1, TextKind.IMAGE_PATH: 1, TextKind.CODE: 2, TextKind.SYMBOL: 2}


class Redactor:
    """Takes names out of records and texts, consistently: one for each output."""

    def __init__(self) -> None:
        self._names = Names()
        names = self._names
        self._by_kind: dict[TextKind, Callable[[str], str]] = {
            TextKind.SENTENCE: names.sentence,
            TextKind.FILE_PATH: self.path,
            TextKind.IMAGE_PATH: lambda text: names.path(text, image=True),
            TextKind.MODULE: names.module,
            TextKind.SYMBOL: names.symbol,
            TextKind.PROCESS: names.process,
            TextKind.THREAD: self._thread,
            TextKind.CODE: names.code,
            TextKind.FOREIGN: names.foreign,
            TextKind.PARAMETER_HEX: lambda text: f"{self._parameter(int(text, 16)):#018x}",
            TextKind.SYMPTOM_KEYS: self._symptom_keys,
        }

    @property
    def key(self) -> tuple[Key, ...]:
        """Each replacement with what it stands for."""
        return self._names.key

    def record(self, record: Record) -> Record:
        """The same record without names."""
        # All names first: a sentence may hold one that a later field tells. Programs are known before modules, for a
        # module may be one, and modules before what is made of them.
        for value, kind in sorted(_values(record, TextKind.SENTENCE), key=lambda each: _LEARNT_LAST.get(each[1], 0)):
            self._learn(value, kind)
        redacted: Record = self._redacted(record, TextKind.SENTENCE)
        return redacted

    def learn_program(self, name: str | None) -> None:
        """Lets a program be known that only a module of its name may tell of."""
        if name is not None:
            self._names.process(name)

    def text(self, text: str) -> str:
        """A sentence without names."""
        return self._names.sentence(text)

    def path(self, path: str) -> str:
        """A path without names."""
        made = self._names.path(path)
        self._names.learn(path, made)
        return made

    def _learn(self, value: Any, kind: TextKind) -> None:
        if isinstance(value, int):
            self._parameter(value)
        elif kind is TextKind.SYMBOL:
            self._names.allow(" ".join(_names_in(self._names.symbol(value))))
        elif kind in (TextKind.MODULE, TextKind.CODE):
            self._names.allow(self._by_kind[kind](value))
        elif kind is TextKind.IMAGE_PATH:
            self._names.allow(re.split(r"[\\/]", self._names.path(value, image=True))[-1])
        elif kind is not TextKind.SENTENCE:
            self._by_kind[kind](value)

    def _redacted(self, value: Any, kind: TextKind) -> Any:
        if isinstance(value, str):
            return self._by_kind[kind](value)
        if kind is TextKind.PARAMETER and isinstance(value, int):
            return self._parameter(value)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            made = (self._redacted(each, field_kinds(type(value))[name]) for name, each in zip(value._fields, value))
            return type(value)(*made)
        if isinstance(value, tuple):
            return tuple(self._redacted(each, kind) for each in value)
        if isinstance(value, Listing):
            return Listing(self._redacted(value.items, kind), self._redacted(value.problem, TextKind.SENTENCE))
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            kinds = field_kinds(type(value))
            return dataclasses.replace(
                value, **{name: self._redacted(getattr(value, name), found) for name, found in kinds.items()}
            )
        return value

    def _thread(self, text: str) -> str:
        found = _THREAD.fullmatch(text)
        return f"{found[1]}{self._names.process(found[2])}" if found else self._names.sentence(text)

    def _symptom_keys(self, text: str) -> str:
        return ", ".join(map(self._symptom_key, text.split(", ")))

    def _symptom_key(self, key: str) -> str:
        kind, colon, subject = key.partition(":")
        if kind == "pool-tag":
            self._names.allow(subject)
        return f"{kind}{colon}{self._names.sentence(subject)}"

    def _parameter(self, value: int) -> int:
        """A parameter that spells a word which we do not know spells its replacement instead."""
        spelt = parameter_text(value)
        if spelt is None or self._names.sentence(spelt) == spelt:
            return value
        made = self._names.label(spelt, "text")
        self._names.learn(spelt, made)
        number = int.from_bytes(made.encode("ascii")[:_BYTES], "big")
        for form in (format_address, "{:#018x}".format, "{:#x}".format, "{:x}".format):
            self._names.learn(form(value), form(number))
        return number


def _names_in(symbol: str) -> list[str]:
    """The modules and functions of a line; bare words between them are none."""
    words = re.split(r"[\s|<]+", symbol)
    return words if len(words) == 1 else [word for word in words if "!" in word]


def _values(value: Any, kind: TextKind) -> Iterator[tuple[Any, TextKind]]:
    """Every text, and every number that may spell one, with its kind."""
    pending = [(value, kind)]
    while pending:
        each, kind = pending.pop()
        if isinstance(each, str) or (kind is TextKind.PARAMETER and isinstance(each, int)):
            yield each, kind
        elif isinstance(each, tuple) and hasattr(each, "_fields"):
            pending += zip(reversed(each), (field_kinds(type(each))[name] for name in reversed(each._fields)))
        elif isinstance(each, tuple):
            pending += ((item, kind) for item in reversed(each))
        elif isinstance(each, Listing):
            pending += ((each.problem, TextKind.SENTENCE), (each.items, kind))
        elif dataclasses.is_dataclass(each) and not isinstance(each, type):
            kinds = field_kinds(type(each))
            pending += ((getattr(each, name), found) for name, found in reversed(kinds.items()))


@cache
def field_kinds(record: type) -> dict[str, TextKind]:
    """What each field of a record holds, by the name of its type."""
    return {name: _kind(str(getattr(each, "__forward_arg__", each))) for name, each in _annotations(record).items()}


def _annotations(record: type) -> dict[str, Any]:
    fields = getattr(record, "_fields", None) or [each.name for each in dataclasses.fields(record)]
    return {name: record.__annotations__[name] for name in fields}


_BY_NAME = {kind.value: kind for kind in TextKind}


def _kind(annotation: str) -> TextKind:
    names = re.findall(r"\w+", annotation)
    told = (_BY_NAME[name] for name in names if name in _BY_NAME and name != TextKind.SENTENCE.value)
    return next(told, TextKind.SENTENCE)
