"""The published schema of a report and the records that are written say the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Optional

import livedump
from livedump.model.examination import Symptoms
from livedump.model.series import SeriesPlace
from livedump.report.json_report import ReportObject
from tests.report.answers_schema import schema_of

SCHEMA = json.loads((Path(livedump.__file__).parent / "report" / "livedump-1.schema.json").read_text(encoding="utf-8"))


def shape(schema: Any, names: dict[str, Any]) -> Any:
    """What a schema allows, without what it says of texts and numbers: keys, lists, hexadecimal, words, null."""
    if "$ref" in schema:
        return shape(names[schema["$ref"].rsplit("/", 1)[1]], names)
    if "anyOf" in schema:
        return shape(schema["anyOf"][0], names), "null"
    types = schema.get("type", [])
    null = ("null",) if "null" in types or None in schema.get("enum", ()) else ()
    if "properties" in schema:
        keys = {key: shape(value, names) for key, value in schema["properties"].items()}
        return (keys, *null) if null else keys
    if "items" in schema:
        return ([shape(schema["items"], names)], *null) if null else [shape(schema["items"], names)]
    if "enum" in schema:
        return (sorted(filter(None, schema["enum"])), *null)
    if "const" in schema:
        return ("string",)
    kind = types if isinstance(types, str) else next(each for each in types if each != "null")
    return ("hexadecimal" if schema.get("pattern", "").startswith("^0x") else kind, *null)


def test_the_schema_has_the_keys_and_types_of_the_records() -> None:
    names: dict[str, Any] = {}
    whole = schema_of(ReportObject, names)
    names["ReportObject"]["properties"]["symptoms"] = schema_of(Optional[Symptoms], names)  # which it imports late
    names["ReportObject"]["properties"]["series"] = schema_of(Optional[SeriesPlace], names)
    written = shape(whole, names)
    published = shape(SCHEMA["items"], SCHEMA["$defs"])
    for words in (written, published):  # which engines and products there are is said in the schema alone
        words["engine"], words["system"][0]["product"] = ("string",), ("string", "null")
    assert published == written
