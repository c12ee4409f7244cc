"""Dumps that no Windows wrote: QEMU's of a running guest, and what elf2dmp makes of such."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from livedump.analysis.signature import signature_of
from livedump.analysis.triage import triage
from livedump.engines.native import NativeEngine
from livedump.model.findings import Confidence, OriginKind
from livedump.model.report import Report
from livedump.report.rows import table_rows, verdict
from tests.engines.test_contract import built_or_skip, symbols_of
from tests.synth import SCENARIOS, build_spec, systems
from tests.synth.spec import LIVE, UNSET, DumpSpec, MachineSpec

OUTSIDE = {"qemu-guest": OriginKind.QEMU_GUEST_DUMP, "elf2dmp": OriginKind.ELF2DMP}
PROCESSOR_1 = ("livedrv!LiveDrvSpin+0x2c", "livedrv!LiveDrvWorker+0x9d", "nt!ExpWorkerThread+0x155",
               "nt!PspSystemThreadStartup+0x57", "nt!KiStartSystemThread+0x34")  # fmt: skip


@contextmanager
def opened(path: Path, symbols: str | None) -> Iterator[NativeEngine]:
    engine = NativeEngine(str(path), symbols)
    try:
        yield engine
    finally:
        engine.close()


def report_on(name: str, symbols: bool = True) -> Report:
    built = built_or_skip(name)
    with opened(built.path, symbols_of(built) if symbols else None) as engine:
        return triage(engine)


@pytest.mark.parametrize("name", OUTSIDE)
def test_it_is_a_live_dump_that_no_process_asked_for(name: str) -> None:
    report = report_on(name)
    assert report.origin is not None
    assert (report.live, report.origin.kind, report.origin.confidence) == (True, OUTSIDE[name], Confidence.CERTAIN)
    assert report.process is None
    assert verdict(report).startswith("Live dump, taken by ")
    assert verdict(report).endswith(", complete.")


@pytest.mark.parametrize("name", OUTSIDE)
def test_the_time_of_capture_is_not_recorded(name: str) -> None:
    report = report_on(name)
    assert report.dump is not None
    assert (report.dump.captured_at, report.dump.uptime) == (None, None)
    rows = {row.label: row.value for row in table_rows(report)}
    assert (rows["Captured at"], rows["Uptime"]) == ("not recorded", "not recorded")
    assert any("the time of capture is not recorded" in note for note in report.notes)


@pytest.mark.parametrize("name", OUTSIDE)
def test_the_stack_is_that_of_a_processor_at_work(name: str) -> None:
    report = report_on(name)
    assert report.stack is not None
    assert report.stack.processor == 1
    assert tuple(frame.call_site for frame in report.stack.frames) == PROCESSOR_1


@pytest.mark.parametrize("name", OUTSIDE)
def test_every_processor_has_its_stack(name: str) -> None:
    built = built_or_skip(name)
    with opened(built.path, symbols_of(built)) as engine:
        sites = [engine.stack(number).frames[0].call_site for number in (0, 1)]
    assert sites == ["nt!KiIdleLoop+0x9e", "livedrv!LiveDrvSpin+0x2c"]


def test_without_symbols_it_is_only_likely() -> None:
    origin = report_on("qemu-guest", symbols=False).origin
    assert origin is not None
    assert (origin.kind, origin.confidence) == (OriginKind.QEMU_GUEST_DUMP, Confidence.LIKELY)


def test_a_pointer_in_parameter_1_changes_nothing() -> None:
    # QEMU leaves the guest driver's copy of the debugger block there where the guest keeps its own encoded.
    built_or_skip("qemu-guest")
    spec = replace(SCENARIOS["qemu-guest"].spec(), parameters=(0xFFFF840D43151010, 0, 0, 0))
    built = build_spec(spec)
    with opened(built.path, symbols_of(built)) as engine:
        origin = triage(engine).origin
    assert origin is not None
    assert origin.kind is OriginKind.QEMU_GUEST_DUMP


def test_a_system_without_drivers_for_guests_contradicts_it() -> None:
    built_or_skip("qemu-guest")
    spec = SCENARIOS["qemu-guest"].spec()
    modules = tuple(each for each in spec.machine.modules if each.key not in {"fwcfg", "viostor"})
    built = build_spec(replace(spec, machine=replace(spec.machine, modules=modules)))
    with opened(built.path, symbols_of(built)) as engine:
        origin = triage(engine).origin
    assert origin is not None
    assert origin.confidence is Confidence.LIKELY
    assert any("no driver for guests" in evidence.fact for evidence in origin.contradictions)


def saved_again(system: MachineSpec, attributes: int) -> Report:
    """The report on a dump of ranges, which only debuggers write."""
    built_or_skip("qemu-guest")
    built = build_spec(DumpSpec(system, 0xA, attributes, live=True))
    with opened(built.path, symbols_of(built)) as engine:
        return triage(engine)


def test_what_a_debugger_made_of_it_is_still_from_outside() -> None:
    report = saved_again(systems.guest_of_qemu(), UNSET)
    assert report.origin is not None
    assert report.dump is not None
    assert (report.origin.kind, report.origin.confidence) == (OriginKind.QEMU_GUEST_DUMP, Confidence.LIKELY)
    assert (report.process, report.dump.captured_at, report.dump.uptime) == (None, None, None)
    assert any("the header was prepared at" in note for note in report.notes)


def test_without_a_driver_for_guests_that_is_only_possible() -> None:
    system = systems.guest_of_qemu()
    modules = tuple(each for each in system.modules if each.key not in {"fwcfg", "viostor"})
    report = saved_again(replace(system, modules=modules), UNSET)
    assert report.origin is not None
    assert (report.origin.kind, report.origin.confidence) == (OriginKind.QEMU_GUEST_DUMP, Confidence.POSSIBLE)
    assert any("no driver for guests" in evidence.fact for evidence in report.origin.contradictions)


@pytest.mark.parametrize("attributes", [LIVE, UNSET], ids=["marked", "not marked"])
@pytest.mark.parametrize("system", [systems.asked_by("dumper"), systems.with_four_processors()], ids=["one", "four"])
def test_a_capture_on_the_stack_is_windows_own_whatever_the_header_says(system: MachineSpec, attributes: int) -> None:
    report = saved_again(system, attributes)
    assert report.origin is not None
    assert report.dump is not None
    assert report.origin.kind in (OriginKind.SYSTEM_DEBUG_CONTROL, OriginKind.POWERSHELL_STORAGE_DIAGNOSTICS)
    assert report.dump.captured_at is not None


def test_a_crash_in_a_full_dump_is_none_of_them() -> None:
    origin = report_on("full-type1").origin
    assert origin is not None
    assert origin.kind is OriginKind.CRASH


def test_the_signature_is_who_made_it() -> None:
    assert signature_of(report_on("qemu-guest")).text == "qemu-guest-dump"
