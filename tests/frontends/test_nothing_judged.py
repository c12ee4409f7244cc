"""One rule for all questions about what went on: where nothing could be looked at, the exit status says so."""

from __future__ import annotations

import pytest

from livedump.frontends.command_line import main
from tests.engines.test_contract import declared_or_skip, system_or_skip

ABOUT_THE_PASS = ("running", "stacks", "waits", "memory", "requests", "processes", "thread")


@pytest.mark.parametrize("name", ABOUT_THE_PASS)
@pytest.mark.parametrize("output", ["table", "json"])
def test_status_1_where_nothing_could_be_looked_at(name: str, output: str) -> None:
    built = declared_or_skip("x86-header")
    assert main([name, str(built.path), "--format", output]) == 1


@pytest.mark.parametrize("name", ABOUT_THE_PASS)
def test_status_0_where_something_could(name: str) -> None:
    built = system_or_skip("quiet")
    assert main([name, str(built.path), "-y", str(built.symbols)]) == 0


@pytest.mark.parametrize("name", ["stacks", "waits", "memory", "requests", "thread"])
def test_status_1_where_there_was_no_time_to_look(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    built = system_or_skip("quiet")
    assert main([name, str(built.path), "-y", str(built.symbols), "--time", "0"]) == 1
    printed = capsys.readouterr()
    assert "no thread is" not in printed.out
    assert "not looked at" in printed.out + printed.err or "before this was looked at" in printed.out


@pytest.mark.parametrize("name", ["info", "processes", "running"])
def test_status_0_where_something_is_known_before_any_thread_is(name: str) -> None:
    built = system_or_skip("quiet")
    assert main([name, str(built.path), "-y", str(built.symbols), "--time", "0"]) == 0


@pytest.mark.parametrize("name", ["stacks", "waits", "memory", "requests", "running", "processes"])
def test_beside_csv_it_is_said_why_there_are_no_rows_or_not_all(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    built = system_or_skip("quiet")
    asked = [name, str(built.path), "-y", str(built.symbols), "--time", "0", "--format", "csv"]
    main(asked)
    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    assert line.startswith(f"livedump: {built.path}: not ")
    assert "look" in line
    assert "looked" not in printed.out
    main([*asked, "-q"])
    assert capsys.readouterr() == (printed.out, "")
