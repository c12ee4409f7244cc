"""What a dump holds of each structure."""

from __future__ import annotations

from collections.abc import Iterator

from livedump.model.contents import Contents, SecondaryBlob
from livedump.model.holdings import Holding, Presence
from livedump.reference.secondary_data import secondary_data_name
from livedump.report.document import Block, Cell, Document, Paragraph, Table, address, list_doubts, number, text

_PRESENCE = {Presence.NOT_SEPARATE: "not separate", Presence.NOT_KNOWN: "not known"}
_HEADERS = ("Structure", "In the dump", "Address", "Pages", "Remark")


def document(record: Contents, title: str) -> Document:
    """One line for each structure, what they mean together, and the blocks behind the memory by tag."""
    verdict = "Everything that a live dump captures first is there."
    if not record.complete:
        verdict = "Not everything that a live dump captures first is there: answers may be missing."
    blocks: list[Block] = [Table(_HEADERS, tuple(map(_cells, record.holdings))), Paragraph(verdict)]
    if record.secondary_data:
        blocks.append(Table(("Secondary data", "Bytes", "What it is"), tuple(map(_blob, record.secondary_data))))
    doubts = tuple(f"not all {what} may be known: {message}" for what, message in record.incomplete)
    return Document(title, tuple(blocks), limits=(*doubts, *list_doubts({"secondary data": record.secondary_data})))


def row_type() -> type:
    """The record that ``rows`` gives any number of."""
    return Holding


def rows(record: Contents) -> Iterator[Holding]:
    """The structures."""
    yield from record.holdings


def _cells(holding: Holding) -> tuple[Cell, ...]:
    presence = _PRESENCE.get(holding.presence, holding.presence.value)
    pages = None if holding.tally is None else f"{holding.tally.present} of {holding.tally.total}"
    place = address(holding.address)
    return text(holding.structure.value), text(presence), place, text(pages), text(holding.note)


def _blob(blob: SecondaryBlob) -> tuple[Cell, ...]:
    return text(blob.guid), number(blob.size), text(secondary_data_name(blob.guid))
