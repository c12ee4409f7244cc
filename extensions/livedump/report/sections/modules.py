"""The lists of modules."""

from __future__ import annotations

from collections.abc import Iterator

from livedump.model.images import Module, UnloadedModule
from livedump.model.modules import Modules
from livedump.report.document import Block, Cell, Document, Kind, Table, address, list_doubts, text

_HEADERS = ("Start", "End", "Module", "Image", "Time stamp", "Version", "PDB")


def document(record: Modules, title: str) -> Document:
    """One line for each loaded module in load order, then those that were unloaded. Unknown is an empty cell."""
    blocks: list[Block] = [Table(_HEADERS, tuple(map(_loaded, record.loaded)))]
    if record.unloaded:
        blocks.append(Table((), tuple(map(_unloaded, record.unloaded)), "Unloaded modules, newest first"))
    doubts = list_doubts({"modules": record.loaded, "unloaded modules": record.unloaded})
    return Document(title, tuple(blocks), limits=doubts)


def row_type() -> type:
    """The record that ``rows`` gives any number of."""
    return Module


def rows(record: Modules) -> Iterator[Module]:
    """The loaded modules."""
    yield from record.loaded


def _loaded(module: Module) -> tuple[Cell, ...]:
    stamp = None if module.timestamp is None else f"{module.timestamp:08X}"
    pdb = Cell(f"{module.pdb.name} {module.pdb.store_key}", Kind.PATH) if module.pdb else text(None)
    range_ = (address(module.base), address(module.end))
    return (*range_, text(module.name), text(module.image_name), text(stamp), text(module.version), pdb)


def _unloaded(module: UnloadedModule) -> tuple[Cell, ...]:
    return address(module.start), address(module.end), text(module.name)
