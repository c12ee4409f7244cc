"""What ``livedump triage`` shows of many dumps: which, how many, in which columns, in groups or in a few lines."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from livedump.frontends.choosing import moment
from livedump.frontends.command_line import main
from livedump.report.dump_row import DumpRow
from livedump.report.dump_table import COLUMNS, IMPORTANCE, layout_for, table_head, table_line
from livedump.report.groups import summary_lines
from tests.fleet.dumps import write
from tests.frontends.test_command_line import EXAMPLES, SYMBOLS, surroundings
from tests.report.test_dump_table import KNOWN
from tests.synth.kernel.scenarios import build as build_kernel

Triage = Callable[..., "tuple[int, str, str]"]


@pytest.fixture
def triage(capsys: pytest.CaptureFixture[str]) -> Triage:
    """What one call of the command printed: status, stdout, stderr."""

    def done(*arguments: str) -> tuple[int, str, str]:
        try:
            status = main(["triage", *arguments])
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        return (status, *capsys.readouterr())

    return done


@pytest.fixture
def three(tmp_path: Path) -> str:
    """Three dumps of two codes on three days."""
    write(tmp_path, "b.dmp", code=0x141, captured=1_700_000_000)  # 2023-11-14 22:13:20 UTC
    write(tmp_path, "a.dmp", code=0x161, captured=1_700_100_000)  # 2023-11-16 02:00:00 UTC
    write(tmp_path, "more/c.dmp", code=0x141, captured=1_600_000_000)  # 2020-09-13 12:26:40 UTC
    return str(tmp_path)


def names(text: str) -> list[str]:
    return [row["name"] for row in csv.DictReader(io.StringIO(text, newline=""))]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (("--until", "2023-11-14"), ["b.dmp", "c.dmp"]),  # to the end of that day
        (("--until", "2023-11-14T22:13:19"), ["c.dmp"]),
        (("--since", "2023-11-01", "--until", "2023-11-15"), ["b.dmp"]),
        (("--since", "7d"), []),
        (("--top", "1"), ["a.dmp"]),
    ],
)
def test_rows_are_chosen_by_time_and_number(
    triage: Triage, three: str, chosen: tuple[str, ...], expected: list[str]
) -> None:
    status, text, _ = triage("--headers", "--format", "csv", "--sort", "name", *chosen, three)
    assert (status, names(text)) == (0, expected)


NOW = datetime(2026, 5, 14, 11, 18, tzinfo=timezone.utc)


def test_times_are_said_as_people_say_them() -> None:
    now, day = datetime.now(timezone.utc), timedelta(days=1)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    assert abs(moment()("7d") - (now - 7 * day)) < timedelta(minutes=1)
    assert abs(moment()("90m") - (now - timedelta(minutes=90))) < timedelta(minutes=1)
    assert abs(moment()("yesterday") - (midnight - day)) <= day  # should midnight pass meanwhile
    assert moment()("2026-05-14T11:18Z") == NOW
    assert moment(last=True)("2026-05-14") == datetime(2026, 5, 14, 23, 59, 59, 999_999, tzinfo=timezone.utc)


@pytest.mark.skipif(shutil.which("clang") is None, reason="needs clang, lld-link")
@pytest.mark.parametrize(
    ("chosen", "matches"),
    [
        (("--driver", "stornvme.sys"), 1),
        (("--driver", "STORNVME"), 1),
        (("--driver", "storn"), 0),
        (("--symptom", "blocked"), 1),
        (("--symptom", "deadlock"), 0),
        (("--process", "no such"), 0),
    ],
)
def test_rows_are_chosen_by_what_went_on(triage: Triage, chosen: tuple[str, ...], matches: int) -> None:
    built = build_kernel("storage-stall")
    _, text, _ = triage(str(built.path), "-y", str(built.symbols), *chosen)
    assert text.splitlines()[-1].startswith(f"{matches} of 1 dump match{'es' if matches == 1 else ''}")


def test_rows_are_chosen_by_the_process_that_asked(triage: Triage) -> None:
    _, text, _ = triage(str(EXAMPLES), "-y", SYMBOLS, "--process", "taskmgr", "--format", "csv")
    assert names(text) == ["taskmgr.dmp"]


def test_counts_stand_under_the_table(triage: Triage, three: str, tmp_path: Path) -> None:
    write(tmp_path, "d.dmp")
    (tmp_path / "d.dmp").write_bytes(b"hello")
    _, text, _ = triage("--headers", three)
    assert text.splitlines()[-2:] == ["", "4 dumps: 3 live dumps, 1 could not be judged"]
    _, text, _ = triage("--headers", "--quiet", three)
    assert len(text.splitlines()) == 2 + 4


def test_nothing_that_matches_is_said(triage: Triage, three: str, tmp_path: Path) -> None:
    status, text, _ = triage("--headers", "--code", "9f", three)
    assert (status, text.splitlines()[-1]) == (0, "0 of 3 dumps match")
    status, text, said = triage("--headers", "--code", "9f", "--format", "csv", three)
    assert (status, text.count("\n"), said) == (0, 1, "livedump triage: 0 of 3 dumps match\n")
    (tmp_path / "empty").mkdir()
    assert triage(str(tmp_path / "empty"))[1].splitlines()[-1] == "no dumps"


def test_groups_are_lines_the_largest_first(triage: Triage, three: str) -> None:
    _, text, _ = triage("--headers", "--by", "code", three)
    lines = [re.split(r" {2,}", line.strip()) for line in text.splitlines()]
    assert lines[0] == ["Dumps", "Group", "First", "Last", "One of them"]
    assert [line[:4] for line in lines[2:4]] == [
        ["2", "0x141 VIDEO_ENGINE_TIMEOUT_DETECTED", "2020-09-13 12:26:40", "2023-11-14 22:13:20"],
        ["1", "0x161 LIVE_SYSTEM_DUMP", "2023-11-16 02:00:00", "2023-11-16 02:00:00"],
    ]
    assert text.splitlines()[-1] == "3 dumps: 3 live dumps"


def test_only_the_largest_groups_are_named_if_so_many_are_asked_for(triage: Triage, three: str) -> None:
    _, text, _ = triage("--headers", "--by", "day", "--top", "1", three)
    assert "and 2 more groups of 2 dumps" in text
    _, text, _ = triage("--headers", "--by", "code", "--top", "1", "--format", "markdown", three)
    assert text.count("\n| ") == 2
    assert "and 1 more group of 1 dump" in text


def some_rows(count: int) -> list[DumpRow]:
    """Rows of many codes, origins, signatures, folders and days."""
    rows = []
    for number in range(count):
        moment_of = NOW + timedelta(hours=number)
        row = KNOWN._replace(
            folder=f"D:\\{number % 97}", name=f"{number}.dmp", captured_at=moment_of, live=True, complete=True
        )
        named = row._replace(code=number % 31, code_name=None, signature=f"s{number % 211}", symptoms=f"k{number % 53}")
        rows.append(named._replace(origin=f"o{number % 17}", origin_title=f"o{number % 17}"))
    return rows


def test_a_summary_of_thousands_has_not_more_than_sixteen_lines() -> None:
    lines = list(summary_lines(some_rows(5000), None, None, 100))
    assert 2 < len(lines) <= 16
    assert lines[0] == "5,000 dumps: 5,000 live dumps, in 97 folders\n"
    assert max(map(len, lines)) <= 100 + 1
    # 5,000 = 31 x 161 + 9: codes 0 to 8 have one dump more than the others.
    assert [line.split()[-2:] for line in lines if "by code" in line] == [["162", "0x0"]]
    assert "4,676  in 29 other groups" in map(str.strip, lines)


def test_a_summary_of_nothing_is_a_line(triage: Triage, three: str) -> None:
    assert triage("--headers", "--summary", "--code", "9f", three)[1] == "0 of 3 dumps match\n"


def test_columns_are_those_that_were_asked_for(triage: Triage, three: str) -> None:
    _, text, _ = triage(
        "--headers", "--format", "csv", "--sort", "name", "--columns", "name,code,uptime_seconds", three
    )
    assert text.splitlines()[0] == "name,code,uptime_seconds"
    _, text, _ = triage("--headers", "--columns", "code,name", three)
    assert text.splitlines()[0].split() == ["Code", "Name"]
    status, _, said = triage("--columns", "name,cod", three)
    assert (status, "did you mean code?" in said) == (2, True)
    status, _, said = triage("--columns", "name", "--format", "json", three)
    assert (status, "--columns are of a table" in said) == (2, True)


@pytest.mark.parametrize("width", [20, 40, 80, 100, 120, 200, 400])
def test_lines_fit_whatever_the_names_are(width: int) -> None:
    layout = layout_for(width)
    long = KNOWN._replace(name="n" * 300, process="p\x1b[31m" * 50, signature="s" * 300, folder="f" * 300)
    for row in (KNOWN, long, long._replace(error="e" * 500, error_category="damaged")):
        line = table_line(row, layout)
        assert len(line) <= max(width, layout.columns[0].width) + 1
        assert "\x1b" not in line
    assert len(table_head(layout).splitlines()[0]) <= max(width, 16)


def test_the_wider_the_terminal_the_more_columns_and_what_matters_most_comes_first() -> None:
    shown = [{column.field for column in layout_for(width).columns} for width in range(20, 300, 5)]
    for narrower, wider in zip(shown, shown[1:]):
        assert narrower <= wider
    assert shown[0] == set(IMPORTANCE[:1])
    assert shown[-1] == {column.field for column in COLUMNS} == set(IMPORTANCE)


def on_terminal(*arguments: str, columns: int = 80, **environment: str) -> str:
    """What the command prints on a terminal of that width."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    env = {**surroundings(), "COLUMNS": str(columns), "TERM": "xterm", **environment}
    env.pop("NO_COLOR", None) if "NO_COLOR" not in environment else None
    command = [sys.executable, "-m", "livedump", *arguments]
    running = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, env=env)
    os.close(theirs)
    said = b""
    try:
        while piece := os.read(ours, 4096):
            said += piece
    except OSError:  # Linux says so that the other end is closed
        pass
    running.wait(60)
    os.close(ours)
    return said.decode().replace("\r\n", "\n")


