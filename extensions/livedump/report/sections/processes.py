"""The list of processes: a line for each, in the words of ``!process 0 0``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from livedump.model.addresses import Address
from livedump.model.processes import ListedProcess, Processes
from livedump.model.processors import Process
from livedump.report.document import Cell, Document, Kind, Table, address, list_doubts, number, text
from livedump.report.sections.symptom_parts import elapsed

_SHORT = ("Process", "Id", "Name", "Page tables", "")
_HEADERS = (
    "Process", "Id", "Name", "Parent", "Session", "Threads", "Run", "Ready", "Wait", "Handles", "Commit", "Created",
    "Elapsed", "Kernel", "User", "",
)  # fmt: skip
REQUESTER = "asked for the dump"
ENDED = "has ended"
_PARTLY, _NOTHING = "not all of what processes use is known", "what processes use is not known"


class ProcessRow(NamedTuple):
    """One process. What is empty is not known."""

    id: int | None
    name: str | None
    address: Address | None
    directory_table_base: Address | None
    requester: bool | None
    """Whether it asked for the dump; None where nobody knows who did."""
    parent_id: int | None
    session: int | None
    threads: int | None
    running: int | None
    ready: int | None
    waiting: int | None
    handles: int | None
    commit: int | None
    """Bytes."""
    created: datetime | None
    exited: datetime | None
    elapsed_seconds: float | None
    kernel_seconds: float | None
    user_seconds: float | None


def document(record: Processes, title: str) -> Document:
    """One line for each process in the system's own order; a short one where it is not known what any of them uses."""
    known = any(each.threads is not None for each in record.processes)
    cells = _cells if known else _short_cells
    table = Table(_HEADERS if known else _SHORT, tuple(cells(each, record.requester) for each in record.processes))
    return Document(title, (table,), limits=tuple(_limits(record, known)))


def row_type() -> type:
    """The record that ``rows`` gives any number of."""
    return ProcessRow


def rows(record: Processes) -> Iterator[ProcessRow]:
    """All processes."""
    for each in record.processes:
        asked = each.process == record.requester if record.requester else None
        same = (name for name in ProcessRow._fields if name not in ("id", "requester"))
        yield ProcessRow(id=each.process_id, requester=asked, **{name: getattr(each, name) for name in same})


def _limits(record: Processes, known: bool) -> Iterator[str]:
    yield from list_doubts({"processes": record.processes})
    if record.use_problem:
        yield f"{_PARTLY if known else _NOTHING}: {record.use_problem}"
    if not record.requester:
        yield "it is not known which process asked for the dump"


def _cells(process: ListedProcess, requester: Process | None) -> tuple[Cell, ...]:
    return (
        *_names(process),
        text(process.parent_id),
        text(process.session),
        number(process.threads),
        number(process.running),
        number(process.ready),
        number(process.waiting),
        number(process.handles),
        number(process.commit),
        text(f"{process.created:%Y-%m-%d %H:%M:%S}" if process.created else None),
        text(elapsed(process.elapsed_seconds)),
        text(elapsed(process.kernel_seconds)),
        text(elapsed(process.user_seconds)),
        _remark(process, requester),
    )


def _short_cells(process: ListedProcess, requester: Process | None) -> tuple[Cell, ...]:
    return *_names(process), address(process.directory_table_base), _remark(process, requester)


def _names(process: ListedProcess) -> tuple[Cell, ...]:
    return address(process.address), text(process.process_id), Cell(process.name or "", Kind.PROCESS)


def _remark(process: ListedProcess, requester: Process | None) -> Cell:
    said = (ENDED if process.exited else "", REQUESTER if process.process == requester else "")
    return text(", ".join(filter(None, said)))
