"""What the summary, the charts and the table of an HTML report keep of each dump: a row, so that thousands fit."""

from __future__ import annotations

from typing import NamedTuple

from livedump.model.dump import Scope
from livedump.report.dump_row import DumpRow
from livedump.report.dump_table import bug_check
from livedump.report.rows import NOT_KNOWN

MAX_NAME = 120
"""Letters of a file name in tables; the section of the dump has all of them."""
NOT_JUDGED = "not judged"


class Digest(NamedTuple):
    """One dump."""

    number: int
    """Counted from 1; the dump's section is called ``d1``."""
    row: DumpRow

    @property
    def anchor(self) -> str:
        """The id of the dump's section."""
        return f"d{self.number}"

    @property
    def name(self) -> str:
        """File name, shortened in its middle."""
        return shortened(self.row.name)

    @property
    def state(self) -> str:
        """``complete``, ``not complete``, ``not known`` or ``not judged``."""
        if self.row.failed:
            return NOT_JUDGED
        return {True: "complete", False: "not complete", None: NOT_KNOWN}[self.row.complete]

    @property
    def bug_check(self) -> str:
        """Code and name."""
        return bug_check(self.row) or NOT_KNOWN

    @property
    def scope(self) -> str:
        """The scope in words."""
        return Scope(self.row.scope).title if self.row.scope else NOT_KNOWN

    @property
    def signature(self) -> str:
        """The line that like dumps have in common."""
        return self.row.signature or (NOT_JUDGED if self.row.failed else NOT_KNOWN)


def shortened(name: str) -> str:
    """A name without its middle where it is too long."""
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME // 2]}…{name[-MAX_NAME // 2 :]}"
