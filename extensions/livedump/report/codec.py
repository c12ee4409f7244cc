"""Records as JSON and back, by their own fields: the one place that knows how a value is written.

Addresses and 64-bit values are hex strings; unknown is null; empty means known to be none; times are ISO 8601 in UTC,
durations are seconds. A record whose published keys differ from its fields says so in ``KEYS``.
"""

from __future__ import annotations

import re
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum
from functools import cache, partial
from math import isfinite
from operator import attrgetter
from types import SimpleNamespace
from typing import Annotated, Any, NamedTuple, TypeVar, Union

from livedump.model.addresses import Hex
from livedump.model.listing import Listing, ListProblem
from livedump.model.processes import ListedProcess
from livedump.model.processors import Process

Json = Any
Record = TypeVar("Record")
Plain = TypeVar("Plain")
BITS = 64
"""That a number may have."""


class Key(NamedTuple):
    """One key of a record's JSON object."""

    name: str
    attribute: str
    """What is written: a field or a property."""
    hint: Any
    """Its type."""
    field: str | None
    """The field that it is read back into; None for what follows from the other fields."""


KEYS: dict[type, tuple[tuple[str, str], ...]] = {
    Process: (
        ("name", "name"),
        ("id", "process_id"),
        ("address", "address"),
        ("directory_table_base", "directory_table_base"),
    ),
    ListedProcess: (
        ("name", "name"),
        ("id", "process_id"),
        *((name, name) for name in ListedProcess._fields if name not in ("name", "process_id")),
    ),
    ListProblem: (("list", "what"), ("message", "message")),
}
"""Published names of fields, and their order, where they differ from the record's own."""


def encode(record: Any) -> Json:
    """A record, or a tuple of records, as ``json.dumps`` takes it."""
    kind: Any = type(record)
    return _encoder(kind)(record)


def decode(hint: type[Record], written: Json) -> Record:
    """The record that was written as this JSON value.

    Raises:
        ValueError: it is none; the message names the key.
    """
    try:
        known: Any = hint
        decoded: Record = _decoder(known)(written)
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"no {hint.__name__}: {error}") from error
    return decoded


def flat(record: Any, prefix: str = "") -> Iterator[tuple[str, Json]]:
    """Names and values of a row: what is nested gets the names of both, divided by an underscore."""
    kind: Any = type(record)
    for key in keys_of(kind):
        value = getattr(record, key.attribute)
        yield from _flat(f"{prefix}{key.name}", key.hint, value)


def flat_names(record: Any) -> list[str]:
    """The names that ``flat`` gives for records of that type."""
    return [name for key in keys_of(record) for name in _flat_names(key.name, key.hint)]


@cache
def keys_of(record: Any) -> tuple[Key, ...]:
    """The keys of a record's JSON object in their order."""
    hints = hints_of(record)
    named = KEYS.get(record) or tuple((name, name) for name in hints)
    return tuple(Key(name, attribute, hints[attribute], attribute) for name, attribute in named)


@cache
def hints_of(record: Any) -> Mapping[str, Any]:
    """The types of a record's fields, in their order. ``X | None`` is understood before Python 3.10 too."""
    module = vars(sys.modules[record.__module__])
    found = {name: _annotation(record, name) for name in _field_names(record)}
    names = {**vars(typing), **module}
    return typing.get_type_hints(SimpleNamespace(__annotations__=found), names, include_extras=True)


def is_record(hint: Any) -> bool:
    """Whether a type is written as an object."""
    if not isinstance(hint, type) or typing.get_origin(hint) is not None:  # before Python 3.11 tuple[X] is a type, too
        return False
    if hint is Any or issubclass(hint, _NO_RECORDS):  # Any is a class since Python 3.11
        return False
    if issubclass(hint, tuple):
        return hasattr(hint, "_fields")
    from dataclasses import is_dataclass  # noqa: PLC0415 - a verdict is written without any

    return is_dataclass(hint)


_NO_RECORDS = (str, int, float, Enum, datetime, timedelta)


def without_none(hint: Any) -> Any:
    """The type of what is known; the same type where it always is."""
    if typing.get_origin(hint) is Union:
        known = [each for each in typing.get_args(hint) if each is not type(None)]
        return known[0] if len(known) == 1 else hint
    return hint


def _field_names(record: type) -> tuple[str, ...]:
    if issubclass(record, tuple):
        return tuple(record._fields)  # type: ignore[attr-defined]
    from dataclasses import fields  # noqa: PLC0415

    return tuple(field.name for field in fields(record))  # type: ignore[arg-type]


def _annotation(record: type, name: str) -> Any:
    """The type of a field, or the text that names it."""
    found = record.__annotations__[name]
    text = found.__forward_arg__ if isinstance(found, typing.ForwardRef) else found
    return _optional_in_words(text) if isinstance(text, str) else found


