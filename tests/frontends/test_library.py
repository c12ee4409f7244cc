"""``import livedump`` as its user meets it."""

from __future__ import annotations

import json
import pydoc
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import livedump
from tests.frontends.test_command_line import EXAMPLES, POWERSHELL, ROOT, SYMBOLS, TASKMGR, surroundings
from tests.synth.kernel.scenarios import build as build_kernel
from tests.synth.kernel.scenarios import build_series
from tests.synth.listings import SECOND


def test_a_dump_answers_as_the_command_does() -> None:
    with livedump.open(POWERSHELL, symbols=SYMBOLS) as dump:
        assert [frame.call_site for frame in dump.stack.frames] == [line.split()[-1] for line in SECOND.splitlines()]
        assert dump.report.origin is not None
        assert dump.report.origin.title == "PowerShell Get-StorageDiagnosticInfo"
        assert str(dump).startswith("Live dump, taken by PowerShell Get-StorageDiagnosticInfo (certain)")
        assert repr(dump) == f"<livedump.OpenDump {POWERSHELL!r}>"


@pytest.mark.skipif(shutil.which("clang") is None, reason="needs clang, lld-link")
def test_lists_and_findings_are_those_of_the_system_that_was_captured() -> None:
    built = build_kernel("storage-stall")
    truth = built.truth
    with livedump.open(built.path, symbols=str(built.symbols)) as dump:
        assert {each.address for each in dump.threads} == {each.address for each in truth.threads}
        assert [each.address for each in dump.processes] == [each.address for each in truth.processes[1:]]
        assert set(truth.module_bases.values()) <= {module.base for module in dump.modules}
        kinds = {finding.kind.value for finding in dump.symptoms.findings}
        assert {each.kind for each in truth.expected if not each.optional} <= kinds
        assert len(dump.ask("requests").findings) > 0
        assert dump.read(truth.kernel_base, 2) == b"MZ"


def test_an_answer_stays_when_the_dump_is_closed() -> None:
    with livedump.open(TASKMGR) as dump:
        report = dump.report
    assert dump.report is report


def test_what_is_no_dump_is_an_error_with_a_category(tmp_path: Path) -> None:
    (tmp_path / "bad.dmp").write_bytes(b"MDMP" + bytes(0x3000))
    with pytest.raises(livedump.DumpError, match="user-mode minidump") as raised:
        livedump.open(tmp_path / "bad.dmp")
    assert raised.value.category == "not-a-kernel-dump"


def test_what_a_question_does_not_know_is_said() -> None:
    with livedump.open(TASKMGR) as dump:
        with pytest.raises(TypeError, match="stack has no option processer; it has every, processor"):
            dump.ask("stack", processer=1)
        with pytest.raises(KeyError):
            dump.ask("stak")
        assert len(dump.ask("codes").codes) == 74


def test_a_notebook_shows_the_report_and_runs_nothing_that_a_name_holds(tmp_path: Path) -> None:
    path = tmp_path / "<img src=x onerror=alert(1)>.dmp"
    path.write_bytes(Path(TASKMGR).read_bytes())
    with livedump.open(path, symbols=SYMBOLS) as dump:
        shown = dump._repr_html_()
    assert "Live dump, taken by Task Manager (certain)" in shown
    assert "<img" not in shown
    assert "&lt;img" in shown


def test_triage_gives_a_row_for_each_dump_and_says_what_it_leaves_out(tmp_path: Path) -> None:
    (tmp_path / "no.dmp").write_bytes(b"hello")
    with pytest.warns(RuntimeWarning, match=r"nothing\.zip: no dump is in this archive"):
        rows = list(livedump.triage([EXAMPLES, str(tmp_path), empty_archive(tmp_path)], symbols=SYMBOLS, jobs=1))
    assert {row.name: row.origin for row in rows} == {
        "taskmgr.dmp": "task-manager",
        "powershell.dmp": "powershell-storage-diagnostics",
        "no.dmp": None,
    }
    assert [row.error_category for row in rows if row.failed] == ["not-a-kernel-dump"]


