"""The triage report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from livedump.model.report import Report
from livedump.report.document import Block, Cell, Document, EvidenceRow, Fact, Facts, Kind, Table
from livedump.report.rows import Row, evidence_rows, evidence_title, four_parameter_rows, table_rows, verdict

if TYPE_CHECKING:
    from livedump.report.dump_row import DumpRow
    from livedump.report.pictures import Picture

_KINDS = {"File": Kind.PATH, "Process": Kind.PROCESS}


def document(report: Report, title: str) -> Document:
    """Verdict, what was going on, facts, the stack below the capture, evidence and limits; the whole stack is kept."""
    facts: tuple[Block, ...] = (Facts(tuple(map(_fact, table_rows(report)))),) if report.dump else ()
    unseen = _symptom_limits(report)
    problems = tuple(problem.message for problem in report.problems) if report.dump else ()
    return Document(
        title=title,
        headline=verdict(report),
        blocks=(*_symptoms(report), *facts, *_own_stack(report)),
        evidence=tuple(evidence_rows(report)) + _symptom_evidence(report),
        evidence_title=evidence_title(report),
        appendix=lambda: _stack(report),
        pictures=lambda: _pictures(report),
        limits=tuple(dict.fromkeys((*report.notes, *problems, *unseen))),
    )


def symptoms_document(report: Report, title: str) -> Document:
    """What was going on alone, for where the rest is shown before it."""
    return Document(
        title=title,
        blocks=_symptoms(report),
        evidence=_symptom_evidence(report),
        limits=_symptom_limits(report),
    )


def overview_document(report: Report, title: str, commands: Sequence[tuple[str, str]]) -> Document:
    """What is to be known first: verdict, findings, driver, parameters, the stack below the capture, and how to go on.

    ``commands`` are those for the rest, each with what it answers.
    """
    said = {"Process", "Driver", "Bug check"}
    facts = [row for row in table_rows(report) if row.label in said or row.label.startswith("Blamed by")]
    onward = tuple((Cell(command, Kind.COMMAND), Cell(what)) for command, what in commands)
    return Document(
        title=title,
        headline=verdict(report),
        blocks=(
            *_symptoms(report)[:1],
            Facts(tuple(map(_fact, (*facts, *four_parameter_rows(report))))),
            *_own_stack(report),
            Table((), onward, "More"),
        ),
        limits=(*report.notes, *_symptom_limits(report)),
    )


def row_type() -> type:
    """The record that ``rows`` gives any number of."""
    from livedump.report.dump_row import DumpRow  # noqa: PLC0415 - only CSV has rows

    return DumpRow


def rows(report: Report) -> Iterator[DumpRow]:
    """The one row that stands for the dump."""
    from livedump.report.dump_row import dump_row  # noqa: PLC0415

    yield dump_row(report)


def _symptoms(report: Report) -> tuple[Block, ...]:
    if report.symptoms is None:
        return ()
    from livedump.report.sections.symptom_parts import symptom_blocks  # noqa: PLC0415

    return symptom_blocks(report.symptoms)


def _pictures(report: Report) -> tuple[Picture, ...]:
    if report.symptoms is None:
        return ()
    from livedump.report.sections.symptom_pictures import symptom_pictures  # noqa: PLC0415 - only HTML has pictures

    return symptom_pictures(report.symptoms)


def _symptom_evidence(report: Report) -> tuple[EvidenceRow, ...]:
    if report.symptoms is None:
        return ()
    from livedump.report.sections.symptom_parts import finding_evidence  # noqa: PLC0415

    return finding_evidence(report.symptoms.findings)


def _symptom_limits(report: Report) -> tuple[str, ...]:
    if report.symptoms is None:
        return ()
    from livedump.report.sections.symptom_parts import symptom_limits  # noqa: PLC0415

    return symptom_limits(report.symptoms)


def _own_stack(report: Report) -> tuple[Block, ...]:
    from livedump.report.sections.stack import folded_stack_block  # noqa: PLC0415

    return (folded_stack_block(report.stack, "Stack"),) if report.stack and report.stack.frames else ()


def _stack(report: Report) -> tuple[Block, ...]:
    from livedump.report.sections.stack import stack_block  # noqa: PLC0415 - most reports are shown without

    return (stack_block(report.stack, "Stack"),) if report.stack and report.stack.frames else ()


def _fact(row: Row) -> Fact:
    return Fact(row.label, Cell(row.value, _KINDS.get(row.label, Kind.TEXT)), row.check)
