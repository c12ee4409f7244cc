"""Folders and support bundles in which dumps, logs and records lie side by side."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from livedump.frontends.command_line import main
from tests.companions.evtx_file import evtx_bytes
from tests.companions.test_records import WER_EVENT, event
from tests.engines.test_transcript_engine import session
from tests.synth import build


def triage(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    main(["triage", *arguments, "--format", "jsonl", "--jobs", "1"])
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def names(reports: list[dict[str, Any]]) -> set[str]:
    return {Path(report["file"]["path"]).name for report in reports}


def registered(built: Any, name: str, identity: str = "11111111") -> str:
    """The event by which Windows Error Reporting registers a made-up dump."""
    values = [f"{built.truth.code:x}", *(f"{value:x}" for value in built.truth.parameters), "10_0_26100"]
    strings = ["", "0", "LiveKernelEvent", "", "0", *values, *[""] * 4, f"C:\\Windows\\LiveKernelReports\\X\\{name}"]
    strings += ["", "", "0", f"{identity}-0000-4000-8000-000000000000"]
    return event("Windows Error Reporting", 1001, "".join(f"<Data>{text}</Data>" for text in strings))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a dump that was registered twice, a log of two dumps, a record without a dump, and other text."""
    built = build("wer-141-full")
    shutil.copy(built.path, tmp_path / "WATCHDOG-20240210-1259.dmp")
    again = registered(built, "WATCHDOG-20240210-1259.dmp")
    (tmp_path / "registered.xml").write_text(f"<Events>{again}{again}</Events>", "utf-8")
    (tmp_path / "gone.txt").write_text(WER_EVENT.replace("1259", "1301").replace("5f8d2f9e", "22222222"), "utf-8")
    (tmp_path / "two.log").write_text(session("one.dmp", 0x141) + session("two.dmp", 0x117), "utf-8")
    (tmp_path / "readme.txt").write_text("Please find attached what you asked for.\n" * 5, "utf-8")
    (tmp_path / "settings.xml").write_text("<a><b>1</b></a>", "utf-8")
    return tmp_path


def test_everything_in_a_folder_is_told_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reports = triage(capsys, str(folder))
    assert sorted(Path(report["file"]["path"]).name for report in reports) == [
        "WATCHDOG-20240210-1259.dmp", "gone.txt", "two.log#1", "two.log#2",
    ]  # fmt: skip
    [lost] = [report for report in reports if report["engine"] == "record"]
    assert any(note.startswith("no dump is at hand") for note in lost["notes"])


def test_a_record_of_a_dump_that_is_there_is_its_evidence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [dump] = [report for report in triage(capsys, str(folder)) if report["engine"] == "native"]
    facts = [each["fact"] for finding in dump["findings"] for each in finding["evidence"] if each["rule"] == "record"]
    assert len(facts) == 1
    assert facts[0].startswith("Windows Error Reporting: a live dump with code 0x141 was recorded on 2024-02-10")


def test_info_pairs_records_with_their_dump_as_a_folder_does(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["registered.xml", "gone.txt", "WATCHDOG-20240210-1259.dmp", "two.log"]
    assert main(["info", "--format", "jsonl", "--no-symptoms", *(str(folder / name) for name in files)]) == 0
    reports = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    # The record of a dump that is there has no report of its own; that of another comes last.
    assert [report["engine"] for report in reports] == ["native", "transcript", "transcript", "record"]
    facts = [each["fact"] for finding in reports[0]["findings"] for each in finding["evidence"]]
    assert sum(fact.startswith("Windows Error Reporting: a live dump with code 0x141") for fact in facts) == 1
    assert "gone" in reports[-1]["file"]["path"] or "1301" in reports[-1]["file"]["path"]


def test_info_of_a_record_alone_is_its_report(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--format", "jsonl", str(folder / "registered.xml")]) == 0
    [report] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert report["engine"] == "record"


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (("dump",), {"WATCHDOG-20240210-1259.dmp"}),
        (("log",), {"two.log#1", "two.log#2"}),
        (("record",), {"gone.txt", "registered.xml"}),
        (("dump", "log"), {"WATCHDOG-20240210-1259.dmp", "two.log#1", "two.log#2"}),
    ],
)
def test_one_kind_alone(
    folder: Path, kinds: tuple[str, ...], expected: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert names(triage(capsys, str(folder), *(word for kind in kinds for word in ("--kind", kind)))) == expected


def test_a_support_bundle_is_read_with_its_node_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("evtx")
    built = build("wer-141-full")
    events = [registered(built, "WATCHDOG-1.dmp"), registered(built, "other.dmp", "33333333")]
    with zipfile.ZipFile(tmp_path / "HealthTest-S2D.zip", "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.write(built.path, "Node_SERVER1/LiveKernelReports/WATCHDOG-1.dmp")
        bundle.writestr("Node_SERVER1/Application.EVTX", evtx_bytes(events))
        bundle.writestr("Node_SERVER2/kd.log", session("three.dmp", 0x144))
        bundle.writestr("Node_SERVER2/SystemInfo.TXT", "Host Name: SERVER2\nOS Name: x\n" * 3)
    reports = triage(capsys, str(tmp_path))
    assert sorted(report["file"]["path"].partition("!/")[2] for report in reports) == [
        "Node_SERVER1/Application.EVTX#2", "Node_SERVER1/LiveKernelReports/WATCHDOG-1.dmp", "Node_SERVER2/kd.log",
    ]  # fmt: skip


def test_kept_results_pair_as_fresh_ones_do(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = str(tmp_path / "results.db")
    first = triage(capsys, str(folder), "--save", kept)
    again = triage(capsys, str(folder), "--save", kept)
    assert sorted(map(json.dumps, again)) == sorted(map(json.dumps, first))


def test_a_named_text_that_tells_of_no_dump_is_said_to(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [report] = triage(capsys, str(folder / "readme.txt"))
    assert report["dump"] is None
    assert "it looks like prose" in report["errors"][0]["message"]


def test_dumps_of_one_incident_are_told_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # the three sessions are of one moment: of the same system two, of another build one
    text = (
        session("one.dmp", 0x1A8)
        + session("two.dmp", 0x1B8)
        + session("three.dmp", 0x141).replace("26100 MP", "22621 MP")
    )
    (tmp_path / "three.log").write_text(text, "utf-8")
    main(["triage", str(tmp_path), "--by", "incident", "--jobs", "1"])
    printed = capsys.readouterr().out
    assert "2025-05-21 20:02 UTC: 0x1a8 + 0x1b8" in printed
    assert "2025-05-21 20:02 UTC: 0x141" in printed
