"""Everything that can be asked about a dump, and what holds for every answer."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache, partial

from livedump.analysis.signature import signature_of, signed
from livedump.analysis.triage import failed_report, triage
from livedump.frontends.questions import QUESTIONS, ask
from livedump.model.engine import Engine
from livedump.model.errors import DumpError
from livedump.model.report import Report
from livedump.report import dml, markdown, plain
from livedump.report.answer_texts import iter_text
from livedump.report.answers import Answer, document_of
from livedump.report.document import Document

ADDRESSES = (0, 8, 0xFFF, 0x7FFE0000, (1 << 47) - 1, 1 << 47, 0xFFFFF78000000000, 0xFFFFF80177E00FFF, (1 << 64) - 1)
SIZES = (0, 1, 8, 0x1001, 1 << 31, 1 << 63, (1 << 64) - 1)
DOCUMENT_FORMATS: tuple[Callable[[Document], str], ...] = (
    plain.format_document, markdown.format_document, dml.format_document,
)  # fmt: skip
FORMATS = ("csv", "json", "jsonl", "html")


def ask_everything(engine: Engine) -> Report:
    """Every question of the protocol, then the report in every format.

    Raises:
        DumpError: the engine cannot say what the file is.
        AssertionError: a format lets through what a terminal, browser or spreadsheet would act on.
    """
    for question in (*iter_questions(engine), *iter_limits(engine)):
        with contextlib.suppress(DumpError):
            question()
    return report_on(engine)


def report_on(engine: Engine) -> Report:
    """The report, shown in every format. Raises as ``ask_everything`` does."""
    for question in QUESTIONS:
        if question.needs_dump and not question.others and question.name not in ("info", "signature"):
            with contextlib.suppress(DumpError):
                show(question.name, ask(question, engine, {}))
    try:
        report = triage(engine)
    except DumpError as error:
        show_report(failed_report(engine.name, "mutated.dmp", None, error))
        raise
    show_report(report)
    return report


def show_report(report: Report) -> None:
    """The report and its signature in every format. Raises: AssertionError."""
    show("info", signed(report), report.path)
    show("signature", signature_of(report), report.path, explain=True)


def show_in_one(report: Report, number: int) -> None:
    """The report in one of the formats, and its signature. Raises: AssertionError."""
    answer = Answer("info", "native", report.path, None, signed(report))
    forms = len(DOCUMENT_FORMATS)
    chosen = number % (forms + len(FORMATS))
    if chosen < forms:
        check_inert(DOCUMENT_FORMATS[chosen](document_of(answer, {})))
    else:
        check_inert("".join(iter_text(FORMATS[chosen - forms], [answer], "info", {})))
    check_inert(signature_of(report).text)


def show(question: str, record: object, path: str = "mutated.dmp", **shown: bool) -> None:
    """One answer in every format. Raises: AssertionError."""
    answer = Answer(question, "native", path, None, record)
    for form in DOCUMENT_FORMATS:
        check_inert(form(document_of(answer, shown)).replace("\t", " ", 1 if question == "signature" else 0))
    for name in FORMATS:
        check_inert("".join(iter_text(name, [answer], question, shown)))
    json.loads("".join(iter_text("json", [answer], question, shown)))


def iter_questions(engine: Engine) -> Iterator[Callable[[], object]]:
    """The questions of the protocol that are about the dump as a whole."""
    yield engine.dump
    yield engine.system
    yield engine.bug_check
    yield engine.stack
    yield from (partial(engine.stack, number) for number in (0, 1, 3, 2047, 1 << 63))
    yield from (engine.modules, engine.unloaded_modules, engine.processors, engine.processes)
    yield from (engine.requesting_process, engine.holds_user_pages, engine.regions)


def iter_limits(engine: Engine) -> Iterator[Callable[[], object]]:
    """The questions about addresses, at the limits of what can be asked."""
    for address in ADDRESSES:
        for size in SIZES:
            yield partial(engine.read, address, size)
    for physical in (False, True):
        yield partial(engine.tally_pages, (1 << 64) - 0x1001, 0x1001, physical)
        yield partial(engine.tally_pages, 0xFFFFF80177E00000, 1 << 22, physical)


def check_inert(shown: str) -> None:
    """Nothing in ``shown`` moves a cursor, turns the direction of text, or cannot be written."""
    shown.encode("utf-8")
    bad = _not_inert().search(shown)
    assert bad is None, f"{bad.group()!a} reached the output"


@cache
def _not_inert() -> re.Pattern[str]:
    forbidden = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    marks = "".join(".!"[unicodedata.category(chr(code)) in forbidden] for code in range(sys.maxunicode + 1))
    spans = (f"\\U{found.start():08x}-\\U{found.end() - 1:08x}" for found in re.finditer("!+", marks))
    return re.compile(f"(?![\\r\\n])[{''.join(spans)}]")
