"""A dump full of secrets, and none in what any command prints of it."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from livedump.frontends.command_line import main
from livedump.frontends.questions import FORMATS, QUESTIONS
from tests.frontends.planted_dump import planted_dump, secrets_in
from tests.samples import SAMPLES

OF_DUMPS = [
    question.name for question in QUESTIONS if question.needs_dump and not (question.has_place or question.others)
]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, str]:
    path, symbols = planted_dump(tmp_path_factory.mktemp("planted"))
    return str(path), "-y", str(symbols)


def said_by(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    main(arguments)
    said = capsys.readouterr()
    return said.out + said.err


def test_the_secrets_are_there_without(dump: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    said = "".join(said_by(capsys, name, *dump, "--format", "json") for name in ("info", "requests", "modules"))
    assert set(secrets_in(said)) >= {"zoltan", "zquarter", "zqpayro", "zqhost", "zanzibar", "7a6f6c74616e71"}


@pytest.mark.parametrize("name", OF_DUMPS)
def test_no_command_tells_a_secret(name: str, dump: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    for form in FORMATS:
        assert not secrets_in(said_by(capsys, name, *dump, "--format", form, "--redact")), form
    assert not secrets_in(said_by(capsys, name, str(Path(dump[0]).with_name("zanzibar")), *dump, "--redact"))


def test_a_thread_tells_none_either(dump: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    for form in FORMATS:
        assert not secrets_in(said_by(capsys, "thread", *dump, "8fc", "--format", form, "--redact"))


def test_two_dumps_tell_none(dump: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    for form in FORMATS:
        assert not secrets_in(said_by(capsys, "diff", dump[0], dump[0], *dump[1:], "--format", form, "--redact"))


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "markdown", "html", "parquet"])
def test_triage_tells_none(
    form: str, dump: tuple[str, ...], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    (Path(dump[0]).parent / "broken-zanzibar.dmp").write_bytes(b"nothing of zoltan")
    output = tmp_path / "output"
    folder = str(Path(dump[0]).parents[2])
    said = said_by(capsys, "triage", folder, *dump[1:], "--redact", "--format", form, "-o", str(output))
    assert not secrets_in(said + output.read_bytes().decode("latin-1"))
    assert output.stat().st_size


def test_triage_in_groups_tells_none(dump: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    for by in ("symptom", "incident"):
        assert not secrets_in(said_by(capsys, "triage", dump[0], *dump[1:], "--redact", "--by", by))


def test_json_of_a_redacted_report_fits_the_schema(dump: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = ROOT / "extensions" / "livedump" / "report" / "livedump-1.schema.json"
    assert main(["info", *dump, "--format", "json", "--redact"]) == 0
    jsonschema.validate(json.loads(capsys.readouterr().out), json.loads(schema.read_text()))


def test_what_names_nobody_stays(dump: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    said = said_by(capsys, "info", *dump, "--redact")
    assert "40 threads wait behind thread 8a8.8fc of process-1, which waits in Ntfs!NtfsWaitSync" in said
    assert "netft!NetftWatchdogLiveDump+0xd7" in said
    assert r"Users/user-1" in said
    signature = said_by(capsys, "signature", *dump)
    assert signature.partition("\t")[0] == said_by(capsys, "signature", *dump, "--redact").partition("\t")[0]


def test_the_key_tells_what_was_replaced_to_its_owner_alone(
    dump: tuple[str, ...], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    key = tmp_path / "key.json"
    assert not secrets_in(said_by(capsys, "info", *dump, "--redact-key", str(key)))
    told = json.loads(key.read_text())
    assert (told["process-1"], told["user-1"]) == ("zqpayro.exe", "zoltan")
    if sys.platform != "win32":
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_log_tells_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "zoltan.txt"
    log.write_text(
        "Loading Dump File [C:\\Users\\zoltan\\Zquarter\\zqhost.dmp]\n"
        "Comment: 'zanzibar by zqmail@zqhost.corp'\n"
        "Symbol search path is: srv*\\\\zqhost\\zanzibar\n"
        "Machine Name: ZQHOST\n"
        "Windows 10 Kernel Version 19041 MP (8 procs) Free x64\n"
        "Bugcheck code 00000141\nArguments 007a6f6c`74616e71 00000000`00000000 00000000`00000000 00000000`00000000\n"
        "PROCESS_NAME:  zqpayro.exe\nIMAGE_NAME:  zqpayro.exe\n"
        "FAILURE_BUCKET_ID:  LKD_0x141_IMAGE_zqpayro.exe\n"
        "STACK_TEXT:\n"
        "ffff8000`00000000 fffff800`00000000 : 0 0 0 0 : watchdog!WdDbgReportRecreate+0x1\n"
        "00000000`0010f000 00007ff6`00001234 : 0 0 0 0 : zqpayro!main+0x1\n"
    )
    for form in FORMATS:
        for name in ("info", "stack", "signature"):
            assert not secrets_in(said_by(capsys, name, str(log), "--format", form, "--redact")), (name, form)


@pytest.mark.parametrize(
    "words",
    [
        "info --redact --fromat json /home/zoltan/a.dmp",
        "info --redact-key=/home/zoltan/key --format zoltan /home/zoltan/a.dmp",
        "info --redact @/home/zoltan/list",
        "info --redact-k /home/zoltan/key --format zoltan /home/zoltan/a.dmp",
        "mcp --red --timeout zoltan",
        "codes 161 /home/zoltan/a.dmp --redact",
        "zoltan --redact",
        "mcp --redact --allow /home/zoltan/none",
        "windbg install --redact --folder /home/zoltan/a;b",
        "triage --redact @/home/zoltan/list",
    ],
)
def test_what_is_wrong_with_a_line_is_said_without_names(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status: object = main(words.split())
    except SystemExit as ended:
        status = ended.code
    said = capsys.readouterr()
    assert (status, said.out, said.err.count("\n")) == (2, "", 1)
    assert "zoltan" not in said.err


def test_what_is_in_windbg_is_said_without_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, key = tmp_path / "zoltan", tmp_path / "key.json"
    folder.mkdir()
    monkeypatch.setenv("_NT_SYMBOL_PATH", r"srv*C:\Users\zoltan\symbols*https://zoltan.local/symbols")
    for action in ("install", "check", "uninstall"):
        assert main(["windbg", action, "--folder", str(folder), "--redact-key", str(key)]) == 0
        said = capsys.readouterr()
        assert said.out
        assert "zoltan" not in said.out + said.err
        assert "zoltan" in json.loads(key.read_text()).values()


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no samples here")
def test_reports_of_windows_tell_neither_path_nor_machine(capsys: pytest.CaptureFixture[str]) -> None:
    for path in sorted((SAMPLES / "field").glob("*.[wt][ex][rt]")):
        said = said_by(capsys, "info", str(path), "--format", "json", "--redact").lower()
        assert "\\users\\" not in said.replace("\\\\", "\\").replace("\\users\\user-", "")
