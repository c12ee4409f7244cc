"""The JSON schema of answers, made of the records' own fields."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import Enum
from typing import Annotated, Any

from livedump.frontends.questions import QUESTIONS, Question, find_function
from livedump.model.addresses import Address, Bits32, Hex, ShortHex
from livedump.model.listing import Listing
from livedump.model.report import Problem, Report
from livedump.report.answer_texts import SCHEMA
from livedump.report.codec import is_record, keys_of, without_none

Schema = dict[str, Any]
HEX_PATTERNS = {
    typing.get_args(Address)[1]: "^0x[0-9a-f]{16}$",
    typing.get_args(Bits32)[1]: "^0x[0-9a-f]{8}$",
    typing.get_args(ShortHex)[1]: "^0x[0-9a-f]+$",
}
TIME_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$"
PLAIN: dict[Any, Schema] = {
    int: {"type": "integer"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    float: {"type": "number"},
    timedelta: {"type": "number"},
    datetime: {"type": "string", "pattern": TIME_PATTERN},
}


def whole_schema() -> Schema:
    """The schema of what ``--format json`` prints for each question but ``info``."""
    names: dict[str, Schema] = {}
    answers = [_answer(question, record, names) for question, record in answered_by_records()]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "livedump answers, version 1",
        "description": "What --format json prints for each question but info, which has a schema of its own: an array "
        "with one answer for each file. Addresses and 64-bit values are hex strings; unknown is null; empty means "
        "known to be none; a list's problem says why it may not be whole. Keys may be added.",
        "type": "array",
        "items": {"oneOf": answers},
        "$defs": dict(sorted(names.items())),
    }


def answered_by_records() -> Iterator[tuple[Question, Any]]:
    """The questions whose answers are written by the fields of their records, and the types of these."""
    for question in QUESTIONS:
        function = find_function(question.function)
        record = function.__globals__[function.__annotations__["return"]]
        if record is not Report:
            yield question, record


def schema_of(hint: Any, names: dict[str, Schema]) -> Schema:
    """The schema of one type; those of records go to ``names``."""
    known = without_none(hint)
    if known is not hint:
        return _or_null(schema_of(known, names))
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return {"type": "string", "pattern": HEX_PATTERNS[next(each for each in arguments if isinstance(each, Hex))]}
    if origin is tuple:
        return {"type": "array", "items": schema_of(arguments[0], names)}
    if origin is Listing:
        items = {"type": "array", "items": schema_of(arguments[0], names)}
        return _object({"items": items, "problem": {"type": ["string", "null"]}})
    if is_record(hint):
        if hint.__name__ not in names:
            names[hint.__name__] = {}
            names[hint.__name__] = _object({key.name: schema_of(key.hint, names) for key in keys_of(hint)})
        return {"$ref": f"#/$defs/{hint.__name__}"}
    if hint is Any:
        return {}
    if issubclass(hint, Enum):
        return {"enum": [each.value for each in hint]}
    return dict(PLAIN[hint])


def _answer(question: Question, record: Any, names: dict[str, Schema]) -> Schema:
    path: Schema = _object({"path": {"type": "string"}, "size": {"type": ["integer", "null"]}})
    return _object(
        {
            "schema": {"const": SCHEMA},
            "question": {"const": question.name},
            "engine": {"type": "string"} if question.needs_dump else {"type": "null"},
            "file": path if question.needs_dump else {"type": "null"},
            "answer": _or_null(schema_of(record, names)),
            "errors": {"type": "array", "items": schema_of(Problem, names)},
        }
    )


def _object(properties: dict[str, Schema]) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


def _or_null(schema: Schema) -> Schema:
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        return {"enum": [*schema["enum"], None]}
    return {"anyOf": [schema, {"type": "null"}]}
