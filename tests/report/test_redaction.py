"""Nothing that names anybody is left in any format, and what names nobody stays."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from livedump.frontends.questions import QUESTIONS
from livedump.model.examination import Symptoms
from livedump.model.report import Report
from livedump.report import dml, plain
from livedump.report.answer_texts import iter_text
from livedump.report.answers import Answer, document_of
from livedump.report.codec import encode, hints_of
from livedump.report.dump_row import DumpRow, dump_row
from livedump.report.json_report import ReportObject, read_report
from livedump.report.redaction import Redactor
from tests.report.answers_schema import answered_by_records
from tests.report.planting import PARAMETER, SECRETS, TEXTS, leaks, planted

RECORDS = {question.name: record for question, record in answered_by_records() if question.needs_dump}
FORMATS = ("json", "jsonl", "csv", "markdown", "html")


def planted_report() -> Report:
    written = encode(planted(ReportObject))
    written["symptoms"] = encode(planted(Symptoms))
    written["dump"]["attributes"] = ["LiveDumpGeneratedDump"]
    return read_report(json.loads(json.dumps(written)))


def planted_answer(name: str) -> Answer:
    record = planted_report() if name == "info" else planted(RECORDS[name])
    return Answer(name, "native", r"\\zqhost\zqshare\Users\zoltan\zqplan.dmp", 7, record)


@pytest.mark.parametrize("name", [question.name for question in QUESTIONS if question.needs_dump])
def test_no_format_shows_a_secret_of_any_field(name: str) -> None:
    answer = planted_answer(name)
    redactor = Redactor()
    redactor.learn_program("zqpayroll.exe")  # as commands do: the program that asked for the dump
    redacted = redactor.record(answer)
    for form in FORMATS:
        assert leaks("".join(iter_text(form, [answer], name, {})))
        assert not leaks("".join(iter_text(form, [redacted], name, {}))), form
    for format_document in (plain.format_document, dml.format_document):
        assert not leaks(format_document(document_of(redacted, {})))


def test_no_field_of_a_row_keeps_a_secret(tmp_path: Path) -> None:
    row = planted(DumpRow)
    assert not leaks(repr(Redactor().record(row)))
    assert not leaks(repr(dump_row(Redactor().record(planted_report()))))
    pytest.importorskip("pyarrow")
    from livedump.fleet.parquet import write_parquet

    write_parquet([Redactor().record(row)], str(tmp_path / "rows.parquet"))
    assert not leaks((tmp_path / "rows.parquet").read_bytes().decode("latin-1"))


def test_every_text_is_replaced_or_is_a_sentence() -> None:
    for kind, text in TEXTS.items():
        assert leaks(text), kind


def test_a_parameter_that_spells_a_name_spells_its_replacement_everywhere() -> None:
    redactor = Redactor()
    report = redactor.record(planted_report())
    assert report.bug_check is not None
    spelt = report.bug_check.parameters[0]
    assert spelt is not None
    assert spelt != PARAMETER
    text = spelt.to_bytes(8, "big").strip(b"\0").decode("ascii")
    assert {each.replacement: each.original for each in redactor.key}[text] == "zoltanq"


Said = Callable[[str], str]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"C:\Users\zoltan\x.dmp: no such file", r"C:\Users\user-1\file-1.dmp: no such file"),
        (r"C:\Users\Public\Desktop\MEMORY.DMP is truncated", r"C:\Users\Public\Desktop\MEMORY.DMP is truncated"),
        ("nothing in /home/zoltan", "nothing in /home/file-1"),
        (r"\\server7\dumps\a.dmp", r"\\host-1\dumps\file-1.dmp"),
        ("asked http://symbols.zq.local/x", "asked http://host-1/file-1"),
        ("thread of zq.exe, not of svchost.exe", "thread of process-1, not of svchost.exe"),
        ("thread 8a8.8fc of clussvc.exe for at least 93 s", "thread 8a8.8fc of clussvc.exe for at least 93 s"),
        ("zq@b.org from 192.168.1.17", "mail-1 from ip-1"),
        ("build 10.0.26100.1 at fffff801`78727040", "build 10.0.26100.1 at fffff801`78727040"),
        ("user-1", "user-1"),
    ],
)
def test_in_a_sentence_only_words_of_our_own_stay(text: str, expected: str) -> None:
    assert Redactor().text(text) == expected


def test_one_name_has_one_replacement_wherever_it_stands() -> None:
    redactor = Redactor()
    assert redactor.path(r"C:\Users\Zoltan\a.dmp") == r"C:\Users\user-1\file-1.dmp"
    assert redactor.path("/home/zoltan/dumps/") == "/home/user-1/dumps/"
    assert redactor.text("nothing of ZOLTAN is there") == "nothing of user-1 is there"
    assert [tuple(each) for each in redactor.key] == [("user-1", "Zoltan"), ("file-1", "a")]


def test_a_letter_that_counts_as_another_where_case_is_ignored_is_no_name_that_was_learnt() -> None:
    # Python's re takes the dotless i (U+0131) for an i then; casefold does not.
    redactor = Redactor()
    assert redactor.path("/home/zimbo/dumps/") == "/home/user-1/dumps/"
    assert redactor.text("z\u0131mbo, not zimbo") == "text-1, not user-1"


def test_a_sentence_is_searched_for_the_names_that_may_stand_in_it_however_many_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    redactor = Redactor()
    made = [redactor.path(f"/zq/machine-{number}/{number}.dmp") for number in range(1000)]
    compiled = re.compile
    lengths: list[int] = []

    def measured(pattern: str, flags: int = 0) -> re.Pattern[str]:
        lengths.append(len(pattern))
        return compiled(pattern, flags)

    monkeypatch.setattr(re, "compile", measured)
    assert redactor.text("nothing in /zq/machine-7/7.dmp") == f"nothing in {made[7]}"
    assert sum(lengths) < 500


def test_what_was_redacted_can_be_redacted_again() -> None:
    redactor = Redactor()
    once = redactor.record(planted_answer("waits"))
    assert redactor.record(once) == once


def test_every_annotation_of_a_text_is_understood() -> None:
    from livedump.report.redaction import field_kinds

    for record in RECORDS.values():
        assert set(field_kinds(record)) == set(hints_of(record))


def test_secrets_are_told_in_small_letters() -> None:
    assert all(secret == secret.lower() for secret in SECRETS)


def unchanged(record: Any) -> bool:
    return bool(Redactor().record(record) == record)


def test_modules_codes_stacks_and_signatures_stay() -> None:
    from livedump.model.addresses import Address
    from livedump.model.frames import Frame, Stack, Trust
    from livedump.model.images import Module, PdbIdentity
    from livedump.model.signature import Signature

    pdb = PdbIdentity("livedrv.pdb", "0123456789ABCDEF0123456789ABCDEF", 1)
    address: Address = 0xFFFFF80178727040
    assert unchanged(Module("livedrv", "livedrv.sys", address, 0x1000, 1, 1, r"\SystemRoot\System32\livedrv.sys", pdb))
    frame = Frame(0, address, address, address, "livedrv", "Work::`scalar deleting destructor'", 0x10, Trust.UNWIND)
    assert unchanged(Stack((frame,), None))
    assert unchanged(Signature("0x161 LIVE_SYSTEM_DUMP | livedrv!Work<int>", ()))
