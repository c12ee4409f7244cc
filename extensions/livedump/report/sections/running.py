"""Who runs, who waits for a processor, who took most time: what ``!running -it`` and ``!ready`` show, and more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from livedump.model.addresses import Address
from livedump.model.examination import RunningFindings
from livedump.model.running import BusyProcess, BusyThread, ReadyThread, Running, RunningProcessor
from livedump.report.document import Block, Cell, Document, Kind, Table, address, number, text
from livedump.report.sections.symptom_parts import (
    client_id,
    elapsed,
    finding_evidence,
    findings_block,
    limit_of,
    percent,
)

_PROCESSORS = ("CPU", "Thread", "Cid", "Process", "Pri", "State", "Own frame", "DPC %", "ISR %", "Idle %", "DPCs")
_READY = ("Thread", "Cid", "Process", "Pri", "CPU", "Ready for")
_THREADS = ("Thread", "Cid", "Process", "Kernel", "User", "% of one CPU", "Start")
_PROCESSES = ("Process", "Id", "Name", "Kernel", "User")
MAX_READY = 20


class ProcessorRow(NamedTuple):
    """One processor. Percentages are of all time since boot."""

    number: int
    thread: Address | None
    process: str | None
    idle: bool | None
    requester: bool
    own_frame: str | None
    dpc_percent: float | None
    interrupt_percent: float | None
    idle_percent: float | None
    dpc_queue_depth: int | None


def row_type() -> type:
    """The record that ``rows`` gives any number of."""
    return ProcessorRow


def document(record: RunningFindings, title: str) -> Document:
    """Findings, then processors, ready threads, and the threads and processes that took most time."""
    running = record.processors
    blocks: list[Block] = [findings_block(record.findings)] if record.findings else []
    blocks += _tables(running)
    return Document(
        title,
        tuple(blocks),
        headline=running.summary,
        evidence=finding_evidence(record.findings),
        limits=limit_of(running.state, running.reason),
    )


def rows(record: RunningFindings) -> Iterator[ProcessorRow]:
    """All processors."""
    for each in record.processors.processors:
        yield ProcessorRow(*(getattr(each, name) for name in ProcessorRow._fields))


def _tables(running: Running) -> Iterator[Table]:
    if running.processors:
        yield Table(_PROCESSORS, tuple(map(_processor, running.processors)), "Processors (shares are since boot)")
    if running.ready:
        shown = running.ready[:MAX_READY]
        rest = f", the longest {MAX_READY} of {len(running.ready)}" if len(running.ready) > MAX_READY else ""
        yield Table(_READY, tuple(map(_ready, shown)), f"Ready to run{rest}")
    if running.top_threads:
        yield Table(_THREADS, tuple(map(_thread, running.top_threads)), "Threads by time")
    if running.top_processes:
        yield Table(_PROCESSES, tuple(map(_process, running.top_processes)), "Processes by time")


def _processor(each: RunningProcessor) -> tuple[Cell, ...]:
    state = "requester" if each.requester else {True: "idle", False: "busy", None: ""}[each.idle]
    return (
        text(each.number),
        address(each.thread),
        text(client_id(each.process_id, each.thread_id)),
        Cell(each.process or "", Kind.PROCESS),
        text(each.priority),
        text(state),
        text(each.own_frame),
        text(percent(each.dpc_percent)),
        text(percent(each.interrupt_percent)),
        text(percent(each.idle_percent)),
        number(each.dpc_queue_depth),
    )


def _ready(each: ReadyThread) -> tuple[Cell, ...]:
    return (
        address(each.thread),
        text(client_id(each.process_id, each.thread_id)),
        Cell(each.process or "", Kind.PROCESS),
        text(each.priority),
        text(each.processor),
        text(elapsed(each.seconds)),
    )


def _thread(each: BusyThread) -> tuple[Cell, ...]:
    return (
        address(each.thread),
        text(client_id(each.process_id, each.thread_id)),
        Cell(each.process or "", Kind.PROCESS),
        text(elapsed(each.kernel_seconds)),
        text(elapsed(each.user_seconds)),
        text(percent(each.percent)),
        text(each.start),
    )


def _process(each: BusyProcess) -> tuple[Cell, ...]:
    return (
        address(each.address),
        text(each.process_id),
        Cell(each.process or "", Kind.PROCESS),
        text(elapsed(each.kernel_seconds)),
        text(elapsed(each.user_seconds)),
    )
