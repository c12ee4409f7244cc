"""Every made-up dump, saved again by either debugger in each way that it can: the verdict stays that of the source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from livedump.analysis.triage import triage
from livedump.engines.native import NativeEngine
from livedump.model.dump import DumpKind
from livedump.model.findings import Confidence, OriginKind
from livedump.model.frames import Stack
from livedump.model.images import Module
from livedump.model.report import Report
from tests.engines.test_contract import declared_or_skip, opens, symbols_of
from tests.synth import SCENARIOS, Built, build_spec, systems
from tests.synth.spec import LIVE, TASK_MANAGER, UNSET, DumpSpec

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
WAYS_OF_2017 = {"m": DumpKind.TRIAGE, "f": DumpKind.FULL}
"""That engine knows no dumps of ranges."""
FROM_OUTSIDE = ("qemu-guest", "elf2dmp")
"""A hypervisor's: no processor wrote them. The debugger shows processor 0, the stack of which a triage dump keeps."""
WITH_ALL_MEMORY = ("full-type1", "full-pfn", "bitmap-full-type5", "rdmp-9", "rdmp-a", *FROM_OUTSIDE)
"""``.dump /f`` and ``/k`` want a dump of all physical memory, ``/ka`` the PFN database, too."""
CANNOT_BE_SAVED = {
    "truncated": "KiProcessorBlock is cut off",
    "arm64-header": "no memory",
    "arm64-triage": "no current thread",
    "x86-header": "no memory",
    "encoded-kdbg": "the debugger decodes no KdDebuggerDataBlock",
}


def ways_of(lab: Lab, name: str) -> Mapping[str, DumpKind]:
    """The ways in which the debugger saves a made-up dump, and what each writes."""
    ways = WAYS if lab.engine != "2017" else WAYS_OF_2017
    if name in CANNOT_BE_SAVED or not opens(lab, name):
        return {}
    every = {*"mfk", "ka"} if name == "full-pfn" else {*"mfk"} if name in WITH_ALL_MEMORY else {"m"}
    return {way: kind for way, kind in ways.items() if way in every}


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


def stack_of_processor_0(built: Built) -> Stack:
    with closing(NativeEngine(str(built.path), symbols=symbols_of(built))) as engine:
        return engine.stack(0)


def confidences(report: Report) -> Iterator[tuple[str, Confidence]]:
    """How sure a report is of each thing that a smaller file may be less sure of."""
    assert report.origin is not None
    yield f"origin {report.origin.kind.value}", report.origin.confidence
    yield report.findings[0].what, report.findings[0].confidence


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_dump_that_was_saved_again_is_judged_as_its_source(lab: Lab, name: str, tmp_path: Path) -> None:
    built = declared_or_skip(name)
    ways = ways_of(lab, name)
    saved = save_again(lab, built, tmp_path)
    assert set(saved) == set(ways)
    source = report_on(built.path, built)
    for way, path in saved.items():
        shown = stack_of_processor_0(built) if name in FROM_OUTSIDE and way == "m" else source.stack
        check_against(report_on(path, built), source._replace(stack=shown), ways[way])


@pytest.mark.parametrize("attributes", [LIVE, 0, UNSET], ids=["live", "not live", "never written"])
def test_only_a_triage_dump_keeps_the_mark_of_a_live_dump(lab: Lab, attributes: int, tmp_path: Path) -> None:
    declared_or_skip("full-type1")
    system = replace(systems.asked_by("Taskmgr"), memory_runs=((0x1, 0x30), (0x60, 0x50)))
    spec = DumpSpec(system, 1, attributes, 0x161, (TASK_MANAGER, 0, 0, 0), live=True)
    built = build_spec(spec)
    saved = save_again(lab, built, tmp_path)
    assert {"m", "f"} <= set(saved)
    for way, path in saved.items():
        report = report_on(path, built)
        assert report.dump is not None
        assert report.origin is not None
        marked = way == "m" and attributes != 0  # PAGE has that bit, too
        assert report.dump.attributes == (LIVE if marked else None)
        assert report.origin.kind is OriginKind.TASK_MANAGER


def check_against(report: Report, source: Report, kind: DumpKind) -> None:
    assert report.dump is not None
    assert source.dump is not None
    assert report.problems == ()
    assert report.dump.kind is kind
    assert report.dump.saved_again
    assert report.dump.truncated in (False, None)
    assert report.live in (source.live, None)
    assert report.bug_check == source.bug_check
    assert (report.dump.captured_at, report.dump.uptime) == (source.dump.captured_at, source.dump.uptime)
    assert report.process == source.process or kind is DumpKind.TRIAGE
    assert all(map(is_same_module, kernel_modules(report), kernel_modules(source)))
    assert len(kernel_modules(report)) == len(kernel_modules(source))
    the_stack_is_the_same_as_far_as_it_goes(report, source)
    never_surer(report, source)


def kernel_modules(report: Report) -> list[Module]:
    assert report.modules is not None
    return [each for each in report.modules if not each.user]


def is_same_module(ours: Module, theirs: Module) -> bool:
    """The debugger of 2017 keeps no time stamp of an image whose header is not in the dump."""
    same = (ours.name, ours.base, ours.size) == (theirs.name, theirs.base, theirs.size)
    return same and ours.timestamp in (theirs.timestamp, None)


def the_stack_is_the_same_as_far_as_it_goes(report: Report, source: Report) -> None:
    """A triage dump has no user mode, and at most 32 KB of stack: its last row may lack its caller and its name."""
    assert report.stack is not None
    assert source.stack is not None
    ours, theirs = (
        [(frame.child_sp, frame.return_address, frame.call_site) for frame in each.frames if frame.kernel_mode]
        for each in (report.stack, source.stack)
    )
    assert len(ours) >= min(2, len(theirs))
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
