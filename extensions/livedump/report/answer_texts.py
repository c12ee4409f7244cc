"""What was answered about each file, written in one format after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from livedump.model.report import Report
from livedump.report.answers import Answer, document_of, find_section

SCHEMA = "livedump-answer/1"


def answer_object(answer: Answer) -> dict[str, Any]:
    """The JSON object of one answer: of a report by its own schema, of all else by that of answers."""
    if isinstance(answer.record, Report):
        from livedump.report.json_report import report_object  # noqa: PLC0415

        return report_object(answer.record)
    from livedump.report.codec import encode  # noqa: PLC0415 - only JSON and CSV need it

    return {
        "schema": SCHEMA,
        "question": answer.question,
        "engine": answer.engine or None,
        "file": {"path": answer.path, "size": answer.size} if answer.path else None,
        "answer": None if answer.record is None else encode(answer.record),
        "errors": [] if answer.problem is None else [encode(answer.problem)],
    }


def iter_text(form: str, answers: Iterable[Answer], question: str, shown: Mapping[str, Any]) -> Iterator[str]:
    """The answers in one format, piece by piece; ``shown`` are options of the section."""
    if form == "csv":
        return iter_csv(answers, question)
    if form in ("markdown", "html"):
        return iter_markdown(answers, shown) if form == "markdown" else iter_html(answers, question, shown)
    return (iter_json if form == "json" else iter_json_lines)(answers)


def iter_json(answers: Iterable[Answer]) -> Iterator[str]:
    """An array with one object for each answer, piece by piece."""
    import json  # noqa: PLC0415 - inside WinDbg nobody asks for it

    between = "[\n"
    for answer in answers:
        text = json.dumps(answer_object(answer), indent=2, ensure_ascii=True)
        yield between + "  " + text.replace("\n", "\n  ")
        between = ",\n"
    yield "[]\n" if between == "[\n" else "\n]\n"


def iter_json_lines(answers: Iterable[Answer]) -> Iterator[str]:
    """One object for each answer, each on a line of its own."""
    import json  # noqa: PLC0415

    for answer in answers:
        yield json.dumps(answer_object(answer), ensure_ascii=True) + "\n"


def iter_csv(answers: Iterable[Answer], question: str) -> Iterator[str]:
    """A header and the rows of all answers, safe to open in a spreadsheet. Unknown is an empty cell."""
    from livedump.report.codec import flat, flat_names  # noqa: PLC0415
    from livedump.report.csv_text import csv_line, csv_text  # noqa: PLC0415

    names = flat_names(find_section(question).row_type())
    placed = () if "folder" in names else ("file_folder", "file_name")
    yield csv_line([*placed, *names])
    for answer in answers:
        for row in find_section(question).rows(answer.record) if answer.record is not None else ():
            place = _place(answer) if placed else ()
            yield csv_line([*place, *(csv_text(value) for _, value in flat(row))])


def iter_markdown(answers: Iterable[Answer], shown: Mapping[str, Any]) -> Iterator[str]:
    """One section for each answer that was given."""
    from livedump.report.markdown import format_document  # noqa: PLC0415

    between = ""
    for answer in answers:
        if answer.record is not None:
            yield between + format_document(document_of(answer, shown))
            between = "\n"


def iter_html(answers: Iterable[Answer], question: str, shown: Mapping[str, Any]) -> Iterator[str]:
    """One page for all answers."""
    from livedump.report.dump_row import DumpRow  # noqa: PLC0415
    from livedump.report.html import format_documents, format_html  # noqa: PLC0415

    given = (answer for answer in answers if answer.record is not None)
    if find_section(question).row_type() is DumpRow:
        yield format_html(each.record for each in given)  # each report is let go once its section is made
    else:
        yield format_documents([document_of(each, shown) for each in given], f"livedump {question}")


def _place(answer: Answer) -> tuple[str, str]:
    from livedump.report.csv_text import csv_text  # noqa: PLC0415
    from livedump.report.dump_row import split_path  # noqa: PLC0415

    folder, name = split_path(answer.path)
    return csv_text(folder), csv_text(name)