def empty_archive(folder: Path) -> Path:
    import zipfile

    path = folder / "nothing.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no dumps")
    return path


def test_one_path_is_enough_and_headers_are_all_that_is_read() -> None:
    (row,) = livedump.triage(TASKMGR, headers=True)
    assert (row.code, row.text, row.reporter) == (0x161, "Taskmgr", None)


def test_a_batch_that_nobody_goes_on_with_ends_its_processes() -> None:
    script = (
        "import livedump, sys\n"
        "rows = livedump.triage(sys.argv[1:], jobs=2)\n"
        "print(next(rows).name, flush=True)\n"
        "rows.close()\n"
        "from pathlib import Path\n"
        "children = Path('/proc/self/task').glob('*/children')\n"
        "print('left:', *(path.read_text() for path in children))\n"
    )
    command = [sys.executable, "-c", script, *[TASKMGR, POWERSHELL] * 20]
    ended = subprocess.run(command, capture_output=True, text=True, env=surroundings(), timeout=120, check=True)
    assert ended.stdout.split("left:")[1].split() == []


@pytest.mark.skipif(shutil.which("clang") is None, reason="needs clang, lld-link")
def test_two_dumps_of_one_boot_are_compared_whatever_they_are_given_as() -> None:
    first, *_, last = build_series("leak")
    symbols = str(first.symbols)
    compared = livedump.diff(first.path, last.path, symbols=symbols)
    assert compared.refused is None
    assert compared.findings
    with livedump.open(last.path, symbols=symbols) as dump:
        assert livedump.diff(dump, livedump.open(first.path, symbols=symbols).report).findings == compared.findings


def test_pandas_and_polars_take_the_rows() -> None:
    rows = list(livedump.triage(EXAMPLES, headers=True))
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(iter(rows))
    assert tuple(frame.columns) == livedump.DumpRow._fields
    assert set(frame["text"]) >= {"Taskmgr"}
    polars = pytest.importorskip("polars")
    table = polars.DataFrame(rows)
    assert tuple(table.columns) == livedump.DumpRow._fields
    assert [each.replace(tzinfo=None) for each in table["captured_at"]] == [
        row.captured_at.replace(tzinfo=None) for row in rows if row.captured_at
    ]


def test_to_import_it_imports_nothing_else() -> None:
    script = "import sys; before = set(sys.modules); import livedump; print(*sorted(set(sys.modules) - before))"
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, env=surroundings(), timeout=60, check=True)
    assert set(ended.stdout.split()) <= {"livedump", "__future__"}


def test_help_teaches_every_public_name() -> None:
    told = pydoc.plain(pydoc.render_doc(livedump))
    for name in set(livedump.__all__) - {"__version__"}:
        assert name in told
        assert getattr(livedump, name).__doc__
    assert 'with livedump.open("memory.dmp"' in told


def test_a_name_that_it_does_not_have() -> None:
    with pytest.raises(AttributeError, match="module 'livedump' has no attribute 'nothing'"):
        _ = livedump.nothing


def test_the_stable_names_are_written_down() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    listed = re.search(r"^\* \*\*Stable names\.\*\*(.*?)^\* ", text, re.MULTILINE | re.DOTALL)
    assert listed
    names = set(re.findall(r"`([\w.]+)`", listed[1]))
    members = {name for name in vars(livedump.OpenDump) if not name.startswith("_")} | {"path"}
    public = {*(name for name in livedump.__all__ if name != "__version__"), *(f"OpenDump.{name}" for name in members)}
    assert names == {*public, "livedump"}


NOTEBOOK = EXAMPLES / "first-look.ipynb"


def test_the_notebook_runs_and_keeps_no_output(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    for cell in code:
        if "pandas" in "".join(cell["source"]):
            pytest.importorskip("pandas")
    monkeypatch.chdir(EXAMPLES)
    names: dict[str, object] = {}
    for cell in code:
        exec(compile("".join(cell["source"]), NOTEBOOK.name, "exec"), names)  # noqa: S102 - our own
    assert "dump" in names
