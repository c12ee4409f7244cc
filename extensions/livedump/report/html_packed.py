"""What a page keeps folded up until it is looked at: the cells of its table, and sections of many dumps.

It stands in templates, which a browser neither shows nor runs, as base64 of deflated UTF-8.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import IO

from livedump.model.text import clean_text
from livedump.report.dump_row import path_of
from livedump.report.html_digest import Digest
from livedump.report.html_table import cells_of
from livedump.report.markup import Markup, element

BLOCK = 32
"""Sections that are packed together: like ones take little more room than one."""
BETWEEN = "\x00"
"""Stands between two sections; no text of a dump has it."""
_LEVEL = 9


class Sections:
    """Sections that are kept in a file until all are known."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._places: list[tuple[int, int]] = []

    def add(self, text: str) -> None:
        """Keeps one more."""
        start = self._file.tell()
        self._file.write(text.encode("utf-8"))
        self._places.append((start, self._file.tell() - start))

    def read(self, index: int) -> str:
        """One of them, counted from 0; nothing is added any more."""
        start, size = self._places[index]
        self._file.seek(start)
        return self._file.read(size).decode("utf-8")


def order_of(digests: Sequence[Digest]) -> list[int]:
    """The order in which sections are packed: like ones side by side, as packing looks back 32 KiB only."""
    return sorted(
        range(len(digests)), key=lambda index: (digests[index].signature, digests[index].row.symptoms or "", index)
    )


def rows_template(digests: Sequence[Digest], fields: Sequence[str], order: Sequence[int]) -> Markup:
    """The cells of all rows; in front the place of each dump's section in the order, and its whole path."""
    places = sorted(range(len(order)), key=order.__getitem__)
    rows = [
        [place, clean_text(path_of(digest.row)), *map(_short, cells_of(digest, fields))]
        for place, digest in zip(places, digests)
    ]
    return _template(
        json.dumps({"fields": fields, "rows": rows}, ensure_ascii=True, separators=(",", ":")), "packed-rows"
    )


def iter_section_templates(sections: Sections, order: Sequence[int]) -> Iterator[Markup]:
    """All sections in that order, in blocks."""
    for start in range(0, len(order), BLOCK):
        yield _template(BETWEEN.join(map(sections.read, order[start : start + BLOCK])), None)


def _short(cell: Sequence[object]) -> object:
    """The cell without what is empty at its end; its text alone where that is all."""
    values = list(cell)
    while len(values) > 1 and values[-1] in ("", None):
        values.pop()
    return values[0] if len(values) == 1 else values


def _template(text: str, name: str | None) -> Markup:
    packed = zlib.compress(text.encode("utf-8"), _LEVEL)
    return element(
        "template", Markup(b64encode(packed).decode("ascii")), id=name, class_="packed" if name is None else None
    )
