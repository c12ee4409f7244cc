"""What people paste: public excerpts and records, each with what must be said of it. None is part of the project."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any

import pytest

from livedump.frontends.command_line import main
from tests.samples import SAMPLES

FIELD = SAMPLES / "field"
pytestmark = pytest.mark.skipif(not FIELD.is_dir(), reason=f"no field samples at {FIELD}")


def expected() -> Iterator[dict[str, str]]:
    if FIELD.is_dir():
        with (FIELD / "expected.tsv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                yield {key: value or "" for key, value in row.items()}


def said(report: dict[str, Any]) -> dict[str, str]:
    """What a report says, in the words of the table."""
    check, dump, origin = report["bug_check"], report["dump"], report["origin"]
    values = check["parameters"] if check else ()
    return {
        "code": check["code"] if check else "none",
        "parameters": ",".join("?" if each is None else hex(int(each, 16)) for each in values),
        "live": json.dumps(dump["live"]),
        "origin": origin["kind"],
        "process": (report["process"] or {}).get("name") or "",
        "reporter": call_site(report["reporter"]),
        "build": str((report["system"] or {}).get("build") or ""),
    }


def call_site(frame: dict[str, Any] | None) -> str:
    return f"{frame['module']}!{frame['symbol']}" if frame else ""


@pytest.mark.parametrize("row", list(expected()), ids=lambda row: f"{row['file']}:{row['code']}")
def test_what_is_said_of_a_sample(row: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["info", str((FIELD / row["file"]).resolve()), "--format", "json"])
    printed = capsys.readouterr()
    reports = json.loads(printed.out)
    if row["refused_as"]:
        assert status == 1
        assert row["refused_as"] in printed.err
        return
    wanted = {key: row[key] for key in said(reports[0]) if row[key]}
    answers = [{key: said(report)[key] for key in wanted} for report in reports]
    assert wanted in answers
    signature = reports[answers.index(wanted)]["signature"] or ""
    assert row["signature_has"].lower() in signature.lower()
