"""Records as JSON and back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import NamedTuple, get_args

import pytest

from livedump.model.addresses import Address, Bits32, ShortHex
from livedump.model.listing import Listing
from livedump.model.processors import Process
from livedump.report.codec import decode, encode, flat, flat_names, hints_of


class Colour(Enum):
    RED = "red"


class Place(NamedTuple):
    start: Address
    stamp: Bits32 | None = None


@dataclass(frozen=True)
class Whole:
    name: str
    offset: ShortHex | None
    place: Place | None
    places: Listing[Place]
    parameters: tuple[Address | None, Address | None]
    colour: Colour
    moment: datetime | None
    uptime: timedelta | None
    share: float | None = None


WHOLE = Whole(
    name="\ud800\u202e",
    offset=0x1A,
    place=Place(0xFFFFF80000000000, 0x67000000),
    places=Listing((Place(0),), "there may be more"),
    parameters=(0x54, None),
    colour=Colour.RED,
    moment=datetime(2026, 11, 22, 7, 30, 33, 248000, timezone.utc),
    uptime=timedelta(seconds=97200.5),
)
WRITTEN = {
    "name": "\ud800\u202e",
    "offset": "0x1a",
    "place": {"start": "0xfffff80000000000", "stamp": "0x67000000"},
    "places": {"items": [{"start": "0x0000000000000000", "stamp": None}], "problem": "there may be more"},
    "parameters": ["0x0000000000000054", None],
    "colour": "red",
    "moment": "2026-11-22T07:30:33.248000Z",
    "uptime": 97200.5,
    "share": None,
}


def test_fields_become_keys_and_numbers_become_what_they_are() -> None:
    assert encode(WHOLE) == WRITTEN


def test_what_is_written_comes_back() -> None:
    assert decode(Whole, json.loads(json.dumps(encode(WHOLE)))) == WHOLE


def test_unknown_is_null_and_comes_back_as_none() -> None:
    nothing = Whole("", None, None, Listing(()), (None, None), Colour.RED, None, None)
    assert decode(Whole, encode(nothing)) == nothing
    assert encode(nothing)["place"] is None


def test_published_names_that_differ_are_in_one_place() -> None:
    process = Process(0xFFFF800000000000, "a.exe", 4, None)
    assert list(encode(process).items()) == [
        ("name", "a.exe"),
        ("id", 4),
        ("address", "0xffff800000000000"),
        ("directory_table_base", None),
    ]
    assert decode(Process, encode(process)) == process


def test_a_row_is_flat_also_where_a_part_is_unknown() -> None:
    names = [name for name, _ in flat(WHOLE)]
    assert names == flat_names(Whole)
    assert names[:5] == ["name", "offset", "place_start", "place_stamp", "places"]
    unknown = dict(flat(Whole("", None, None, Listing(()), (None, None), Colour.RED, None, None)))
    assert (unknown["place_start"], unknown["place_stamp"]) == (None, None)


@pytest.mark.parametrize(
    "change",
    [
        {"place": {}},
        {"place": 7},
        {"places": []},
        {"offset": "zz"},
        {"offset": 7},
        {"colour": "blue"},
        {"moment": "yesterday"},
        {"uptime": "long"},
        {"parameters": 3},
    ],
)
def test_what_is_no_such_record_is_refused_in_one_way(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(Whole, {**WRITTEN, **change})


def test_types_are_understood_as_they_are_written_for_newer_pythons() -> None:
    hints = hints_of(Whole)
    assert list(hints) == [*WRITTEN]
    assert [type(None) in get_args(each) for each in get_args(hints["parameters"])] == [True, True]
