"""The rows that cdb gives are those of the native engine: each reads by itself, the file or through the debugger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from livedump.fleet.judge import HowToRead, Judged
from livedump.fleet.local import LocalPool
from livedump.fleet.target import Depth, Target
from livedump.model.limits import Limits
from livedump.report.dump_row import DumpRow
from tests.synth import build

if TYPE_CHECKING:
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab

NAMES = ("taskmgr-full", "crash-d1", "wer-193")


def rows(how: HowToRead, limits: Limits, paths: list[Path]) -> dict[str, DumpRow]:
    items = [(number, Target(str(path), str(path))) for number, path in enumerate(paths)]
    with LocalPool(how, limits, 1) as pool:
        done = [each.outcome for some in pool.run(items, Depth.FULL) for each in some]
    return {each.row.name: each.row for each in done if isinstance(each, Judged)}


def test_cdb_and_the_native_engine_give_the_same_rows(lab: Lab) -> None:
    symbols = str(build(NAMES[0]).symbols)
    paths = [Path(build(name).path) for name in NAMES]
    native = rows(HowToRead("native", symbols), Limits(), paths)
    cdb = rows(HowToRead("cdb", symbols, str(lab.cdb)), Limits(120, 0), paths)
    assert [row.error for row in native.values()] == [None] * len(NAMES)
    assert cdb == {name: less(row) for name, row in native.items()}


def less(row: DumpRow) -> DumpRow:
    """The row without what a console does not tell: what went on, and whether all is there that was to be."""
    verdict = row.verdict.replace(", complete.", ", completeness not known.")
    return row._replace(symptoms=None, complete=None, verdict=verdict)
