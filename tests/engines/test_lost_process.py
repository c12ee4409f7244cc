"""A process whose own page is garbage: neither name nor id is believed, and its images are found by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from livedump.analysis.triage import triage
from livedump.engines.native import NativeEngine
from livedump.model.findings import Confidence, OriginKind
from tests.engines.test_contract import declared_or_skip, symbols_of

PAGE = 0x1000


@contextmanager
def overwritten(folder: Path) -> Iterator[NativeEngine]:
    """The second listing's dump; the page of the process that asked holds nothing but 0xFF."""
    built = declared_or_skip("powershell-user")
    data = bytearray(built.path.read_bytes())
    page = data.index(b"WmiPrvSE.exe\0\0\0", 0x2000) & -PAGE
    data[page : page + PAGE] = b"\xff" * PAGE
    path = folder / "overwritten.dmp"
    path.write_bytes(data)
    engine = NativeEngine(str(path), symbols_of(built))
    try:
        yield engine
    finally:
        engine.close()


def test_garbage_is_no_process(tmp_path: Path) -> None:
    with overwritten(tmp_path) as engine:
        process = engine.requesting_process()
        assert (process.name, process.process_id, process.directory_table_base) == (None, None, None)


def test_the_stack_goes_on_through_images_that_no_list_names(tmp_path: Path) -> None:
    truth = declared_or_skip("powershell-user").truth
    with overwritten(tmp_path) as engine:
        found = [(frame.child_sp, frame.call_site) for frame in engine.stack().frames]
    assert found == [(frame.child_sp, frame.site) for frame in truth.stack]


def test_who_asked_is_still_seen_and_less_sure(tmp_path: Path) -> None:
    with overwritten(tmp_path) as engine:
        origin = triage(engine).origin
    assert origin is not None
    assert (origin.kind, origin.confidence) == (OriginKind.POWERSHELL_STORAGE_DIAGNOSTICS, Confidence.LIKELY)
    assert any("the requesting process is not known" in each.fact for each in origin.unasked)
