"""A pass that is broken off, by Ctrl+Break or by its limit of time, shows what it found and what was not looked at."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import closing, redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest

from livedump.analysis.symptoms.reporting import report_dump
from livedump.engines.native import NativeEngine
from livedump.model.patience import Patience
from livedump.model.symptoms import AnalysisState
from tests.engines.test_contract import system_or_skip

if TYPE_CHECKING:
    from tests.synth.kernel.building import BuiltSystem


class Interrupted:
    """Breaks off at that call of a question of the engine, as Ctrl+Break does: pykd makes SystemExit of it."""

    def __init__(self, question: Callable[..., Any], error: type[BaseException], after: int) -> None:
        self.question = question
        self.error = error
        self.left = after

    def __call__(self, *arguments: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise self.error("CTRL+BREAK")
        return self.question(*arguments)


def broken_off(
    monkeypatch: pytest.MonkeyPatch, command: str, question: str, error: type[BaseException], after: int
) -> tuple[BuiltSystem, str]:
    """What a command prints that is broken off at some call of one of the engine's questions."""
    from livedump.engines import pykd
    from livedump.frontends import windbg

    built = system_or_skip("resource-deadlock")
    engine = NativeEngine(str(built.path), symbols=str(built.symbols))
    monkeypatch.setattr(engine, question, Interrupted(getattr(engine, question), error, after))
    monkeypatch.setattr(pykd, "PykdEngine", lambda: engine)
    monkeypatch.setattr(pykd, "shows_links", lambda: False)
    monkeypatch.setattr("sys.argv", [f"livedump{command}.py"])
    printed = io.StringIO()
    with redirect_stdout(printed), closing(engine):
        windbg.run(command)
    return built, printed.getvalue()


BROKEN_OFF = "livedump: interrupted; what was seen until then stands above, with what was not looked at"


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_a_pass_that_is_broken_off_at_once_leaves_the_table_and_says_so(
    error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, said = broken_off(monkeypatch, "info", "census", error, after=0)
    lines = said.splitlines()
    assert lines[0].startswith("Live dump")
    assert "Looking at what was going on (Ctrl+Break ends it): threads, interrupted" in lines
    assert said.count("it was interrupted before any thread was looked at") >= 1
    assert lines[-1] == BROKEN_OFF


def test_a_pass_that_is_broken_off_shows_what_it_found_and_what_was_not_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, said = broken_off(monkeypatch, "info", "memory_use", SystemExit, after=0)
    assert "\n1. deadlock" in said.lower()
    assert "it was interrupted before this was looked at" in said
    assert said.splitlines()[-1] == BROKEN_OFF


def test_stacks_that_were_not_looked_at_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    built, said = broken_off(monkeypatch, "stacks", "thread_stack", SystemExit, after=3)
    there = sum(bool(each.frames) for each in built.truth.threads)
    (left,) = re.findall(r"it was interrupted: the stacks of (\d+) threads were not looked at", said)
    assert 0 < int(left) <= there - 3
    assert said.splitlines()[-1] == BROKEN_OFF


class Steps(Patience):
    """Patience for so many questions, whatever the clock says."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.left = steps

    def __call__(self) -> bool:
        self.left -= 1
        return self.left >= 0


@pytest.mark.parametrize("steps", [0, 1, 5, 30, 100, 200])
def test_whenever_time_ends_nothing_that_was_not_looked_at_is_none(steps: int) -> None:
    built = system_or_skip("resource-deadlock")
    with closing(NativeEngine(str(built.path), symbols=str(built.symbols))) as engine:
        symptoms = report_dump(engine, time=Steps(steps)).symptoms
        whole = report_dump(engine).symptoms
    assert symptoms is not None
    assert whole is not None
    for name in ("processors", "stacks", "waits", "memory", "requests"):
        early, late = getattr(symptoms, name), getattr(whole, name)
        assert early == late or "time limit" in early.reason or "not looked at" in early.reason, name
        assert early.state is not AnalysisState.NONE or late.state is AnalysisState.NONE, name
    assert {each.kind for each in symptoms.findings} <= {each.kind for each in whole.findings}