def test_on_a_terminal_a_table_is_as_wide_as_that(three: str) -> None:
    lines = on_terminal("triage", "--headers", three, columns=70).splitlines()
    assert max(map(len, lines)) <= 70
    wide = on_terminal("triage", "--headers", "--wide", three, columns=70).splitlines()
    assert wide[0].split()[-1] == "Folder"


def test_colours_mark_what_failed_and_no_color_leaves_them_out(tmp_path: Path) -> None:
    write(tmp_path, "a.dmp")
    (tmp_path / "b.dmp").write_bytes(b"hello")
    shown = on_terminal("triage", "--headers", str(tmp_path))
    assert [line.startswith("\x1b[31mb.dmp") for line in shown.splitlines() if ".dmp" in line].count(True) == 1
    assert shown.count("\x1b[31m") == 1
    assert "\x1b" not in on_terminal("triage", "--headers", str(tmp_path), NO_COLOR="1")
    assert "\x1b" not in on_terminal("triage", "--headers", str(tmp_path), TERM="dumb")
    assert "\x1b[31m" in on_terminal("triage", "--headers", str(tmp_path), NO_COLOR="")  # empty is not set


def test_verbose_says_how_long_and_where_symbols_are(triage: Triage, three: str) -> None:
    _, _, said = triage("--headers", "-v", "-y", "srv*https://user:secret@host/x", three)
    assert re.fullmatch(r"livedump triage: 3 dumps in \d+\.\d\d s; symbols: .*host/x\n", said)
    assert "secret" not in said


@pytest.mark.skipif(os.name == "nt", reason="Windows has places")
def test_windows_places_are_listed_on_every_system(triage: Triage) -> None:
    status, text, said = triage("--where")
    assert (status, said) == (0, "")
    for place in (r"%LocalAppData%\Microsoft\Windows\TaskManager\LiveKernelDumps", r"%SystemRoot%\LiveKernelReports"):
        assert place in text
    assert r"CrashControl\FullLiveKernelReports\LiveKernelReportsPath" in text


def test_a_list_may_name_what_is_read(triage: Triage, three: str, tmp_path: Path) -> None:
    (tmp_path / "list").write_text(f"{three}/a.dmp\n{three}/more\n")
    _, text, _ = triage("--headers", "--format", "csv", "--sort", "name", f"@{tmp_path / 'list'}")
    assert names(text) == ["a.dmp", "c.dmp"]
