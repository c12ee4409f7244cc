"""Rows as text: hostile names do nothing, unknown is empty, groups have names."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timezone

import pytest

from livedump.fleet.output import Choice, iter_overview
from livedump.report import dump_table
from livedump.report.dump_row import DumpRow

NOTHING = DumpRow._make([None] * len(DumpRow._fields))._replace(folder="", name="a.dmp")
KNOWN = NOTHING._replace(
    code=0x141,
    code_name="VIDEO_ENGINE_TIMEOUT_DETECTED",
    captured_at=datetime(2026, 11, 22, 7, 30, 33, 248000, timezone.utc),
    origin="windows-error-reporting",
    origin_title="Windows Error Reporting",
    confidence="certain",
    signature="0x141 | nvlddmkm",
    complete=False,
)


def test_a_line_of_a_table_is_one_line_whatever_the_dump_says() -> None:
    line = dump_table.table_line(KNOWN._replace(process="a\n\x1b[31mb\u202e", signature="s\r\n"))
    assert line.isprintable() is False
    assert line.rstrip("\n").isprintable()


def test_a_long_text_pushes_on_what_follows_until_there_is_room_again() -> None:
    place = dump_table.table_head().index("Signature")
    for name in ("a.dmp", f"{'a' * 60}.dmp"):
        line = dump_table.table_line(KNOWN._replace(name=name))
        assert line.startswith(f"{name}  ")
        assert line.index("0x141 | nvlddmkm") == place


def test_a_kind_that_is_its_own_scope_is_named_once() -> None:
    assert dump_table.cell(KNOWN._replace(kind="triage", scope="triage"), "scope") == "triage"
    assert dump_table.cell(KNOWN._replace(kind="bitmap-kernel", scope="full"), "scope") == "bitmap-kernel, full"


def test_csv_keeps_what_would_be_a_formula_as_text() -> None:
    line = dump_table.csv_row(KNOWN._replace(process='=cmd|"x"', reporter="@f"))
    row = dict(zip(DumpRow._fields, next(csv.reader(io.StringIO(line)))))
    assert (row["process"], row["reporter"]) == ('\'=cmd|"x"', "'@f")
    assert (row["code"], row["complete"], row["captured_at"]) == ("0x141", "false", "2026-11-22T07:30:33.248000Z")


def test_unknown_is_an_empty_cell() -> None:
    assert set(next(csv.reader(io.StringIO(dump_table.csv_row(NOTHING))))) == {"a.dmp", ""}


def test_markdown_cannot_be_broken_out_of() -> None:
    assert "<b>" not in dump_table.markdown_line(KNOWN._replace(process="<b>|x"))
    assert r"\|x" in dump_table.markdown_line(KNOWN._replace(process="<b>|x"))


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("signature", "0x141 | nvlddmkm"),
        ("origin", "Windows Error Reporting"),
        ("code", "0x141 VIDEO_ENGINE_TIMEOUT_DETECTED"),
        ("day", "2026-11-22"),
    ],
)
def test_groups_are_named_by_what_they_have_in_common(key: str, expected: str) -> None:
    assert dump_table.group_of(KNOWN, key) == expected
    assert dump_table.group_of(NOTHING, key).startswith(("no ", "not known"))
    assert dump_table.group_of(KNOWN._replace(error="x", error_category="limit"), key) == "could not be judged: limit"


def test_the_overview_counts_and_names_what_is_cut_short() -> None:
    assert list(iter_overview([KNOWN, NOTHING, KNOWN._replace(complete=True)])) == [
        "      2 0x141 VIDEO_ENGINE_TIMEOUT_DETECTED, 1 not complete\n",
        "      1 no code\n",
    ]


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        (Choice(), True),
        (Choice(origin="ERROR-rep"), True),
        (Choice(origin="task"), False),
        (Choice(code=0x141), True),
        (Choice(code=0x161), False),
        (Choice(since=datetime(2026, 11, 22, tzinfo=timezone.utc)), True),
        (Choice(since=datetime(2026, 11, 23, tzinfo=timezone.utc)), False),
    ],
)
def test_rows_are_chosen(choice: Choice, taken: bool) -> None:
    assert choice.takes(KNOWN) is taken
