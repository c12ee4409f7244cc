"""Requests that are pending: what ``!irp`` shows of one, for all threads at once."""

from __future__ import annotations

from collections.abc import Iterator

from livedump.model.examination import RequestFindings
from livedump.model.requests import DeviceStack, DriverRequests, PendingRequest, StackedDevice
from livedump.report.document import Block, Cell, Document, Kind, Paragraph, Table, address, number, text
from livedump.report.sections.symptom_parts import elapsed, finding_evidence, findings_block, limit_of

_DRIVERS = ("Driver", "Requests", "Devices", "Longest wait")
_STACKS = ("Device", "Requests", "Stack, the uppermost first", "File system on it")
_REQUESTS = ("Irp", "Driver", "Device", "Request", "Thread", "Process", "Thread waits", "")
MAX_REQUESTS = 20


def row_type() -> type:
    """The record that ``rows`` gives any number of."""
    return PendingRequest


def document(record: RequestFindings, title: str) -> Document:
    """Findings, then what each driver owes, then the requests, the longest waited for first."""
    requests = record.requests
    blocks: list[Block] = [findings_block(record.findings)] if record.findings else []
    if requests.by_driver:
        blocks.append(Table(_DRIVERS, tuple(map(_driver, requests.by_driver)), "By driver"))
    if requests.device_stacks:
        stacks = tuple(map(_stack, requests.device_stacks))
        blocks.append(Table(_STACKS, stacks, "Devices that have requests, and what stands above and below them"))
    shown = requests.pending[:MAX_REQUESTS]
    if shown:
        total = len(requests.pending) + requests.more_pending
        rest = f", {MAX_REQUESTS} of {total:,}" if total > MAX_REQUESTS else ""
        blocks.append(Table(_REQUESTS, tuple(map(_request, shown)), f"Requests{rest}"))
        blocks.append(Paragraph("A request bears no time: it is at least as old as its thread's wait for it."))
    return Document(
        title,
        tuple(blocks),
        headline=requests.summary,
        evidence=finding_evidence(record.findings),
        limits=(*limit_of(requests.state, requests.reason), *filter(None, (requests.device_stacks.problem,))),
    )


def rows(record: RequestFindings) -> Iterator[PendingRequest]:
    """The requests themselves."""
    yield from record.requests.pending


def _driver(each: DriverRequests) -> tuple[Cell, ...]:
    return text(each.driver), number(each.count), number(each.devices), text(elapsed(each.longest_wait_seconds))


def _stack(each: DeviceStack) -> tuple[Cell, ...]:
    # The device that has the requests stands in brackets.
    names = (_named(one, here=one.device == each.device) for one in each.devices)
    mounted = each.file_system
    stack = " > ".join(names) + (f" ({each.problem})" if each.problem else "")
    return address(each.device), number(each.requests), text(stack), text(_named(mounted) if mounted else None)


def _named(device: StackedDevice, here: bool = False) -> str:
    name = device.driver or device.driver_name or "?"
    return f"[{name}]" if here else name


def _request(each: PendingRequest) -> tuple[Cell, ...]:
    marks = ("completed", each.completed), ("cancelled", each.cancelled)
    return (
        address(each.irp),
        text(each.driver or each.driver_name),
        address(each.device),
        text(each.major),
        address(each.thread),
        Cell(each.process or "", Kind.PROCESS),
        text(elapsed(each.waits_seconds)),
        text(", ".join(word for word, holds in marks if holds)),
    )
