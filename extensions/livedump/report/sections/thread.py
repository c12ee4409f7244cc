"""One thread in the lines of ``!thread``, with its stack in those of ``k``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from livedump.model.addresses import Address
from livedump.model.requests import Request, major_name
from livedump.model.thread_view import AwaitedObject, ThreadView
from livedump.model.waits import ThreadWait
from livedump.report.document import Block, Document, Line, Verbatim, list_doubts
from livedump.report.sections.stack import end_text, stack_block
from livedump.report.sections.symptom_parts import client_id, elapsed

MAX_SHOWN = 64
"""Requests of one thread; JSON has all."""
MAX_OWNERS = 8
"""Of one lock."""
UNKNOWN = "not known"


class ThreadRow(NamedTuple):
    """The thread; what is empty is not known."""

    thread: Address
    process_id: int | None
    thread_id: int | None
    process: Address
    process_name: str | None
    state: str | None
    processor: int | None
    wait_reason: str | None
    wait_seconds: float | None
    waits_for: str
    """Kind and address of each object."""
    lock: str | None
    lock_owner: Address | None
    requests: int
    context_switches: int | None
    ideal_processor: int | None
    user_seconds: float | None
    kernel_seconds: float | None
    created: datetime | None
    start: str | None
    win32_start_address: Address | None
    priority: int | None
    base_priority: int | None
    frames: str


def document(record: ThreadView, title: str) -> Document:
    """The lines of the thread, then its stack."""
    blocks: list[Block] = [Verbatim(tuple(map(Line, _lines(record))))]
    if record.stack is not None and record.stack.frames:
        blocks.append(stack_block(record.stack, "", roles=False))
    end = end_text(record.stack) if record.stack is not None else f"no stack: {record.stack_problem}"
    doubts = list_doubts({"requests of the thread": record.requests})
    return Document(title, tuple(blocks), limits=tuple(filter(None, (end, *doubts))))


def row_type() -> type:
    """The record that ``rows`` gives one of."""
    return ThreadRow


def rows(record: ThreadView) -> Iterator[ThreadRow]:
    """The thread."""
    own = ("waits_for", "lock", "lock_owner", "requests", "frames")
    same = {name: getattr(record, name) for name in ThreadRow._fields if name not in own}
    lock = record.lock
    yield ThreadRow(
        **same,
        waits_for=" ".join(f"{each.what or UNKNOWN}:{each.address:016x}" for each in record.objects),
        lock=f"{lock.object.kind.value}:{lock.object.address:016x}" if lock else None,
        lock_owner=lock.owners[0] if lock and lock.owners else None,
        requests=len(record.requests),
        frames=" < ".join(frame.call_site for frame in record.stack.frames) if record.stack else "",
    )


def _lines(record: ThreadView) -> Iterator[str]:
    cid = client_id(record.process_id, record.thread_id) or UNKNOWN
    head = f"THREAD {record.thread:016x}  Cid {cid}  Teb: {_hex(record.teb)}"
    yield f"{head} Win32Thread: {_hex(record.win32_thread)} {_state(record)}"
    yield from map(_object, record.objects)
    if record.lock is not None:
        yield f"    {_lock(record.lock)}"
    if record.requests:
        yield "IRP List:"
        yield from map(_request, record.requests[:MAX_SHOWN])
        yield from (f"    and {len(record.requests) - MAX_SHOWN:,} more",) * (len(record.requests) > MAX_SHOWN)
    yield _pair("Owning Process", _hex(record.process), record.process_name)
    attached = None if record.attached_process is None else _hex(record.attached_process)
    yield _pair("Attached Process", attached or "N/A", record.attached_name if attached else "N/A")
    yield from _times(record)
    yield _named("Start Address", record.start, record.start_address)
    yield _named("Win32 Start Address", record.win32_start, record.win32_start_address)
    yield f"Stack Init {_hex(record.stack_init)} Current {_hex(record.stack_current)}"
    yield f"Base {_hex(record.stack_base)} Limit {_hex(record.stack_limit)}"
    yield f"Priority {_number(record.priority)} BasePriority {_number(record.base_priority)}"


def _times(record: ThreadView) -> Iterator[str]:
    waited = f"({elapsed(record.wait_seconds)})" if record.wait_seconds is not None else f"({UNKNOWN})"
    since = _number(record.wait_start_ticks)
    yield f"{'Wait Start TickCount':<22}{since:<16}Ticks: {_number(record.wait_ticks)} {waited}"
    switches = _number(record.context_switches)
    yield f"{'Context Switch Count':<22}{switches:<16}IdealProcessor: {_number(record.ideal_processor)}"
    yield f"{'UserTime':<22}{elapsed(record.user_seconds) or UNKNOWN}"
    yield f"{'KernelTime':<22}{elapsed(record.kernel_seconds) or UNKNOWN}"
    if record.created is not None:
        yield f"{'CreateTime':<22}{record.created:%Y-%m-%d %H:%M:%S} UTC"


def _state(record: ThreadView) -> str:
    took = ", took the dump" if record.requester else ""
    if record.state == "WAITING":
        mode = {True: "UserMode", False: "KernelMode", None: UNKNOWN}[record.user_mode]
        alertable = {True: "Alertable", False: "Non-Alertable", None: UNKNOWN}[record.alertable]
        suspended = f" SuspendCount {record.suspend_count}" if record.suspend_count else ""
        return f"WAIT: ({record.wait_reason or UNKNOWN}) {mode} {alertable}{suspended}"
    on = f" on processor {record.processor}" if record.processor is not None else ""
    return f"{record.state or UNKNOWN}{on}{took}"


def _object(each: AwaitedObject) -> str:
    owner = f" - owning thread {_hex(each.owner)}" if each.owner is not None else ""
    return f"    {_hex(each.address)}  {each.what or 'not captured'}{owner}"


def _lock(wait: ThreadWait) -> str:
    if wait.owners:
        more = f" and {len(wait.owners) - MAX_OWNERS:,} more" if len(wait.owners) > MAX_OWNERS else ""
        held = f"held by {', '.join(map(_hex, wait.owners[:MAX_OWNERS]))}{more}"
    else:
        held = f"held by {_hex(wait.lost_owner)}, which is no thread any more" if wait.lost_owner else ""
    return f"{wait.object.kind.title} {_hex(wait.object.address)} {held or wait.owner_problem or ''}".rstrip()


def _request(each: Request) -> str:
    major = UNKNOWN if each.major is None else major_name(each.major)
    if each.completed:
        return f"    {_hex(each.irp)}: completed, waits for the thread"
    driver = each.driver_name or each.driver or UNKNOWN
    file = f" {each.file}" if each.file else ""
    return f"    {_hex(each.irp)}: {major} {driver}{file}{' cancelled' if each.cancelled else ''}"


def _pair(label: str, value: str, image: str | None) -> str:
    return f"{label:<22}{value:<24}Image: {image or UNKNOWN}"


def _named(label: str, name: str | None, address: int | None) -> str:
    if address is None:
        return f"{label} {UNKNOWN}"
    return f"{label} {name} ({_hex(address)})" if name else f"{label} {_hex(address)}"


def _hex(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:016x}"


def _number(value: int | None) -> str:
    return UNKNOWN if value is None else str(value)
