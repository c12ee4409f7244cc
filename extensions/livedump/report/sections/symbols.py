"""What happened when symbols were looked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from livedump.model.symbol_lookups import SymbolAttempt, SymbolLookup, SymbolLookups, SymbolResult
from livedump.report.document import Cell, Document, Kind, Table, list_doubts, text

_HEADERS = ("Module", "Asked for", "Place", "Result", "Why")


class SymbolRow(NamedTuple):
    """One place that was tried for one module."""

    module: str
    wanted: str | None
    """Name and key of the PDB."""
    place: str | None
    """None: nothing was tried."""
    result: SymbolResult | None
    reason: str | None
    until: datetime | None
    """When a quarantine ends."""


def document(record: SymbolLookups, title: str) -> Document:
    """A line for each place that was tried, under the module that it was tried for."""
    lines = tuple(cells for lookup in record.modules for cells in _lines(lookup))
    limits = (*list_doubts({"modules": record.modules}), *record.notes)
    return Document(title, (Table(_HEADERS, lines),), limits=limits)


def row_type() -> type:
    """The record that ``rows`` gives any number of."""
    return SymbolRow


def rows(record: SymbolLookups) -> Iterator[SymbolRow]:
    """Every place tried for every module; one line for a module for which none was."""
    for lookup in record.modules:
        if not lookup.attempts:
            yield SymbolRow(lookup.module, lookup.wanted, None, None, lookup.status, None)
        for each in lookup.attempts:
            yield SymbolRow(lookup.module, lookup.wanted, each.place, each.result, each.reason, each.until)


def _lines(lookup: SymbolLookup) -> Iterator[tuple[Cell, ...]]:
    module, wanted = text(lookup.module), _path(lookup.wanted)
    if not lookup.attempts:
        yield module, wanted, text(None), text(None), text(lookup.status)
    for each in lookup.attempts:
        yield module, wanted, _path(each.place), text(each.result.value), text(_why(each))
        module, wanted = text(None), text(None)


def _why(attempt: SymbolAttempt) -> str | None:
    if attempt.until is None:
        return attempt.reason
    return f"{attempt.reason}; not asked before {attempt.until:%Y-%m-%d %H:%M:%S} UTC"


def _path(value: str | None) -> Cell:
    return Cell(value, Kind.PATH) if value else text(None)
