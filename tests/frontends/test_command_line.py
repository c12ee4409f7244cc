"""The command ``livedump`` as its user meets it."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from livedump import __version__
from livedump.frontends.command_line import main
from tests.engines.test_contract import built_or_skip, declared_or_skip
from tests.samples import CRASH_4A, CRASH_7E, sample_dumps
from tests.synth.listings import SECOND, SECOND_BUG_CHECK

ROOT = Path(__file__).parents[2]
HEADER = " # Child-SP          RetAddr           Call Site\n"
EXAMPLES = ROOT / "examples"
TASKMGR = str(EXAMPLES / "taskmgr.dmp")
POWERSHELL = str(EXAMPLES / "powershell.dmp")
SYMBOLS = str(EXAMPLES / "symbols")


def surroundings() -> dict[str, str]:
    """The environment of a process that is to find the package."""
    paths = [str(ROOT / "extensions"), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def run(*arguments: str, stdin: bytes | None = None, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The command as a process of its own."""
    env = {**surroundings(), **environment}
    command = [sys.executable, "-m", "livedump", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, env=env, timeout=60, check=False)


@pytest.fixture
def text(capsys: pytest.CaptureFixture[str]) -> object:
    """What one call of the command printed: status, stdout, stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        try:
            status = main(arguments)
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return call


def test_info_prints_verdict_table_and_evidence(text) -> None:  # type: ignore[no-untyped-def]
    status, out, err = text("info", TASKMGR, "-y", SYMBOLS)
    assert (status, err) == (0, "")
    assert out.startswith("Live dump, taken by Task Manager (certain): 0x161 LIVE_SYSTEM_DUMP, complete.\n\n")
    assert "\nFile " in out
    assert "Taskmgr.exe (id " in out
    assert ".bugcheck; .formats 00546173`6b6d6772" in out


def test_info_finds_powershell_by_the_frame(text) -> None:  # type: ignore[no-untyped-def]
    _, out, _ = text("info", POWERSHELL, "-y", SYMBOLS)
    assert out.startswith("Live dump, taken by PowerShell Get-StorageDiagnosticInfo (certain)")


def test_json_is_an_array_that_fits_its_written_schema(text) -> None:  # type: ignore[no-untyped-def]
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((ROOT / "extensions/livedump/report/livedump-1.schema.json").read_text())
    status, out, _ = text("info", TASKMGR, POWERSHELL, str(ROOT), "-y", SYMBOLS, "--format", "json")
    reports = json.loads(out)
    assert status == 1
    assert [report["origin"] and report["origin"]["kind"] for report in reports] == [
        "task-manager",
        "powershell-storage-diagnostics",
        None,
    ]
    jsonschema.validate(reports, schema)


def test_the_schema_knows_every_key_that_is_written(text) -> None:  # type: ignore[no-untyped-def]
    def unknown(value: object, schema: dict[str, Any], whole: dict[str, Any]) -> set[str]:
        if "anyOf" in schema:
            schema = schema["anyOf"][0]
        if "$ref" in schema:
            schema = whole["$defs"][schema["$ref"].rsplit("/", 1)[1]]
        if isinstance(value, dict):
            known = schema["properties"]
            found = set(value) - set(known)
            return found.union(*(unknown(item, known[key], whole) for key, item in value.items() if key in known))
        if isinstance(value, list) and "items" in schema:
            return set().union(*(unknown(item, schema["items"], whole) for item in value))
        return set()

    schema = json.loads((ROOT / "extensions/livedump/report/livedump-1.schema.json").read_text())
    _, out, _ = text("info", POWERSHELL, "-y", SYMBOLS, "--format", "json")
    assert unknown(json.loads(out), schema, schema) == set()


def test_csv_has_one_row_for_each_file(text) -> None:  # type: ignore[no-untyped-def]
    _, out, _ = text("info", TASKMGR, str(ROOT), "-y", SYMBOLS, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(row["origin"], row["text"], bool(row["error"])) for row in rows] == [
        ("task-manager", "Taskmgr", False),
        ("", "", True),
    ]


def test_markdown_has_table_and_stack(text) -> None:  # type: ignore[no-untyped-def]
    _, out, _ = text("info", TASKMGR, "-y", SYMBOLS, "--format", "markdown")
    assert "| Origin | Task Manager (certain) |" in out
    assert "nt!NtSystemDebugControl+0xc41bf" in out


def test_html_is_one_page(text) -> None:  # type: ignore[no-untyped-def]
    status, out, _ = text("info", TASKMGR, "-y", SYMBOLS, "--format", "html")
    assert status == 0
    assert out.startswith("<!DOCTYPE html>")
    assert "Task Manager" in out


def test_stack_is_k_byte_for_byte(text) -> None:  # type: ignore[no-untyped-def]
    status, out, err = text("stack", POWERSHELL, "-y", SYMBOLS)
    assert (status, out, err) == (0, HEADER + SECOND, "")


def test_stack_of_every_processor(text) -> None:  # type: ignore[no-untyped-def]
    built = built_or_skip("several-processors")
    status, out, _ = text("stack", str(built.path), "-y", str(built.symbols), "--all")
    assert status == 0
    assert [line for line in out.splitlines() if line.startswith("Processor")] == [f"Processor {n}" for n in range(4)]


def test_stack_of_a_processor_that_is_not_there(text) -> None:  # type: ignore[no-untyped-def]
    status, out, err = text("stack", TASKMGR, "-y", SYMBOLS, "--processor", "7")
    assert (status, out) == (1, "")
    assert "there is no processor 7" in err


def test_modules_are_listed_with_the_pdb_that_their_image_names(text) -> None:  # type: ignore[no-untyped-def]
    status, out, _ = text("modules", POWERSHELL)
    assert status == 0
    kernel = next(line for line in out.splitlines() if " nt " in line)
    assert kernel.startswith("fffff802`d5400000 ")  # listing 2: nt lies at fffff801`77e00000 plus 0x15d600000
    assert "ntkrnlmp.pdb " in kernel
    assert any(" mispace " in line and "mispace.pdb" in line for line in out.splitlines())


def test_contents_lists_the_nine_structures(text) -> None:  # type: ignore[no-untyped-def]
    status, out, _ = text("contents", TASKMGR)
    assert status == 0
    for name in ("KdDebuggerBlock", "Loaded module list", "KiProcessorBlock", "PRCBs", "Current stack",
                 "Current page directory", "KI_USER_SHARED_DATA", "NTOS kernel image", "HAL image"):  # fmt: skip
        assert f"\n{name} " in out


def test_contents_names_secondary_data_without_reading_it(text) -> None:  # type: ignore[no-untyped-def]
    built = declared_or_skip("triage-live-141")
    _, out, _ = text("contents", str(built.path))
    listed = out.split("Secondary data", 1)[1]
    for blob in built.truth.blobs:
        assert f"{blob.tag.upper()}  {len(blob.data):>7,}".split() == next(
            line.split()[:2] for line in listed.splitlines() if blob.tag.upper() in line
        )


def test_codes_lists_all_and_explains_one(text) -> None:  # type: ignore[no-untyped-def]
    _, out, _ = text("codes")
    assert len(out.splitlines()) == 74 + 2
    _, out, _ = text("codes", "161")
    assert out.startswith("LIVE_SYSTEM_DUMP (161)\n")
    status, _, err = text("codes", "zzz")
    assert (status, "not a hexadecimal code" in err) == (2, True)
    status, _, err = text("codes", "0xfffff")
    assert (status, "neither a known live dump code" in err) == (1, True)


def test_version_and_usage(text) -> None:  # type: ignore[no-untyped-def]
    assert text("--version")[:2] == (0, f"livedump {__version__}\n")
    assert text("info")[0] == 2
    assert text("nonsense")[0] == 2


BAD = {
    "empty": (b"", "is empty"),
    "text": (b"hello, this is a text\n" * 20, "not a kernel dump"),
    "truncated header": (b"PAGEDU64" + bytes(100), "inside its 0x2000-byte header"),
    "zeros": (bytes(0x10000), "interrupted before its header was written"),
    "user minidump": (b"MDMP" + bytes(0x3000), "user-mode minidump"),
    "zip": (b"PK\x03\x04" + bytes(0x3000), "zip archive"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_gets_one_clear_line(text, tmp_path: Path, kind: str) -> None:  # type: ignore[no-untyped-def]
    data, words = BAD[kind]
    path = tmp_path / "bad.dmp"
    path.write_bytes(data)
    status, out, err = text("info", str(path))
    assert (status, out) == (1, "")
    assert words in err
    assert err.count("\n") == 1
    assert str(path) in err


def test_a_folder_a_missing_file_and_a_huge_sparse_one(text, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    sparse = tmp_path / "sparse.dmp"
    with sparse.open("wb") as file:
        file.truncate(16 << 30)
    for path, words in ((tmp_path, "folder"), (tmp_path / "no.dmp", "cannot open"), (sparse, "interrupted")):
        status, out, err = text("info", str(path))
        assert (status, out, err.count("\n")) == (1, "", 1)
        assert words in err


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(text, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "locked.dmp"
    path.write_bytes(b"PAGEDU64")
    path.chmod(0)
    status, _, err = text("info", str(path))
    assert (status, "Permission denied" in err) == (1, True)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
def test_a_pipe_is_not_opened(text, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    status, _, err = text("info", str(pipe))
    assert (status, "not a regular file" in err) == (1, True)


def test_one_bad_file_does_not_keep_the_others_from_being_judged(text) -> None:  # type: ignore[no-untyped-def]
    status, out, err = text("info", "no-such.dmp", TASKMGR, "-y", SYMBOLS)
    assert status == 1
    assert "no-such.dmp" in err
    assert out.startswith("Live dump, taken by Task Manager")


@pytest.mark.skipif(os.name == "nt", reason="Windows allows no control characters in names")
def test_hostile_names_cannot_steer_the_terminal(text, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "a\x1b[31mb.dmp"
    path.write_bytes(b"")
    _, _, err = text("info", str(path))
    assert "\x1b" not in err
    assert "\\x1b[31m" in err


def test_a_saved_log_gives_the_same_verdict(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text(f"0: kd> .bugcheck\n{SECOND_BUG_CHECK}0: kd> kn\n{HEADER}{SECOND}")
    for result in (run("info", str(log)), run("info", "-", stdin=log.read_bytes())):
        assert result.returncode == 0, result.stderr
        assert b"taken by PowerShell Get-StorageDiagnosticInfo" in result.stdout


def test_nothing_heavy_is_imported_for_a_report() -> None:
    code = (
        "import sys; from livedump.frontends.command_line import main; main(sys.argv[1:]);"
        "heavy = {'urllib.request', 'http.client', 'ssl', 'sqlite3', 'multiprocessing', 'asyncio', 'rich'};"
        "sys.stderr.write(repr(sorted(heavy & set(sys.modules))))"
    )
    env = surroundings()
    command = [sys.executable, "-c", code, "info", TASKMGR, "-y", SYMBOLS]
    result = subprocess.run(command, capture_output=True, env=env, timeout=60, check=True)
    assert result.stderr == b"[]"


NOT_OF_A_VERDICT = {
    "livedump.companions",
    "livedump.dumpfile.blobs",
    "livedump.dumpfile.page_ranges",
    "livedump.dumpfile.pieces",
    "livedump.fleet",
    "livedump.images.version",
    "livedump.kernel.census",
    "livedump.kernel.kdbg_decoding",
    "livedump.kernel.structure_copies",
    "livedump.kernel.switch_frame",
    "livedump.model.contents",
    "livedump.model.engine",
    "livedump.model.examination",
    "livedump.model.modules",
    "livedump.model.patience",
    "livedump.model.stacks",
    "livedump.reference.guest_drivers",
    "livedump.symbols.files.download",
    "livedump.symbols.files.image_file",
    "livedump.unwind.arm64",
}
"""Of other questions, of few dumps, or of annotations alone: whole rooms by their names."""
WITH_DATA_CLASSES = {"dataclasses", "inspect", "ast", "dis", "copy"}


@pytest.mark.parametrize("dump", [TASKMGR, POWERSHELL])
@pytest.mark.parametrize("symbols", [(), ("-y", SYMBOLS)], ids=["without-symbols", "with-symbols"])
@pytest.mark.parametrize(
    ("form", "unwanted"),
    [
        ("table", {"json", "livedump.model.told", "livedump.reference.signature_lists", "livedump.report.codec"}),
        ("json", {"tabulate", "wcwidth", "livedump.report.plain", *WITH_DATA_CLASSES}),
        ("csv", {"tabulate", "wcwidth", "json", "livedump.report.plain", *WITH_DATA_CLASSES}),
    ],
)
def test_a_verdict_imports_nothing_that_it_does_not_rest_on(
    dump: str, symbols: tuple[str, ...], form: str, unwanted: set[str], tmp_path: Path
) -> None:
    code = (
        "import sys; from livedump.frontends.command_line import main; main(sys.argv[1:]);"
        "sys.stderr.write(chr(10).join(sys.modules))"
    )
    command = [sys.executable, "-c", code, "info", dump, "--no-symptoms", "--format", form, *symbols]
    environment = {**surroundings(), "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    run(*command[3:], HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path))  # what is made once for a PDB is made now
    result = subprocess.run(command, capture_output=True, env=environment, timeout=60, check=True)
    imported = set(result.stderr.decode().split())
    rooms = {".".join(name.split(".")[:2]) for name in imported}
    assert sorted((imported | rooms) & (NOT_OF_A_VERDICT | unwanted)) == []


def test_a_dump_is_closed_before_its_answer_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    import argparse

    from livedump.engines.native import NativeEngine
    from livedump.frontends import answering
    from livedump.frontends.questions import find_question

    engine = NativeEngine(TASKMGR, SYMBOLS)
    monkeypatch.setattr(answering, "opened", lambda *_: (engine,))
    options = argparse.Namespace(
        files=[TASKMGR], format="table", engine="native", timeout=60, memory=2048, symbol_path=SYMBOLS, redactor=None,
        verbose=False, no_symptoms=True, time=None,
    )  # fmt: skip
    (answer,) = answering.FileAnswers(find_question("info"), options)
    assert answer.record.origin.title == "Task Manager"
    with pytest.raises(ValueError, match="closed"):
        engine.read(answer.record.modules[0].base, 1)


def test_an_ascii_terminal_is_survived(tmp_path: Path) -> None:
    path = tmp_path / "dämp-ñ.dmp"
    path.write_bytes(Path(TASKMGR).read_bytes())
    result = run("info", str(path), "-y", SYMBOLS, PYTHONIOENCODING="ascii")
    assert result.returncode == 0
    assert b"d\\xe4mp-\\xf1.dmp" in result.stdout


@pytest.mark.skipif(len(sample_dumps()) < 2, reason="the real dumps are not part of the project")
def test_real_crash_dumps_are_read_and_not_called_live(text) -> None:  # type: ignore[no-untyped-def]
    _, out, _ = text("info", str(CRASH_4A), str(CRASH_7E), "--format", "json")
    first, second = json.loads(out)
    # logs/32: BUGCHECK_CODE 4a, BUGCHECK_P1 7ffe7350d0c4 ..., PROCESS_NAME notmyfault64.exe
    assert first["bug_check"]["code"] == "0x4a"
    assert first["bug_check"]["parameters"][0] == "0x00007ffe7350d0c4"
    assert first["process"]["name"] == "notmyfault64.e"
    assert second["bug_check"]["code"] == "0x1000007e"
    assert second["bug_check"]["name"] == "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED_M"
    for report in (first, second):
        assert (report["dump"]["type"], report["dump"]["live"], report["origin"]["kind"]) == (4, False, "crash")


def test_a_download_shows_how_far_it_has_come_on_a_terminal_only(capsys: pytest.CaptureFixture[str]) -> None:
    from livedump.frontends.answering import show_download
    from livedump.model.downloads import DownloadProgress

    show_download(DownloadProgress("ntkrnlmp.pdb", 3_200_000, 11_400_000))
    show_download(DownloadProgress("ntkrnlmp.pdb", 11_400_000, 11_400_000))
    first, last = capsys.readouterr().err.split("\r")[1::2]
    assert first.rstrip() == "ntkrnlmp.pdb: 3.2 of 11.4 MB"
    assert last.strip() == ""
