"""The list of processes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from livedump.model.addresses import Address
from livedump.model.processors import Process, Processes
from livedump.report.document import Cell, Document, Kind, Table, address, list_doubts, text

_HEADERS = ("Process", "Id", "Name", "Page tables", "")
REQUESTER = "asked for the dump"


class ProcessRow(NamedTuple):
    """One process."""

    id: int | None
    name: str | None
    address: Address | None
    directory_table_base: Address | None
    requester: bool | None
    """Whether it asked for the dump; None where nobody knows who did."""


def document(record: Processes, title: str) -> Document:
    """One line for each process in the system's own order."""
    table = Table(_HEADERS, tuple(_cells(each, record.requester) for each in record.processes))
    unknown = () if record.requester else ("it is not known which process asked for the dump",)
    return Document(title, (table,), limits=(*list_doubts({"processes": record.processes}), *unknown))


def row_type() -> type:
    """The record that ``rows`` gives any number of."""
    return ProcessRow


def rows(record: Processes) -> Iterator[ProcessRow]:
    """All processes."""
    for each in record.processes:
        asked = _asked(each, record.requester) if record.requester else None
        yield ProcessRow(each.process_id, each.name, each.address, each.directory_table_base, asked)


def _cells(process: Process, requester: Process | None) -> tuple[Cell, ...]:
    name = Cell(process.name or "", Kind.PROCESS)
    tables = address(process.directory_table_base)
    asked = text(REQUESTER if _asked(process, requester) else None)
    return address(process.address), text(process.process_id), name, tables, asked


def _asked(process: Process, requester: Process | None) -> bool:
    return process == requester