_OPTIONAL = re.compile(r"([\w.]+(?:\[[^\[\]|]*\])?) \| None")


def _optional_in_words(annotation: str) -> str:
    while (words := _OPTIONAL.sub(r"Optional[\1]", annotation)) != annotation:
        annotation = words
    return annotation


def _same(value: Any) -> Any:
    return value


@cache
def _encoder(hint: Any) -> Callable[[Any], Json]:
    known = without_none(hint)
    if known is not hint:
        if is_record(known):  # worked out when there is one
            return lambda value: None if value is None else _encoder(known)(value)
        inner = _encoder(known)
        return _same if inner is _same else lambda value: None if value is None else inner(value)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _hex_encoder(hint)
    if origin is Listing:
        items = _items_encoder(arguments)
        return lambda listing: {"items": items(listing.items), "problem": listing.problem}
    if origin is tuple:
        return _items_encoder(arguments)
    if is_record(hint):
        return _record_encoder(hint)
    return _plain_encoder(hint)


def _hex_encoder(hint: Any) -> Callable[[Any], Json]:
    form = _hex_of(hint).form
    return lambda value: format(value, form)


def _items_encoder(arguments: tuple[Any, ...]) -> Callable[[Any], Json]:
    inner = _encoder(arguments[0])
    return list if inner is _same else lambda values: [inner(value) for value in values]


def _record_encoder(hint: type) -> Callable[[Any], Json]:
    parts = [(key.name, attrgetter(key.attribute), _encoder(key.hint)) for key in keys_of(hint)]
    return lambda record: {name: write(read(record)) for name, read, write in parts}


def _plain_encoder(hint: Any) -> Callable[[Any], Json]:
    if isinstance(hint, type) and issubclass(hint, Enum):
        return attrgetter("value")
    if hint is datetime:
        return lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if hint is timedelta:
        return timedelta.total_seconds
    return _same


@cache
def _decoder(hint: Any) -> Callable[[Json], Any]:
    known = without_none(hint)
    if known is not hint:
        inner = _decoder(known)
        return lambda value: None if value is None else inner(value)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return lambda value: _in_64_bits(int(value, 16))
    if origin in (tuple, Listing):
        inner = _decoder(arguments[0])
        if origin is Listing:
            return lambda value: Listing(tuple(map(inner, _list(value["items"]))), value["problem"])
        return lambda values: tuple(map(inner, _list(values)))
    if is_record(hint):
        return _record_decoder(hint)
    return _plain_decoder(hint)


def _record_decoder(hint: Any) -> Callable[[Json], Any]:
    parts = {key.name: (key.field, _decoder(key.hint)) for key in keys_of(hint) if key.field}

    def read(value: Json) -> Any:
        # A key that an earlier version did not write has its default; what has none is missed.
        known = [(parts[name], inner) for name, inner in value.items() if name in parts]
        return hint(**{field: read_field(inner) for (field, read_field), inner in known})

    return read


def _plain_decoder(hint: Any) -> Callable[[Json], Any]:
    if hint is datetime:
        return lambda text: datetime.fromisoformat(text.replace("Z", "+00:00"))
    if hint is timedelta:
        return lambda seconds: timedelta(seconds=seconds)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    return _PLAIN.get(hint, _same)


def _list(values: Json) -> list[Json]:
    return _of(list, values)


def _whole_number(value: Json) -> int:
    return _in_64_bits(_of(int, value))


def _number(value: Json) -> float:
    number: float = value if type(value) is int else _of(float, value)
    if not isfinite(number):
        raise ValueError(f"{number} is no number")
    return number


def _in_64_bits(number: int) -> int:
    # What was written is no more; what somebody wrote instead may be of any length.
    if number.bit_length() > BITS:
        raise ValueError("a number has more than 64 bits")
    return number


def _of(kind: type[Plain], value: Json) -> Plain:
    if type(value) is not kind:
        raise TypeError(f"{value!r:.40} is no {kind.__name__}")
    return value


_PLAIN: Mapping[Any, Callable[[Json], Any]] = {
    int: _whole_number,
    float: _number,
    str: partial(_of, str),
    bool: partial(_of, bool),
}


def _flat(name: str, hint: Any, value: Any) -> Iterator[tuple[str, Json]]:
    known = without_none(hint)
    if not is_record(known):
        yield name, _encoder(hint)(value)
    elif value is None:
        yield from ((each, None) for each in _flat_names(name, hint))
    else:
        yield from flat(value, f"{name}_")


def _flat_names(name: str, hint: Any) -> list[str]:
    known = without_none(hint)
    return [f"{name}_{inner}" for inner in flat_names(known)] if is_record(known) else [name]


def _hex_of(hint: Any) -> Hex:
    found: Hex | None = next((extra for extra in hint.__metadata__ if isinstance(extra, Hex)), None)
    if found is None:
        raise TypeError(f"{hint} has no Hex")
    return found
