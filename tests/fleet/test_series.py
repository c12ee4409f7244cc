"""Folders with dumps of one boot: in tables, JSON and pages they are told together."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

import livedump
from livedump.frontends.command_line import main
from tests.analysis.difference.series import Case, dumps
from tests.fleet.dumps import write

CASES = Case("leak", "22000"), Case("hang", "20348"), Case("other-boot", "18362")
"""Of three machines: what is made on one layout has one boot."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two series, dumps of other boots, a copy, a log, a dump that is cut, and files that are none."""
    place = tmp_path_factory.mktemp("folder")
    for case in CASES:
        for built in dumps(case):
            shutil.copy(built.path, place / built.path.name)
            shutil.copytree(built.symbols, place.parent / f"{place.name}-{case.name}", dirs_exist_ok=True)
    shutil.copy(place / "leak-1.dmp", place / "copy.dmp")
    (place / "cut.dmp").write_bytes((place / "hang-0.dmp").read_bytes()[:9000])
    (place / "empty.dmp").write_bytes(b"")
    (place / "log.txt").write_text("0: kd> .bugcheck\nBugcheck code 00000161\nArguments 0 0 0 0\n", encoding="utf-8")
    write(place, "bare.dmp")
    return place


def symbols(folder: Path) -> str:
    return ";".join(str(path) for path in sorted(folder.parent.glob(f"{folder.name}-*")))


def triage(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    main(["triage", str(folder), "-y", symbols(folder), *arguments])
    return capsys.readouterr().out


def told(out: str) -> list[str]:
    return re.findall(r"^\d+ dumps of one boot .*$", out, re.MULTILINE)


def test_below_the_table_stands_what_became_of_each_machine(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = triage(folder, capsys)
    rows, _, *series = out.split("\n\n")
    assert len(rows.splitlines()) == 2 + len(list(folder.iterdir()))
    assert sorted(told("\n".join(series))) == [
        "3 dumps of one boot over 10 min 1 s, leak-0.dmp to leak-2.dmp:",
        "3 dumps of one boot over 10 min, hang-0.dmp to hang-2.dmp:",
    ]
    assert "pool tag Leak" in "".join(series)
    assert "hang confirmed" in "".join(series)
    assert f"livedump diff {folder}/hang-0.dmp {folder}/hang-1.dmp {folder}/hang-2.dmp\n" in "".join(series)


def test_a_folder_without_a_series_ends_with_its_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "a.dmp", "b.dmp")
    assert triage(tmp_path, capsys).splitlines()[-1].startswith("2 dumps")


def test_by_series_they_are_told_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = triage(folder, capsys, "--by", "series")
    assert len(told(out)) == 2
    assert "pool tag Leak" in out
    assert "Captured at" not in out
    alone = len(list(folder.iterdir())) - 3 - 3 - len(["copy.dmp"])
    assert f"{alone} dumps of no series\n" in out
    assert "and 1 more series\n" in triage(folder, capsys, "--by", "series", "--top", "1")


SCHEMA = Path(livedump.__file__).parent / "report" / "livedump-1.schema.json"


@pytest.mark.parametrize("arguments", [(), ("--sort", "name"), ("--by", "series")])
def test_a_report_says_where_its_dump_stands(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    found = json.loads(triage(folder, capsys, "--format", "json", *arguments))
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(found, json.loads(SCHEMA.read_text(encoding="utf-8")))
    by_name = {Path(each["file"]["path"]).name: each["series"] for each in found}
    assert {name for name, series in by_name.items() if series is None} >= {"cut.dmp", "empty.dmp", "other-boot-0.dmp"}
    places = {
        name: (by_name[name]["place"], by_name[name]["dumps"]) for name in ("leak-0.dmp", "copy.dmp", "leak-2.dmp")
    }
    assert places == {"leak-0.dmp": (1, 3), "copy.dmp": (2, 3), "leak-2.dmp": (3, 3)}
    assert by_name["leak-0.dmp"]["difference"] is None
    assert by_name["copy.dmp"] == by_name["leak-1.dmp"]
    last = by_name["leak-2.dmp"]
    assert last["difference"]["seconds"] == 301
    assert last["whole"]["seconds"] == 601
    assert "grows" in {each["kind"] for each in last["whole"]["findings"]}
    assert last["courses"][0]["lines"][0]["name"] == "nonpaged pool"
    assert by_name["leak-0.dmp"]["number"] != by_name["hang-0.dmp"]["number"]


def test_kept_results_tell_the_same(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    kept = ("--save", str(tmp_path / "kept.db"), "--by", "series")
    assert triage(folder, capsys, *kept) == triage(folder, capsys, *kept)


def test_what_is_not_chosen_is_no_part_of_a_series(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(told(triage(folder, capsys, "--since", "2026-11-22T07:35:00Z"))) == 2
    assert told(triage(folder, capsys, "--since", "2026-11-22T07:36:00Z")) == []


def test_nothing_is_told_where_nobody_looked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(triage(folder, capsys, "--no-symptoms")) == []
    assert told(triage(folder, capsys, "--headers")) == []


def test_a_page_leads_from_each_dot_to_the_section_of_its_dump(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    triage(folder, capsys, "--format", "html", "-o", str(page), "--sort", "name")
    text = page.read_text(encoding="utf-8")
    dots = dict(re.findall(r'<a href="#(d\d+)" aria-label="([\w-]+\.dmp): ', text))
    sections = dict(re.findall(r"<h3>([\w-]+\.dmp)</h3>.*?<div id=\"(d\d+)\"", text))
    assert len(set(dots.values())) == 6
    assert {sections[name]: name for name in dots.values()} == dots


@pytest.mark.parametrize("form", ["table", "json", "html"])
def test_without_names_there_are_none_of_it(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, form: str
) -> None:
    page = tmp_path / "page"
    triage(folder, capsys, "--redact", "--format", form, "-o", str(page))
    text = page.read_text(encoding="utf-8").lower()
    assert "pool tag leak" in text
    assert "hang confirmed" in text
    for name in ("leak-0", "hang-1", "labsvc", folder.name):
        assert name not in text
