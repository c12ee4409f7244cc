"""The command ``livedump triage``, as a program of its own where processes matter."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

import livedump
from livedump.frontends.command_line import main
from livedump.report.dump_row import DumpRow
from tests.engines.test_contract import built_or_skip
from tests.fleet.dumps import header, write
from tests.fleet.share import environment, rows_of
from tests.synth import build
from tests.synth.kernel.scenarios import build as build_kernel

posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def triage(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["triage", *arguments])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


@posix
def test_ctrl_c_stops_with_what_is_done(tmp_path: Path) -> None:
    write(tmp_path, *(f"{number:04d}.dmp" for number in range(400)))
    script = (
        "import sys; from livedump.fleet import local; from tests.fleet.dumps import Slow; "
        "local.LocalPool.__init__.__defaults__ = (None, None, Slow); "
        "from livedump.frontends.command_line import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", script, "triage", "--format", "jsonl", str(tmp_path)]
    with (tmp_path / "said").open("w+") as said:
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, env=environment(), text=True)
        assert running.stdout is not None
        beginning = running.stdout.readline() + running.stdout.readline()
        running.send_signal(signal.SIGINT)
        text = beginning + running.stdout.read()
        assert running.wait(30) == 130
        said.seek(0)
        message = said.read()
    assert 0 < len(list(map(json.loads, text.splitlines()))) < 400
    assert "stopped" in message
    assert "Traceback" not in message


def test_a_second_run_reads_only_what_is_new(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "dumps/old.dmp")
    saved = tmp_path / "results.db"
    arguments = ("--save", str(saved), "--format", "csv", str(tmp_path / "dumps"))
    triage(capsys, *arguments)
    with closing(sqlite3.connect(saved)) as database, database:
        database.execute("UPDATE dumps SET code = 0x1e")  # shown as long as it is not read again
    write(tmp_path, "dumps/new.dmp", code=0x141)
    rows = rows_of(triage(capsys, *arguments)[1])
    assert [row["code"] for row in rows] == ["0x141", "0x1e"]


@posix
def test_what_changed_is_read_again_though_size_and_time_are_as_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = write(tmp_path, "dumps/a.dmp")
    arguments = ("--save", str(tmp_path / "results.db"), "--format", "csv", str(tmp_path / "dumps"))
    triage(capsys, *arguments)
    before = path.stat()
    path.write_bytes(header(code=0x1E))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert [row["code"] for row in rows_of(triage(capsys, *arguments)[1])] == ["0x1e"]


def test_resume_needs_no_paths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "dumps/a.dmp")
    saved = str(tmp_path / "results.db")
    first = triage(capsys, "--save", saved, "--headers", "--format", "csv", str(tmp_path / "dumps"))
    assert triage(capsys, "--save", saved, "--resume", "--format", "csv") == first


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Three dumps of two codes on three days."""
    write(tmp_path, "b.dmp", code=0x141, captured=1_700_000_000)  # 2023-11-14 22:13:20 UTC
    write(tmp_path, "a.dmp", code=0x161, captured=1_700_100_000)  # 2023-11-16 02:00:00 UTC
    write(tmp_path, "c.dmp", code=0x141, captured=1_600_000_000)  # 2020-09-13 12:26:40 UTC
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--sort", "name"), "abc"),
        (("--sort", "time"), "cba"),
        (("--sort", "name", "--code", "141"), "bc"),
        (("--sort", "name", "--since", "2023-11-14T22:13:20Z"), "ab"),
        (("--sort", "name", "--since", "2023-11-15"), "a"),
        (("--sort", "name", "--origin", "error reporting"), "bc"),
    ],
)
def test_rows_are_chosen_and_sorted(
    three: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], expected: str
) -> None:
    _, text, _ = triage(capsys, "--headers", "--format", "csv", *arguments, str(three))
    names = [row["name"] for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert [Path(name).stem for name in names] == list(expected)


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_json_and_lines_of_json_hold_the_reports_objects(
    three: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    _, text, _ = triage(capsys, "--format", form, str(three))
    objects = json.loads(text) if form == "json" else [json.loads(line) for line in text.splitlines()]
    assert {each["schema"] for each in objects} == {"livedump/1"}
    assert sorted(Path(each["file"]["path"]).name for each in objects) == ["a.dmp", "b.dmp", "c.dmp"]


def test_no_dumps_are_an_empty_array(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, text, _ = triage(capsys, "--format", "json", str(tmp_path))
    assert (status, json.loads(text)) == (0, [])


def test_html_goes_to_a_file(three: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert triage(capsys, "--format", "html", "-o", str(page), str(three))[:2] == (0, "")
    assert page.read_text(encoding="utf-8").count("a.dmp") > 1


def test_parquet_has_the_rows_columns(three: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert triage(capsys, "--format", "parquet", "--sort", "name", "-o", str(tmp_path / "rows"), str(three))[0] == 0
    table = parquet.read_table(tmp_path / "rows").to_pydict()
    assert list(table) == list(DumpRow._fields)
    assert table["code"] == ["0x161", "0x141", "0x141"]
    assert table["captured_at"][2].timestamp() == 1_600_000_000


def test_info_and_triage_say_the_same_of_a_dump_in_csv_parquet_and_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    built = built_or_skip("wer-141-full")
    of_dump = (str(built.path), "-y", str(built.symbols))
    assert main(["info", "--format", "csv", *of_dump]) == 0
    of_info = capsys.readouterr().out
    assert triage(capsys, "--format", "csv", *of_dump)[1] == of_info
    assert triage(capsys, "--format", "parquet", "-o", str(tmp_path / "rows"), *of_dump)[0] == 0
    (kept,) = parquet.read_table(tmp_path / "rows").to_pylist()
    (row,) = rows_of(of_info)
    texts = {name: row[name] for name, value in kept.items() if isinstance(value, str)}
    assert texts == {name: value for name, value in kept.items() if isinstance(value, str)}
    (report,) = json.loads(triage(capsys, "--format", "json", *of_dump)[1])
    parameters = [row[f"parameter_{number}"] for number in range(1, 5)]
    assert [report["bug_check"]["code"], *report["bug_check"]["parameters"]] == [row["code"], *parameters]
    assert (report["verdict"], report["signature"]) == (row["verdict"], row["signature"])


def test_a_line_of_jsonl_is_an_item_of_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((Path(livedump.__file__).parent / "report" / "livedump-1.schema.json").read_text())
    for arguments in ((), ("--headers",)):
        lines = triage(capsys, *arguments, "--format", "jsonl", str(built_or_skip("wer-141-full").path))[1].splitlines()
        for line in lines:
            jsonschema.validate([json.loads(line)], schema)
        assert len(lines) == 1


def test_a_name_that_looks_like_a_formula_is_text_in_csv(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "=cmd.dmp")
    monkeypatch.chdir(tmp_path)
    assert rows_of(triage(capsys, "--format", "csv", "=cmd.dmp")[1])[0]["name"] == "'=cmd.dmp"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nothing to read"),
        (("--resume", "x"), "--save"),
        (("--resume", "--save", "gone.db"), "no file"),
        (("--format", "html", "x"), "-o FILE"),
        (("--save", "no/such/folder.db", "x"), "no/such/folder.db"),
        (("-o", "no/such/folder.csv", "x"), "No such file"),
    ],
)
def test_misuse_says_what_is_wrong(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str) -> None:
    status, text, message = triage(capsys, *arguments)
    assert (status, text) == (2, "")
    assert said in message


def test_json_says_why_a_stack_ends_and_what_groups_it(capsys: pytest.CaptureFixture[str]) -> None:
    # The stack of powershell-user is held to its end; of taskmgr-full the user half was left out when it was taken.
    whole, cut = build("powershell-user"), build("taskmgr-full")
    _, text, _ = triage(capsys, "--format", "jsonl", "-y", str(whole.symbols), str(whole.path), str(cut.path))
    kept = {Path(each["file"]["path"]): each for each in map(json.loads, text.splitlines())}
    assert kept[Path(whole.path)]["stack_end"] is None
    assert "is not captured" in kept[Path(cut.path)]["stack_end"]
    assert kept[Path(cut.path)]["signature"] == "task-manager"


def test_headers_alone_have_neither_signature_nor_stack(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, text, _ = triage(capsys, "--headers", "--format", "json", str(three))
    assert {(each["signature"], each["stack"], each["stack_end"]) for each in json.loads(text)} == {(None, None, None)}


def test_archives_inside_of_archives_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(tmp_path / "customer.zip", "w") as archive:
        archive.writestr("a.dmp", header())
        archive.writestr("more/inner.zip", b"PK")
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("one.cab", b"MSCF")
        archive.writestr("two.dmp.gz", b"")
    status, text, said = triage(capsys, "--headers", "--format", "csv", str(tmp_path))
    assert [Path(row["name"]).name for row in rows_of(text)] == ["a.dmp"]
    assert "customer.zip: more/inner.zip in it is not opened" in said
    assert "two.zip: 2 archives in it (one.cab, ...) are not opened" in said
    assert status == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@pytest.mark.parametrize("form", ["table", "csv", "json", "jsonl", "markdown", "html", "parquet"])
def test_a_name_that_is_no_text_gets_its_row(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    (tmp_path / "dumps").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/dumps/a\xff.dmp")).write_bytes(header())
    output, saved = tmp_path / "output", str(tmp_path / "results.db")
    for _ in range(2):  # read, and then taken from what is kept
        arguments = ("--save", saved, "--format", form, "-o", str(output), str(tmp_path / "dumps"))
        assert triage(capsys, *arguments)[::2] == (0, "")
        assert b"udcff.dmp" in output.read_bytes()


@pytest.mark.skipif(shutil.which("clang") is None, reason="needs clang, lld-link")
def test_a_folder_is_grouped_by_what_went_on(capsys: pytest.CaptureFixture[str]) -> None:
    stalled, quiet = build_kernel("storage-stall"), build_kernel("quiet")
    symbols = f"{stalled.symbols};{quiet.symbols}"
    _, grouped, _ = triage(capsys, str(stalled.path), str(quiet.path), "-y", symbols, "--by", "symptom")
    assert "    1  blocked:stornvme " in grouped
    assert "    1  nothing stands out " in grouped
    _, unasked, _ = triage(capsys, str(stalled.path), "-y", symbols, "--by", "symptom", "--no-symptoms")
    assert "    1  not known what went on " in unasked


def test_what_was_chosen_is_kept_for_a_batch_that_is_gone_on_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "dumps/one.dmp")
    saved = str(tmp_path / "results.db")
    chosen = ("--kind", "dump", "--kind", "log", "--no-symptoms", "--format", "csv")
    first = triage(capsys, str(tmp_path / "dumps"), "--save", saved, *chosen)
    assert triage(capsys, "--save", saved, "--resume", "--format", "csv") == first
