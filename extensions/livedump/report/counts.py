"""How many dumps of each kind there are: the line under a table, above a page and on top of a summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from livedump.model.amounts import count_text
from livedump.report.dump_row import DumpRow

_WORDS = (
    ("live", "live dump", "live dumps"),
    ("crash", "crash", "crashes"),
    ("unclear", "live or crash (not known)", "live or crash (not known)"),
    ("cut", "not complete", "not complete"),
    ("failed", "could not be judged", "could not be judged"),
)


class Counts:
    """Counts rows as they come."""

    def __init__(self, rows: Iterable[DumpRow] = ()) -> None:
        self.dumps = 0
        self._of_kind: Counter[str] = Counter()
        for row in rows:
            self.add(row)

    def add(self, row: DumpRow) -> None:
        """One more."""
        self.dumps += 1
        self._of_kind["failed" if row.failed else {True: "live", False: "crash", None: "unclear"}[row.live]] += 1
        self._of_kind["cut"] += not row.failed and row.complete is False

    @property
    def kinds(self) -> str:
        """``2 live dumps, 1 crash, 1 not complete``; empty where there are no dumps."""
        named = ((self._of_kind[kind], one, many) for kind, one, many in _WORDS)
        return ", ".join(f"{count:,} {one if count == 1 else many}" for count, one, many in named if count)

    def line(self, found: int | None = None) -> str:
        """All in one line; with ``found``, of how many these were chosen."""
        if found is not None:
            said = f"{self.dumps:,} of {count_text(found, 'dump')} match{'es' if self.dumps == 1 else ''}"
        else:
            said = count_text(self.dumps, "dump") if self.dumps else "no dumps"
        return f"{said}: {self.kinds}" if self.dumps else said
