"""The list of modules as text."""

from __future__ import annotations

from livedump.model.addresses import format_address
from livedump.model.images import Module, UnloadedModule
from livedump.model.listing import Listing
from livedump.model.text import clean_text
from livedump.report.text import format_table

_HEADERS = ("Start", "End", "Module", "Image", "Time stamp", "Version", "PDB")


def format_modules(modules: Listing[Module], unloaded: Listing[UnloadedModule]) -> str:
    """One line for each module in the order given, then those that were unloaded. Unknown is an empty cell."""
    lines = format_table(map(_cells, modules), headers=_HEADERS)
    rows = [(format_address(each.start), format_address(each.end), each.name) for each in unloaded]
    if rows:
        lines += ["", "Unloaded modules, newest first", *format_table(rows)]
    for what, listing in (("modules", modules), ("unloaded modules", unloaded)):
        if listing.problem:
            lines += ["", f"Not all {what} may be known: {clean_text(listing.problem)}"]
    return "\n".join(lines) + "\n"


def _cells(module: Module) -> tuple[str, ...]:
    stamp = "" if module.timestamp is None else f"{module.timestamp:08X}"
    pdb = f"{module.pdb.name} {module.pdb.store_key}" if module.pdb else ""
    start, end = format_address(module.base), format_address(module.end)
    return start, end, module.name, module.image_name, stamp, module.version or "", pdb
