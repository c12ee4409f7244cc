"""What became of a machine between two dumps of it: findings, then who used it, then what grew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from livedump.model.addresses import PAGE_SIZE
from livedump.model.amounts import seconds_text, size_text
from livedump.model.difference import (
    ChangeKind,
    CommitGrowth,
    Difference,
    HandleGrowth,
    ObjectGrowth,
    Relation,
    Side,
    TagGrowth,
    TotalGrowth,
)
from livedump.model.findings import Confidence
from livedump.report.document import Block, Cell, Document, EvidenceRow, Kind, Paragraph, Table, address, number, text
from livedump.report.sections.symptom_parts import client_id, elapsed, first_of, percent, sentence

_PROCESSORS = (
    "CPU",
    "User %",
    "Kernel %",
    "DPC %",
    "ISR %",
    "Idle %",
    "Switches/s",
    "Interrupts/s",
    "DPCs/s",
    "Calls/s",
)
_THREADS = ("Thread", "Cid", "Process", "% of one CPU", "% by cycles", "Kernel", "User", "Switches/s")
_PROCESSES = ("Process", "Id", "% of one CPU", "% by cycles", "Kernel", "User")
_TAGS = ("Tag", "Pool", "Before", "After", "Change", "a minute", "Blocks", "Owner")
_COUNTS = ("Process", "Id", "Before", "After", "Change", "a minute")
_OBJECTS = ("Object type", "Before", "After", "Change", "a minute")
_TOTALS = ("Total", "Before", "After", "Change", "a minute")
_DRIVERS = ("Driver", "", "Base", "Size", "Time stamp")
_NAMES = {
    "committed": "Committed",
    "commit_limit": "Commit limit",
    "commit_peak": "Commit peak",
    "available": "Available",
    "physical": "Physical memory",
    "nonpaged_pool": "Nonpaged pool",
    "paged_pool": "Paged pool",
    "locked": "Locked by drivers",
    "free_system_ptes": "Free system PTEs",
    "processes": "Processes",
    "zombies": "Ended processes that are held",
    "threads": "Threads",
    "handles": "Handles",
}
_RELATIONS = {
    Relation.SAME_BOOT: "one boot of one machine",
    Relation.OTHER_BOOT: "one machine, which was started again in between",
    Relation.OTHER_MACHINE: "two machines",
    None: "perhaps two machines",
}
TOP = 15
NOTHING = "Nothing grew, spun or stood still by more than noise."


class ChangeRow(NamedTuple):
    """One finding."""

    before: str
    relation: Relation | None
    seconds: float | None
    kind: ChangeKind
    confidence: Confidence
    subject: str
    amount: float | None
    unit: str
    per_minute: float | None
    text: str


def row_type() -> type:
    """The record that ``rows`` gives any number of."""
    return ChangeRow


def rows(record: Difference) -> Iterator[ChangeRow]:
    """All findings."""
    for each in record.findings:
        values = (each.kind, each.confidence, each.subject, each.amount, each.unit, each.per_minute, each.text)
        yield ChangeRow(record.before.path, record.relation, record.seconds, *values)


def document(record: Difference, title: str) -> Document:
    """What the two dumps are to each other, the findings, and the numbers behind them."""
    blocks: list[Block] = [Paragraph("\n".join((_side("Before", record.before), _side("After", record.after))))]
    if record.refused is None:
        blocks += [_findings(record), *_tables(record)]
    return Document(
        title,
        tuple(blocks),
        headline=_headline(record),
        evidence=tuple(_evidence(record)),
        evidence_title="Evidence (+ for one boot and for what was found, - against)",
        limits=record.notes,
    )


def _headline(record: Difference) -> str:
    if record.refused is not None:
        return f"Not compared: {record.refused}."
    apart = f", {seconds_text(record.seconds)} apart" if record.seconds is not None else ""
    compared = "" if record.relation is Relation.SAME_BOOT else "; only totals and drivers are compared"
    return f"Two dumps of {_RELATIONS[record.relation]}{apart}{compared}."


def _side(label: str, side: Side) -> str:
    when = f", taken at {side.captured_at:%Y-%m-%d %H:%M:%S} UTC" if side.captured_at else ""
    ran = f", {seconds_text(side.uptime_seconds)} after the start" if side.uptime_seconds is not None else ""
    return f"{label + ':':<8} {side.path}{when}{ran}"


def _findings(record: Difference) -> Paragraph:
    if not record.findings:
        return Paragraph(NOTHING if record.relation is Relation.SAME_BOOT else "No driver came, went or was replaced.")
    lines = [f"{at}. {sentence(each)}" for at, each in enumerate(record.findings[:TOP], 1)]
    more = len(record.findings) - TOP
    return Paragraph("\n".join((*lines, *([f"   and {more} more; --format json has them"] if more > 0 else []))))


def _evidence(record: Difference) -> Iterable[EvidenceRow]:
    facts = (*(each for finding in record.findings[:TOP] for each in finding.evidence), *record.evidence)
    return dict.fromkeys(EvidenceRow(each.sign.value, each.fact, each.check) for each in facts)


def _tables(record: Difference) -> Iterator[Table]:
    tables = (
        (_PROCESSORS, _processors(record), "Processors, between the dumps"),
        (_THREADS, _threads(record), first_of(TOP, "Threads by time between the dumps", record.threads)),
        (_PROCESSES, _processes(record), first_of(TOP, "Processes by time between the dumps", record.processes)),
        (_TAGS, _tags(record), first_of(TOP, "Pool tags", record.tags)),
        (_COUNTS, _handles(record), first_of(TOP, "Handles", record.handles)),
        (_COUNTS, _commit(record), first_of(TOP, "Commit of processes", record.commit)),
        (_OBJECTS, _objects(record), first_of(TOP, "Objects", record.objects)),
        (_TOTALS, map(_total, record.totals), "Totals"),
        (_DRIVERS, _drivers(record), "Drivers"),
    )
    for heads, cells, title in tables:
        lines = tuple(cells)
        if lines:
            yield Table(heads, lines, title)


def _processors(record: Difference) -> Iterator[tuple[Cell, ...]]:
    for each in record.processors:
        shares = (each.user_percent, each.kernel_percent, each.dpc_percent, each.interrupt_percent, each.idle_percent)
        rates = (
            each.switches_per_second,
            each.interrupts_per_second,
            each.dpcs_per_second,
            each.system_calls_per_second,
        )
        yield text(each.number), *(text(percent(share)) for share in shares), *map(_whole, rates)


def _threads(record: Difference) -> Iterator[tuple[Cell, ...]]:
    for each in record.threads[:TOP]:
        yield (
            address(each.thread),
            text(client_id(each.process_id, each.thread_id)),
            Cell(each.process or "", Kind.PROCESS),
            text(percent(each.percent)),
            text(percent(each.cycles_percent)),
            text(elapsed(each.kernel_seconds)),
            text(elapsed(each.user_seconds)),
            _whole(each.switches_per_second),
        )


def _processes(record: Difference) -> Iterator[tuple[Cell, ...]]:
    for each in record.processes[:TOP]:
        yield (
            Cell(each.process or "", Kind.PROCESS),
            text(each.process_id),
            text(percent(each.percent)),
            text(percent(each.cycles_percent)),
            text(elapsed(each.kernel_seconds)),
            text(elapsed(each.user_seconds)),
        )


def _tags(record: Difference) -> Iterator[tuple[Cell, ...]]:
    for each in record.tags[:TOP]:
        owners = text(", ".join(each.owners))
        yield text(each.tag), text(each.pool), *_sizes(each), _signed(each.blocks), owners


def _handles(record: Difference) -> Iterator[tuple[Cell, ...]]:
    for each in record.handles[:TOP]:
        yield Cell(each.process or "", Kind.PROCESS), text(each.process_id), *_counts(each)


def _commit(record: Difference) -> Iterator[tuple[Cell, ...]]:
    for each in record.commit[:TOP]:
        yield Cell(each.process or "", Kind.PROCESS), text(each.process_id), *_sizes(each)


def _objects(record: Difference) -> Iterator[tuple[Cell, ...]]:
    for each in record.objects[:TOP]:
        yield text(each.name), *_counts(each)


def _total(each: TotalGrowth) -> tuple[Cell, ...]:
    amounts = _sizes(each) if each.unit == "bytes" else _counts(each)
    return text(_NAMES.get(each.name, each.name)), *amounts


def _counts(each: HandleGrowth | ObjectGrowth | TotalGrowth) -> tuple[Cell, ...]:
    # Before, after, change, change a minute.
    return number(each.before), number(each.after), _signed(each.amount), _signed(each.per_minute)


def _sizes(each: TagGrowth | CommitGrowth | TotalGrowth) -> tuple[Cell, ...]:
    sizes = (size_text(each.before), size_text(each.after), _signed_size(each.amount), _signed_size(each.per_minute))
    return tuple(map(text, sizes))


def _drivers(record: Difference) -> Iterator[tuple[Cell, ...]]:
    for what, drivers in (("loaded", record.drivers.loaded), ("unloaded", record.drivers.unloaded)):
        for each in drivers:
            yield text(each.name), text(what), address(each.base), number(each.size), text(_stamp(each.timestamp))
    for change in record.drivers.changed:
        sizes = f"{change.size_before:,}, now {change.size_after:,}"
        stamps = f"{_stamp(change.timestamp_before)}, now {_stamp(change.timestamp_after)}"
        yield text(change.name), text("changed"), text(""), text(sizes), text(stamps)


def _stamp(timestamp: int | None) -> str:
    return "not known" if timestamp is None else f"{timestamp:08x}"


def _whole(rate: float | None) -> Cell:
    return number(None if rate is None else round(rate))


def _signed(amount: float | None) -> Cell:
    return Cell("" if amount is None else f"{amount:+,.0f}" if round(amount) else "0", Kind.NUMBER)


def _signed_size(amount: float | None) -> str:
    # What is less than a page is rounding.
    if amount is None or abs(amount) < PAGE_SIZE:
        return "" if amount is None else "0"
    return f"{'+' if amount > 0 else '-'}{size_text(abs(amount))}"
