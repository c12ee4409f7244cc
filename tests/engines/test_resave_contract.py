"""Every made-up dump, saved again by today's debugger in each way that it can: the verdict stays that of the source."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from livedump.analysis.triage import triage
from livedump.engines.native import NativeEngine
from livedump.model.dump import DumpKind
from livedump.model.findings import Confidence, OriginKind
from livedump.model.report import Report
from tests.engines.test_contract import built_or_skip, symbols_of
from tests.synth import SCENARIOS, Built

if TYPE_CHECKING:
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab

WAYS = {
    "m": DumpKind.TRIAGE,
    "f": DumpKind.RANGE_FULL,
    "k": DumpKind.RANGE_KERNEL,
    "ka": DumpKind.RANGE_KERNEL_USER,
}
"""Of ``.dump``, and the kind of file that each writes."""
WITH_ALL_MEMORY = ("full-type1", "full-pfn", "bitmap-full-type5", "rdmp-9", "rdmp-a")
"""``.dump /f`` and ``/k`` want a dump of all physical memory, ``/ka`` the PFN database, too."""
FROM_OUTSIDE = ("qemu-guest", "elf2dmp")
"""A hypervisor's marks are not kept by ``.dump``: who wrote them and that their time is not that of capture is lost."""
CANNOT_BE_SAVED = {
    "truncated": "KiProcessorBlock is cut off",
    "arm64-header": "no memory",
    "arm64-triage": "no current thread",
    "x86-header": "no memory",
    "encoded-kdbg": "the debugger decodes no KdDebuggerDataBlock",
}


def ways_of(name: str) -> tuple[str, ...]:
    """The ways in which the debugger saves a made-up dump."""
    if name in CANNOT_BE_SAVED:
        return ()
    if name in WITH_ALL_MEMORY:
        return ("m", "f", "k", "ka") if name == "full-pfn" else ("m", "f", "k")
    return ("m",)


def save_again(lab: Lab, built: Built, folder: Path) -> dict[str, Path]:
    """The files that the debugger wrote, by way."""
    from tests.lab.lab import to_windows

    files = {way: folder / f"{way}.dmp" for way in WAYS}
    commands = [f".dump /{way} {to_windows(path)}" for way, path in files.items()]
    lab.debugger(built.path, commands, symbol_path=str(built.symbols), image_path=str(built.images))
    return {way: path for way, path in files.items() if path.is_file()}


def report_on(path: Path, built: Built) -> Report:
    with closing(NativeEngine(str(path), symbols=symbols_of(built))) as engine:
        return triage(engine)


def confidences(report: Report) -> Iterator[tuple[str, Confidence]]:
    """How sure a report is of each thing that a smaller file may be less sure of."""
    assert report.origin is not None
    yield f"origin {report.origin.kind.value}", report.origin.confidence
    yield report.findings[0].what, report.findings[0].confidence


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name not in FROM_OUTSIDE])
def test_a_dump_that_was_saved_again_is_judged_as_its_source(lab_today: Lab, name: str, tmp_path: Path) -> None:
    built = built_or_skip(name)
    saved = save_again(lab_today, built, tmp_path)
    assert set(saved) == set(ways_of(name))
    source = report_on(built.path, built)
    for way, path in saved.items():
        check_against(report_on(path, built), source, WAYS[way])


def check_against(report: Report, source: Report, kind: DumpKind) -> None:
    assert report.dump is not None
    assert source.dump is not None
    assert report.problems == ()
    assert report.dump.kind is kind
    assert report.dump.saved_again
    assert report.dump.truncated in (False, None)
    assert report.live in (source.live, None)
    assert report.bug_check == source.bug_check
    assert report.dump.captured_at == source.dump.captured_at
    assert kernel_modules(report) == kernel_modules(source)
    the_stack_is_the_same_as_far_as_it_goes(report, source)
    never_surer(report, source)


def kernel_modules(report: Report) -> list[tuple[str, int, int | None, int | None]]:
    assert report.modules is not None
    return [(each.name, each.base, each.size, each.timestamp) for each in report.modules if not each.user]


def the_stack_is_the_same_as_far_as_it_goes(report: Report, source: Report) -> None:
    """A triage dump has no user mode, and at most 32 KB of stack: its last row may lack its caller and its name."""
    assert report.stack is not None
    assert source.stack is not None
    ours, theirs = (
        [(frame.child_sp, frame.return_address, frame.call_site) for frame in each.stack.frames if frame.kernel_mode]
        for each in (report, source)
    )
    assert len(ours) >= 2
    assert ours[:-1] == theirs[: len(ours) - 1]
    assert ours[-1][0] == theirs[len(ours) - 1][0]


def never_surer(report: Report, source: Report) -> None:
    known = dict(confidences(source))
    for what, confidence in confidences(report):
        assert what in known or what.startswith(("origin unknown", "live or crash: not known"))
        assert confidence.rank >= known.get(what, Confidence.NONE).rank, what
    assert report.origin is not None
    assert source.origin is not None
    assert report.origin.kind in (source.origin.kind, OriginKind.UNKNOWN)
