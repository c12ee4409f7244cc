"""The dumps of made-up series, each reported once; and the same reports as they come back from what was kept."""

from __future__ import annotations

import json
from functools import cache
from typing import NamedTuple

import pytest

from livedump.analysis.symptoms.reporting import report_dump
from livedump.engines.native import NativeEngine
from livedump.model.report import Report
from livedump.report.json_report import read_report, report_object
from tests.synth.kernel.building import BuiltSystem
from tests.synth.kernel.layout import BUILDS
from tests.synth.kernel.scenario_series import SERIES
from tests.synth.kernel.scenarios import build_series
from tests.synth.toolchain import ToolchainMissing


class Case(NamedTuple):
    """A series and the build on whose layout it is made."""

    name: str
    build: str

    def __str__(self) -> str:
        return f"{self.name}-{self.build}"


def cases(*names: str) -> tuple[Case, ...]:
    """Each of these series on three builds, in turn: every build has its turn."""
    places = (3 * list(SERIES).index(name) for name in names)
    return tuple(Case(name, BUILDS[(at + step) % len(BUILDS)]) for name, at in zip(names, places) for step in (0, 1, 2))


@cache
def dumps(case: Case) -> tuple[BuiltSystem, ...]:
    """The dumps. Skips where no compiler can make them."""
    try:
        return build_series(case.name, case.build)
    except ToolchainMissing as missing:
        pytest.skip(str(missing))


@cache
def reports(case: Case) -> tuple[Report, ...]:
    """What is reported of each."""
    return tuple(map(report_of, dumps(case)))


def report_of(built: BuiltSystem) -> Report:
    """The report on one dump."""
    engine = NativeEngine(str(built.path), str(built.symbols))
    try:
        return report_dump(engine, time=3_600)
    finally:
        engine.close()


def kept(report: Report) -> Report:
    """The report as it comes back from JSON."""
    return read_report(json.loads(json.dumps(report_object(report))))
