"""What a dump holds of each structure, as text."""

from __future__ import annotations

from livedump.model.addresses import format_address
from livedump.model.contents import Contents, Holding, Presence, SecondaryBlob
from livedump.model.listing import Listing
from livedump.model.text import clean_text
from livedump.reference.secondary_data import secondary_data_name
from livedump.report.text import format_table

_PRESENCE = {Presence.NOT_SEPARATE: "not separate", Presence.NOT_KNOWN: "not known"}


def format_contents(contents: Contents) -> str:
    """One line for each structure, then what they mean together."""
    headers = ("Structure", "In the dump", "Address", "Pages", "Remark")
    lines = format_table(map(_cells, contents.holdings), headers=headers)
    verdict = "Everything that a live dump captures first is there."
    if not contents.complete:
        verdict = "Not everything that a live dump captures first is there: answers may be missing."
    doubts = [f"Not all {what} may be known: {clean_text(message)}" for what, message in contents.incomplete]
    return "\n".join([*lines, "", verdict, *doubts]) + "\n"


def format_secondary_data(blobs: Listing[SecondaryBlob]) -> str:
    """The blocks behind the memory by tag and size, with what is known of a tag; empty when there are none."""
    doubt = [f"Not all secondary data may be known: {clean_text(blobs.problem)}"] if blobs.problem else []
    if not blobs:
        return "\n".join(["", *doubt, ""]) if doubt else ""
    rows = [(blob.guid, f"{blob.size:,}", secondary_data_name(blob.guid) or "") for blob in blobs]
    return "\n".join(["", *format_table(rows, headers=("Secondary data", "Bytes", "What it is")), *doubt]) + "\n"


def _cells(holding: Holding) -> tuple[str, ...]:
    presence = _PRESENCE.get(holding.presence, holding.presence.value)
    address = "" if holding.address is None else format_address(holding.address)
    pages = "" if holding.tally is None else f"{holding.tally.present} of {holding.tally.total}"
    return holding.structure.value, presence, address, pages, holding.note or ""
