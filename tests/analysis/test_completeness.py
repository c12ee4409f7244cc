"""Complete is what was counted and found, not what a header says of itself."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from livedump.analysis.triage import triage
from livedump.engines.native import NativeEngine
from livedump.model.dump import Dump
from livedump.report.rows import verdict
from tests.engines.test_contract import built_or_skip

TYPE, SPACE, MARKED = 0xF98, 0xFA0, 0x2028
"""DumpType, RequiredDumpSpace, and the count of pages in the bitmap header."""


def changed(name: str, folder: Path, *changes: tuple[int, bytes], size: int | None = None) -> Path:
    data = bytearray(built_or_skip(name).path.read_bytes()[:size])
    for offset, new in changes:
        data[offset : offset + len(new)] = new
    path = folder / "changed.dmp"
    path.write_bytes(data)
    return path


def judged(path: Path) -> tuple[Dump, str]:
    engine = NativeEngine(str(path))
    try:
        report = triage(engine)
    finally:
        engine.close()
    assert report.dump is not None
    return report.dump, verdict(report)


def test_a_sound_dump_is_complete() -> None:
    dump, said = judged(built_or_skip("taskmgr-full").path)
    assert (dump.complete, dump.problems, dump.missing) == (True, (), ())
    assert said.endswith(", complete.")


def test_a_partial_live_dump_is_not() -> None:
    dump, said = judged(built_or_skip("partial").path)
    assert (dump.truncated, dump.complete) == (False, False)
    assert dump.missing == ("PRCBs (partly)", "some processors")
    assert said.endswith(", not complete.")


def test_a_header_of_no_known_type_is_not(tmp_path: Path) -> None:
    path = changed("taskmgr-full", tmp_path, (TYPE, bytes(4)), (SPACE, struct.pack("<q", 0x2000)), size=0x2000)
    dump, said = judged(path)
    assert dump.complete is False
    assert said.endswith(", not complete.")


def test_a_count_of_pages_that_the_bitmap_does_not_bear_out_is_not(tmp_path: Path) -> None:
    count = struct.unpack_from("<Q", built_or_skip("taskmgr-full").path.read_bytes(), MARKED)[0]
    dump, _ = judged(changed("taskmgr-full", tmp_path, (MARKED, struct.pack("<Q", count - 1))))
    assert dump.complete is False
    assert any(f"{count - 1:,} pages are promised, {count:,} are marked" in problem for problem in dump.problems)


def test_a_size_that_the_pages_do_not_fit_into_is_not(tmp_path: Path) -> None:
    dump, _ = judged(changed("taskmgr-full", tmp_path, (SPACE, struct.pack("<q", 0x4000))))
    assert dump.complete is False


@pytest.mark.parametrize("field", [TYPE, 0x2000, MARKED])
def test_a_lost_field_never_makes_a_dump_complete(field: int, tmp_path: Path) -> None:
    dump, _ = judged(changed("partial", tmp_path, (field, b"PAGEPAGE"[: 4 if field == TYPE else 8])))
    assert dump.complete is not True


def test_a_file_that_changes_while_it_is_read_is_said_to_have(tmp_path: Path) -> None:
    path = changed("taskmgr-full", tmp_path)
    engine = NativeEngine(str(path))
    try:
        assert engine.file_changed() is False
        with path.open("ab") as file:
            file.write(b"more")
        report = triage(engine)
    finally:
        engine.close()
    assert "the file changed while it was read" in report.notes
    assert report.dump is not None
    assert report.dump.complete is False
