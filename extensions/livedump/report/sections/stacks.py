"""Stacks of all threads, like ones together, the largest group first: what ``!stacks`` and ``!uniqstack`` are for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from livedump.model.examination import StackFindings
from livedump.model.stack_survey import StackGroup
from livedump.report.document import Block, Document, Line, Paragraph, Verbatim
from livedump.report.sections.symptom_parts import elapsed, finding_evidence, findings_block, limit_of

MAX_THREADS_SHOWN = 4
MAX_PROCESSES_SHOWN = 6


class GroupRow(NamedTuple):
    """One group of threads."""

    threads: int
    longest_wait_seconds: float | None
    waits_in: str | None
    idle_pool: bool
    guessed: bool
    processes: str
    frames: str


def row_type() -> type:
    """The record that ``rows`` gives any number of."""
    return GroupRow


def document(record: StackFindings, title: str, idle: bool = False) -> Document:
    """Findings, then a block for each group; those that have nothing to do only with ``idle``."""
    survey = record.stacks
    shown = [group for group in survey.groups if idle or not group.idle_pool]
    left_out = sum(group.count for group in survey.groups if group.idle_pool and not idle)
    blocks: list[Block] = [findings_block(record.findings)] if record.findings else []
    blocks += [_block(group) for group in shown]
    if left_out:
        blocks.append(Paragraph(f"{left_out:,} threads that have nothing to do are left out; --idle shows them"))
    return Document(
        title,
        tuple(blocks),
        headline=survey.summary,
        evidence=finding_evidence(record.findings),
        limits=limit_of(survey.state, survey.reason),
    )


def rows(record: StackFindings) -> Iterator[GroupRow]:
    """All groups."""
    for each in record.stacks.groups:
        yield GroupRow(
            each.count,
            each.longest_wait_seconds,
            each.waits_in,
            each.idle_pool,
            each.guessed,
            " ".join(each.processes),
            " < ".join(each.frames),
        )


def _block(group: StackGroup) -> Verbatim:
    lines = tuple(Line(f"    {name}") for name in group.frames)
    threads = " ".join(f"{address:x}" for address in group.threads[:MAX_THREADS_SHOWN])
    more = f" and {group.count - MAX_THREADS_SHOWN:,} more" if group.count > MAX_THREADS_SHOWN else ""
    return Verbatim((Line(f"    threads {threads}{more}"), *lines), _title(group))


def _title(group: StackGroup) -> str:
    who = ", ".join(group.processes[:MAX_PROCESSES_SHOWN]) or "processes without a name"
    who += ", ..." if len(group.processes) > MAX_PROCESSES_SHOWN else ""
    idle = ", nothing to do" if group.idle_pool else ""
    guessed = ", partly guessed" if group.guessed else ""
    longest = f", longest {elapsed(group.longest_wait_seconds)}" if group.longest_wait_seconds is not None else ""
    return f"{group.count:,} thread{'' if group.count == 1 else 's'} of {who}{longest}{idle}{guessed}"
