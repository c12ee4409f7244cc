"""What each of Microsoft's engines prints of a dump, saved with WinDbg's prompts, is judged as the dump itself is.

But for what such a text cannot hold: names of processes need extensions that neither engine has here, pages that were
captured and user-mode symbols need the dump.
"""

from __future__ import annotations

import functools

import pytest

from livedump.analysis.signature import signed
from livedump.analysis.triage import triage
from livedump.engines.native import NativeEngine
from livedump.engines.texts import engines_of
from livedump.model.findings import Confidence
from livedump.report.dump_row import DumpRow, dump_row
from tests.lab.lab import Lab, to_windows
from tests.synth import Built, build

pytestmark = pytest.mark.lab

COMMANDS = ("vertarget", "||", ".bugcheck", ".dumpdebug", "kn 100", "lm t n")
HELD = (
    "live", "type", "kind", "scope", "captured_at", "uptime_seconds", "machine", "build", "code", "code_name",
    "parameter_1", "parameter_2", "parameter_3", "parameter_4", "text", "origin", "origin_title",
    "reporter", "signature",
)  # fmt: skip
"""Columns of the row that the text holds."""
BOTH = (
    "taskmgr-full", "wer-141-full", "crash-d1", "full-type1", "bitmap-full-type5", "triage-live-141", "hotkey-1a8",
    "power-button-11c8", "arm64-triage",
)  # fmt: skip
TODAY = ("rdmp-8", "rdmp-9", "rdmp-a")
"""That of 2017 opens none of these."""


@functools.cache
def transcript(lab: Lab, name: str) -> str:
    """Banner, and each command's output below its prompt."""
    built = build(name)
    result = lab.debugger(built.path, COMMANDS, symbol_path=to_windows(built.symbols))
    banner = result.stdout.partition("\n<lab-")[0]
    printed = "".join(f"\n0: kd> {command}\n{output}" for command, output in zip(COMMANDS, result.outputs))
    return f"{banner}{printed}\n0: kd> q\nquit:\n"


def row_of_text(text: str) -> DumpRow:
    [engine] = engines_of(text, None, "saved.log")
    return dump_row(signed(triage(engine)))


def row_of_dump(built: Built) -> DumpRow:
    return dump_row(signed(triage(NativeEngine(str(built.path), str(built.symbols)))))


def held(row: DumpRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in HELD}


@pytest.mark.parametrize("name", BOTH)
def test_the_row_of_a_transcript_is_the_dumps_own(lab: Lab, name: str) -> None:
    assert held(row_of_text(transcript(lab, name))) == held(row_of_dump(build(name)))


@pytest.mark.parametrize("name", TODAY)
def test_a_transcript_of_a_range_dump(lab_today: Lab, name: str) -> None:
    assert held(row_of_text(transcript(lab_today, name))) == held(row_of_dump(build(name)))


@pytest.mark.parametrize("name", BOTH)
def test_a_transcript_is_never_surer_than_the_dump(lab: Lab, name: str) -> None:
    text, own = row_of_text(transcript(lab, name)), row_of_dump(build(name))
    assert Confidence(text.confidence).rank >= Confidence(own.confidence).rank
    assert text.complete in (None, own.complete)


def test_what_today_s_engine_prints_around_the_banner_is_no_damage(lab: Lab) -> None:
    [engine] = engines_of(transcript(lab, "taskmgr-full"), None, "saved.log")
    told = engine.dump().told
    assert told is not None
    assert told.doubts == ()


def test_two_sessions_of_one_engine_are_two_dumps(lab: Lab) -> None:
    text = transcript(lab, "taskmgr-full") + transcript(lab, "crash-d1")
    first, second = (engine.bug_check().code for engine in engines_of(text, None, "saved.log"))
    assert (first, second) == (0x161, 0xD1)
