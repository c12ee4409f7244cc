"""``livedump diff``: dumps, saved reports, results that were kept, and mixtures of them give one answer."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

import livedump
from livedump.frontends.command_line import main
from livedump.model.difference import Difference
from livedump.report.codec import decode, encode
from tests.analysis.difference.series import Case, dumps

SCHEMA = Path(livedump.__file__).parent / "report" / "livedump-answer-1.schema.json"
LEAK, HANG, ODD = Case("leak", "19041"), Case("hang", "20348"), Case("odd", "22000")
FORMATS = ("table", "json", "jsonl", "csv", "markdown", "html")


def files(case: Case) -> tuple[list[str], list[str]]:
    """The dumps, and the options that name their symbols."""
    built = dumps(case)
    return [str(each.path) for each in built], ["-y", str(built[0].symbols)]


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(("diff", *arguments))
    said = capsys.readouterr()
    return status, said.out, said.err


def findings(text: str) -> list[list[tuple[str, float | None]]]:
    return [
        [(each["subject"], each["per_minute"]) for each in answer["answer"]["findings"]] for answer in json.loads(text)
    ]


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    status, out, err = asked(capsys, *arguments, "--format", "json")
    assert (status, err) == (0, "")
    return json.loads(out)


def test_json_has_the_published_keys_and_comes_back(capsys: pytest.CaptureFixture[str]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    paths, symbols = files(LEAK)
    answers = as_json(capsys, *paths, *symbols)
    jsonschema.validate(answers, json.loads(SCHEMA.read_text()))
    published = "relation seconds evidence findings threads processors tags handles drivers totals"
    assert list(answers[0]["answer"])[:10] == published.split()
    of_findings = "kind text confidence subject amount per_minute"
    assert list(answers[0]["answer"]["findings"][0])[:6] == of_findings.split()
    assert list(answers[0]["answer"]["drivers"]) == ["loaded", "unloaded", "changed"]
    assert [encode(decode(Difference, each["answer"])) for each in answers] == [each["answer"] for each in answers]


def test_three_dumps_are_two_steps_and_the_whole(capsys: pytest.CaptureFixture[str]) -> None:
    paths, symbols = files(LEAK)
    answers = as_json(capsys, *paths, *symbols)
    ends = [(each["answer"]["before"]["path"], each["answer"]["after"]["path"]) for each in answers]
    assert ends == [(paths[0], paths[1]), (paths[1], paths[2]), (paths[0], paths[2])]
    assert [each["answer"]["seconds"] for each in answers] == [300, 301, 601]


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_saved_reports_answer_as_the_dumps_do(form: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    paths, symbols = files(LEAK)
    expected = as_json(capsys, *paths, *symbols)
    saved = tmp_path / "saved"
    assert main(("info", *paths[:2], *symbols, "--format", form, "-o", str(saved))) == 0
    # The third is the dump itself; in which order they are named does not matter.
    assert as_json(capsys, paths[2], str(saved), *symbols) == expected


def test_results_of_triage_answer_as_the_dumps_do(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    paths, symbols = files(LEAK)
    expected = as_json(capsys, *paths[:2], *symbols)
    results = tmp_path / "results.db"
    assert main(("triage", *paths, *symbols, "--save", str(results), "--format", "csv", "--jobs", "1")) == 0
    capsys.readouterr()
    before = results.read_bytes()
    whole = as_json(capsys, str(results))
    assert [each["answer"]["seconds"] for each in whole] == [300, 301, 601]
    names = [f"{results}#{Path(path).name}" for path in paths]
    assert as_json(capsys, *names[:2])[0]["answer"]["findings"] == expected[0]["answer"]["findings"]
    assert results.read_bytes() == before


def test_dumps_of_two_machines_are_refused_with_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    paths, symbols = files(Case("other-machine", "19041"))
    status, out, _ = asked(capsys, *paths, *symbols)
    assert status == 1
    assert out.startswith("Not compared: they are of two machines: ")
    assert "the number of processors differs: 4 and 3" in out
    status, out, err = asked(capsys, *paths, *symbols, "--anyway")
    assert (status, err) == (0, "")
    assert out.startswith("Two dumps of two machines; only totals and drivers are compared.")


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_goes_to_a_file_as_to_stdout(
    form: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    paths, symbols = files(ODD)
    status, out, err = asked(capsys, *paths, *symbols, "--format", form)
    assert (status, err) == (0, "")
    assert "Wdf01000" in out
    written = tmp_path / "answer"
    assert asked(capsys, *paths, *symbols, "--format", form, "-o", str(written)) == (0, "", "")
    assert written.read_bytes().decode() == out


def test_csv_has_a_line_for_each_finding(capsys: pytest.CaptureFixture[str]) -> None:
    paths, symbols = files(HANG)
    status, out, _ = asked(capsys, *paths[:2], *symbols, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert (status, [row["kind"] for row in rows]) == (0, ["hang-confirmed", "work-queue", "runaway"])
    assert {(row["relation"], row["seconds"]) for row in rows} == {("same-boot", "300.0")}


def test_one_dump_is_too_few(capsys: pytest.CaptureFixture[str]) -> None:
    paths, symbols = files(LEAK)
    status, out, err = asked(capsys, paths[0], *symbols)
    assert (status, out) == (2, "")
    assert err == (
        "livedump: it takes two dumps or more to see what changed; name another one, or a file of saved reports\n"
    )


def broken(text: str) -> bytes:
    return text.encode()


WRONG = {
    "no such report": (broken('[{"schema": "livedump/1"}]'), "no saved report, or one of another version"),
    "another answer": (broken('[{"schema": "livedump-answer/1"}]'), "holds something else than reports"),
    "cut off": (broken('[{"schema": "livedump/1", '), "no JSON"),
    "no objects": (broken('[1, "schema"]'), "holds something else than reports"),
    "deep": (b'["schema",' + b"[" * 100_000, "no JSON"),
    "another database": (b"SQLite format 3\0" + bytes(4096), "cannot be used for results"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_saved_report_is_told_in_one_line(
    wrong: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data, said = WRONG[wrong]
    path = tmp_path / "saved"
    path.write_bytes(data)
    status, out, err = asked(capsys, str(path))
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert said in err


def test_counts_that_somebody_has_edited_are_told_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    paths, symbols = files(LEAK)
    saved = tmp_path / "saved.json"
    assert main(("info", *paths[:2], *symbols, "--format", "json", "-o", str(saved))) == 0
    reports = json.loads(saved.read_text())
    reports[1]["symptoms"]["snapshot"]["threads"]["cycles"].pop()
    saved.write_text(json.dumps(reports))
    status, out, err = asked(capsys, str(saved))
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "contradict each other" in err


def test_a_report_without_counts_is_refused_with_what_to_do(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    paths, symbols = files(LEAK)
    saved = tmp_path / "saved.json"
    assert main(("info", paths[0], *symbols, "--no-symptoms", "--format", "json", "-o", str(saved))) == 0
    status, out, _ = asked(capsys, str(saved), paths[1], *symbols)
    assert status == 1
    assert "save its report again without --no-symptoms" in out
    assert main(("info", paths[0], *symbols, "--format", "json", "-o", str(saved))) == 0
    old = json.loads(saved.read_text())
    del old[0]["symptoms"]["snapshot"]
    saved.write_text(json.dumps(old))
    status, out, _ = asked(capsys, str(saved), paths[1], *symbols)
    assert status == 1
    assert "save it again with this version" in out
