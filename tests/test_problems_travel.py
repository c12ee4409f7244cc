"""What is not whole is said: whatever a reader computes about that has somebody who reads it, and reaches the user."""

from __future__ import annotations

import dataclasses
import gzip
import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import livedump
from livedump.engines.native import NativeEngine
from livedump.frontends.command_line import main
from livedump.model.listing import Listing
from livedump.model.processors import Process
from livedump.report.codec import encode
from livedump.report.dump_row import dump_row
from livedump.report.triage_page import triage_row
from tests.engines.test_contract import built_or_skip

DOUBTS = frozenset({"problem", "problems", "incomplete", "contradictory", "decoded", "complete", "overflowed"})
"""Names of fields and properties that say that something is not all there."""
NEED_EXTRAS = ("livedump.engines.pykd", "livedump.fleet", "livedump.frontends")


def doubting() -> Iterator[tuple[type, str]]:
    for found in pkgutil.walk_packages(livedump.__path__, "livedump."):
        if found.name.startswith(NEED_EXTRAS) or found.name.endswith("__main__"):
            continue
        module = importlib.import_module(found.name)
        for kind in vars(module).values():
            if not isinstance(kind, type) or kind.__name__.startswith("_"):
                continue
            if kind.__module__ == module.__name__ and not hasattr(kind, "_is_protocol"):
                record = dataclasses.is_dataclass(kind) or hasattr(kind, "_fields")
                fields = {*vars(kind), *(getattr(kind, "__annotations__", {}) if record else ())}
                computed = (name for name in fields & DOUBTS if record or isinstance(vars(kind)[name], property))
                yield from ((kind, name) for name in computed)


def watch(monkeypatch: pytest.MonkeyPatch, kind: type, name: str, readers: set[tuple[type, str]]) -> None:
    original: Any = vars(kind).get(name)

    def read(self: Any) -> Any:
        reader = sys._getframe(1).f_globals["__name__"]
        if reader.startswith("livedump.") and reader != kind.__module__:
            readers.add((kind, name))
        own = getattr(self, "__dict__", {})
        return own[name] if name in own else original.__get__(self, kind)

    def write(self: Any, value: Any) -> None:
        vars(self)[name] = value

    monkeypatch.setattr(kind, name, property(read, write), raising=False)


def damaged(source: Path, target: Path, changes: dict[int, bytes]) -> str:
    data = bytearray(source.read_bytes())
    for offset, new in changes.items():
        data[offset : offset + len(new)] = new
    target.write_bytes(data)
    return str(target)


def test_whatever_is_computed_about_what_is_missing_has_a_reader(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readers: set[tuple[type, str]] = set()
    computed = set(doubting())
    assert (Listing, "problem") in computed
    for kind, name in computed:
        watch(monkeypatch, kind, name, readers)
    for scenario in ("several-processors", "triage-live-141", "encoded-kdbg"):
        path = str(built_or_skip(scenario).path)
        for command in (
            ["info", "--format", "json"],
            ["info", "--format", "csv"],
            ["info"],
            ["contents"],
            ["modules"],
            ["stack", "--all"],
        ):
            main([*command, path])
    counted = built_or_skip("taskmgr-full")
    stalled = built_or_skip("storage-stall")
    main(["requests", str(stalled.path), "-y", str(stalled.symbols)])
    main(["diff", str(counted.path), str(counted.path), "-y", str(counted.symbols)])
    with livedump.open(counted.path) as dump:
        encode(triage_row(dump_row(dump.report), dump.report))  # as an assistant is given it
    capsys.readouterr()
    unread = {f"{kind.__module__}.{kind.__name__}.{name}" for kind, name in computed - readers}
    assert unread == set()


SENTENCE = "one entry is missing"
LISTS = {
    "modules": (["info"], ["info", "--format", "json"], ["info", "--format", "markdown"], ["info", "--format", "html"],
                ["modules"], ["contents"]),
    "unloaded_modules": (["modules"],),
    "secondary_data": (["contents"],),
    "processors": (["contents"], ["stack", "--all"]),
}  # fmt: skip


@pytest.mark.parametrize("question", LISTS)
def test_the_problem_of_each_list_reaches_the_user(
    question: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(built_or_skip("several-processors").path)
    answer = getattr(NativeEngine, question)

    def cut(engine: NativeEngine) -> Listing[Any]:
        return Listing(answer(engine).items, SENTENCE)

    monkeypatch.setattr(NativeEngine, question, cut)
    for command in LISTS[question]:
        main([*command, path])
        said = capsys.readouterr()
        assert SENTENCE in said.out + said.err, command


def test_the_list_of_processes_says_so_through_the_one_that_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(built_or_skip("several-processors").path)
    answer = NativeEngine.requester
    monkeypatch.setattr(NativeEngine, "requester", lambda engine: answer(engine)._replace(problem=SENTENCE))
    main(["info", path, "--format", "json"])
    report = json.loads(capsys.readouterr().out)[0]
    assert report["problems"] == [{"list": "processes", "message": SENTENCE}]
    assert any(SENTENCE in note for note in report["notes"])


def test_two_traces_that_lead_to_different_processes_are_a_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(built_or_skip("taskmgr-full").path)
    answer = NativeEngine.requester
    other = Process(0xFFFFA705DC563040, "System", 4, None)
    monkeypatch.setattr(NativeEngine, "requester", lambda engine: answer(engine)._replace(by_directory_table=other))
    main(["info", path])
    said = capsys.readouterr().out
    assert "the header has the page tables of System (id 4), the current thread ran in Taskmgr.exe (id 5932)" in said


def test_an_encoded_debugger_block_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    main(["info", str(built_or_skip("encoded-kdbg").path)])
    assert "the debugger data block is encoded" in capsys.readouterr().out


def test_a_triage_dump_says_what_does_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    built = built_or_skip("triage-live-141")
    # TRIAGE_DUMP64 at 0x2000: TriageOptions at +0x44 with 0x100 for "overflowed", ValidOffset at +0x08.
    whole = built.path.read_bytes()
    mark = int.from_bytes(whole[0x2008:0x200C], "little")
    options = int.from_bytes(whole[0x2044:0x2048], "little") | 0x100
    changes = {mark: bytes(4), 0x2044: options.to_bytes(4, "little")}
    main(["info", damaged(built.path, tmp_path / "overflowed.dmp", changes)])
    said = capsys.readouterr().out
    assert "not everything fitted" in said
    assert "the mark that Windows leaves at the end" in said


def test_modules_in_a_circle_are_said_everywhere(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    sample = Path(__file__).parents[2] / "shared" / "samples" / "hostile" / "module-list-circle.dmp.gz"
    if not sample.exists():
        pytest.skip("the hostile samples are not part of the project")
    path = tmp_path / "circle.dmp"
    path.write_bytes(gzip.decompress(sample.read_bytes()))
    for command in ("info", "modules", "contents"):
        main([command, str(path)])
        said = capsys.readouterr().out
        assert "runs in a circle" in said, command
        assert "Everything" not in said
