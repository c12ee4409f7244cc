"""Every question of the list, as a command, in every format."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from livedump.engines.choose import open_engine
from livedump.frontends.command_line import main
from livedump.frontends.questions import (
    FORMATS,
    QUESTIONS,
    Option,
    OptionKind,
    Question,
    ask,
)
from livedump.report.answers import find_section
from livedump.report.codec import decode, encode, flat_names
from tests.engines.test_contract import built_or_skip
from tests.report.answers_schema import answered_by_records

ROOT = Path(__file__).parents[2]
EXTENSIONS = ROOT / "extensions"
SCHEMA = EXTENSIONS / "livedump" / "report" / "livedump-answer-1.schema.json"
OF_DUMPS = [question for question in QUESTIONS if question.needs_dump and not question.others]
"""Those that are asked of one dump alone."""
OTHERS = [question for question in OF_DUMPS if question.name != "info"]


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    # These dumps hold no types of the kernel: of locks, memory and requests nothing is known.
    assert main(arguments) == (1 if arguments[0] in ("waits", "memory", "requests") else 0)
    return capsys.readouterr().out


@pytest.fixture(scope="module", params=["several-processors", "powershell-user"])
def dump(request: pytest.FixtureRequest) -> tuple[str, ...]:
    built = built_or_skip(str(request.param))
    return str(built.path), "-y", str(built.symbols)


@pytest.mark.parametrize("question", OTHERS, ids=lambda question: question.name)
def test_json_of_each_question_fits_the_schema_and_comes_back(
    question: Question, dump: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text())
    answers = json.loads(printed(capsys, question.name, *dump, "--format", "json"))
    jsonschema.validate(answers, closed(schema))
    lines = printed(capsys, question.name, *dump, "--format", "jsonl").splitlines()
    assert list(map(json.loads, lines)) == answers
    record = {each.name: kind for each, kind in answered_by_records()}[question.name]
    answer = answers[0]["answer"]
    assert encode(decode(record, answer)) == answer


def closed(schema: Any) -> Any:
    """The schema with nothing allowed that it does not name."""
    if isinstance(schema, list):
        return list(map(closed, schema))
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    return {**inner, "additionalProperties": False} if "properties" in schema else inner


@pytest.mark.parametrize("scenario", ["truncated", "triage-live-141"])
@pytest.mark.parametrize("question", OTHERS, ids=lambda question: question.name)
def test_json_of_what_a_dump_does_not_hold_fits_the_schema_too(
    question: Question, scenario: str, capsys: pytest.CaptureFixture[str]
) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    status = main([question.name, str(built_or_skip(scenario).path), "--format", "json"])
    answers = json.loads(capsys.readouterr().out)
    jsonschema.validate(answers, closed(json.loads(SCHEMA.read_text())))
    assert status == 1 or not answers[0]["errors"]


@pytest.mark.parametrize("question", OF_DUMPS, ids=lambda question: question.name)
def test_csv_has_the_columns_of_the_row_and_each_files_folder_and_name(
    question: Question, dump: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = list(csv.reader(io.StringIO(printed(capsys, question.name, *dump, "--format", "csv"))))
    names = flat_names(find_section(question.name).row_type())
    place = [] if question.name == "info" else ["file_folder", "file_name"]
    assert rows[0] == [*place, *names]
    assert {len(row) for row in rows} == {len(rows[0])}
    places = {(str(Path(dump[0]).parent), Path(dump[0]).name)}
    assert {tuple(row[:2]) for row in rows[1:]} <= places
    assert rows[1:] or question.name in {"stacks", "waits", "memory", "requests"}  # some of these dumps have none


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("question", OF_DUMPS, ids=lambda question: question.name)
def test_every_format_goes_to_a_file_as_to_stdout(
    question: Question, form: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    built = built_or_skip("wer-141-full")
    arguments = (question.name, str(built.path), "-y", str(built.symbols), "--format", form)
    shown = printed(capsys, *arguments)
    kept = tmp_path / "kept"
    kept.write_text("what was there before")
    assert printed(capsys, *arguments, "-o", str(kept)) == ""
    assert kept.read_bytes().decode("utf-8") == shown
    assert shown
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.parametrize("form", FORMATS)
def test_codes_too_have_every_format(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "LIVE_SYSTEM_DUMP" in printed(capsys, "codes", "161", "--format", form).replace("\\_", "_")


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_cannot_be_read_is_told_in_every_format(
    form: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    built = built_or_skip("wer-141-full")
    broken = tmp_path / "broken.dmp"
    broken.write_bytes(b"nothing")
    assert main(["modules", str(broken), str(built.path), "--format", form]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("livedump: ")
    assert "dxgmms2" in said.out
    if form in ("json", "jsonl"):
        answers = json.loads(said.out) if form == "json" else list(map(json.loads, said.out.splitlines()))
        assert [answer["answer"] is None for answer in answers] == [True, False]
        assert answers[0]["errors"][0]["category"] == "not-a-kernel-dump"


def test_an_output_that_cannot_be_written_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    built = built_or_skip("wer-141-full")
    assert main(["modules", str(built.path), "-o", str(tmp_path / "no" / "folder" / "x.json")]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)


def test_every_option_belongs_to_function_or_section() -> None:
    built = built_or_skip("several-processors")
    engine = open_engine(str(built.path), "native", str(built.symbols))
    try:
        for question in OF_DUMPS:
            values = {option.keyword: True for option in question.options if option.kind is OptionKind.SWITCH}
            record = ask(question, engine, values)
            shown = {option.keyword: True for option in question.options if option.shows}
            assert find_section(question.name).document(record, "a.dmp", **shown).title == "a.dmp"
    finally:
        engine.close()


def test_a_flag_becomes_its_keyword() -> None:
    assert [Option("--head-only", "").keyword, Option("--all", "", name="every").keyword] == ["head_only", "every"]
