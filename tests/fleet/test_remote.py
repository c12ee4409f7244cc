"""Addresses: only what is asked for travels."""

from __future__ import annotations

import pytest

from livedump.fleet.judge import HowToRead, Judge, Judged
from livedump.fleet.remote import open_remote
from livedump.fleet.target import Depth, Target, TargetKind
from livedump.model.errors import EngineUnavailable, UnreadableFile
from tests.fleet.dumps import header

fsspec = pytest.importorskip("fsspec")


def stored(name: str, data: bytes) -> str:
    with fsspec.open(f"memory://livedump/{name}", "wb") as file:
        file.write(data)
    return f"memory://livedump/{name}"


def test_bytes_are_read_where_they_are_asked_for() -> None:
    source = open_remote(stored("a.bin", bytes(range(256)) * 1024))
    assert source.size == 256 * 1024
    assert source.read_at(0x1003, 4) == bytes([3, 4, 5, 6])
    assert source.read_at(source.size - 2, 10) == bytes([254, 255])
    assert source.read_at(source.size, 1) == b""
    source.close()


@pytest.mark.parametrize("depth", [Depth.HEADERS, Depth.FULL])
def test_a_dump_at_an_address_gets_its_row(depth: Depth) -> None:
    address = stored("a.dmp", header(code=0x141))
    outcome = Judge(HowToRead())(Target(address, address, TargetKind.REMOTE), depth)
    assert isinstance(outcome, Judged)
    assert (outcome.row.code, f"{outcome.row.folder}/{outcome.row.name}", outcome.row.error) == (0x141, address, None)


@pytest.mark.parametrize("address", ["memory://livedump/gone.dmp", "nosuchscheme://x/a.dmp"])
def test_what_is_not_there_is_an_error(address: str) -> None:
    with pytest.raises((UnreadableFile, EngineUnavailable)):
        open_remote(address)


def test_only_the_native_engine_reads_addresses() -> None:
    address = stored("b.dmp", header())
    outcome = Judge(HowToRead(engine="cdb"))(Target(address, address, TargetKind.REMOTE), Depth.FULL)
    assert isinstance(outcome, Judged)
    assert "native" in str(outcome.row.error)
