"""What may be given to a stranger: never the dump, no name, and a word on what is not there."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZipFile

import pytest

from livedump.frontends.command_line import main
from tests.frontends.planted_dump import planted_dump, secrets_in


def test_a_zip_holds_the_redacted_report_and_says_what_it_leaves_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dump, symbols = planted_dump(tmp_path)
    output = tmp_path / "shared.zip"
    key = tmp_path / "key.json"
    arguments = ["share", str(dump), "-y", str(symbols), "-o", str(output), "--redact-key", str(key)]
    assert main(arguments) == 0
    with ZipFile(output) as archive:
        held = {name: archive.read(name).decode("utf-8") for name in archive.namelist()}
        assert {each.date_time for each in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert set(held) == {"report.html", "report.json", "left-out.txt"}
    assert not secrets_in("".join(held.values()))
    assert "waits in Ntfs!NtfsWaitSync" in held["report.html"]
    assert json.loads(held["report.json"])[0]["schema"] == "livedump/1"
    assert f"the dump itself, {dump.stat().st_size:,} bytes" in held["left-out.txt"]
    assert "zqpayro.exe" in json.loads(key.read_text()).values()
    assert held["left-out.txt"] in capsys.readouterr().out
    before = output.read_bytes()
    assert main(arguments) == 0
    assert output.read_bytes() == before


def test_redact_names_no_file_there_either(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Short for --redact-key, it would have taken the dump for the file to write the key to.
    dump, symbols = planted_dump(tmp_path)
    before = dump.read_bytes()
    assert main(["share", "--redact", str(dump), "-y", str(symbols), "-o", str(tmp_path / "shared.zip")]) == 0
    assert dump.read_bytes() == before
    assert "report.html" in capsys.readouterr().out


def test_of_what_is_no_dump_no_zip_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "zoltan.dmp").write_bytes(b"nothing")
    assert main(["share", str(tmp_path / "zoltan.dmp"), "-o", str(tmp_path / "shared.zip")]) == 1
    assert not (tmp_path / "shared.zip").exists()
    assert not secrets_in(capsys.readouterr().err)
