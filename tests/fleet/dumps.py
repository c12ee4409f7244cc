"""Small dump files for batches: headers by hand, and judges that misbehave. Offsets: docs of DUMP_HEADER64."""

from __future__ import annotations

import os
import signal
import struct
import time
from pathlib import Path

from livedump.fleet.judge import HowToRead, Judge, Judged, Outcome
from livedump.fleet.local import Done
from livedump.fleet.target import Depth, Target
from livedump.report.dump_row import DumpRow

FILETIME_1970 = 116_444_736_000_000_000
LIVE = 0x10


def row_of(done: Done) -> DumpRow:
    """The row of a target that is no archive."""
    assert isinstance(done.outcome, Judged)
    return done.outcome.row


def header(code: int = 0x161, captured: int = 1_700_000_000, attributes: int = LIVE, build: int = 22621) -> bytes:
    """A live dump that ends after its header: 0x2000 bytes, captured at a Unix time."""
    data = bytearray(b"PAGE" * 0x800)
    data[4:8] = b"DU64"
    struct.pack_into("<II", data, 8, 0xF, build)
    struct.pack_into("<III4x4Q", data, 0x30, 0x8664, 4, code, 0, 0, 0, 0)
    struct.pack_into("<I4xqQ", data, 0xF98, 6, 0x2000, FILETIME_1970 + captured * 10_000_000)
    struct.pack_into("<I", data, 0x1050, attributes)
    return bytes(data)


def write(folder: Path, *names: str, **fields: int) -> list[Path]:
    """Files with that header below ``folder``."""
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(header(**fields))
    return paths


class Misbehaving:
    """Judges, but for files whose name says what goes wrong instead."""

    def __init__(self, how: HowToRead) -> None:
        self._judge = Judge(how)

    def __call__(self, target: Target, depth: Depth) -> Outcome:
        """The row, if it comes to that."""
        name = Path(target.name).name
        if name.startswith("hangs"):
            time.sleep(600)
        if name.startswith("dies"):
            os.kill(os.getpid(), signal.SIGKILL)
        if name.startswith("exits"):
            os._exit(3)
        if name.startswith("eats"):
            _eat()
        return self._judge(target, depth)


class HangsInFull(Misbehaving):
    """Reads headers soundly and then misbehaves."""

    def __call__(self, target: Target, depth: Depth) -> Outcome:
        """The row, if it comes to that."""
        return self._judge(target, depth) if depth is Depth.HEADERS else super().__call__(target, depth)


class Slow(Judge):
    """Takes a while for each dump."""

    def __call__(self, target: Target, depth: Depth) -> Outcome:
        """The row."""
        if depth is Depth.FULL:
            time.sleep(0.02)
        return super().__call__(target, depth)


class HangsAndSays(Slow):
    """Leaves a file beside the dump with which it hangs."""

    def __call__(self, target: Target, depth: Depth) -> Outcome:
        """The row, if it comes to that."""
        if Path(target.name).name.startswith("hangs"):
            Path(f"{target.place}.begun").touch()
            time.sleep(600)
        return super().__call__(target, depth)


class EatingJudge(Judge):
    """Runs out of memory inside."""

    def _full(self, target: Target) -> Outcome:  # type: ignore[override]
        if Path(target.name).name.startswith("eats"):
            _eat()
        return super()._full(target)


class Stillborn(Judge):
    """Cannot be made."""

    def __init__(self, _how: HowToRead) -> None:
        os._exit(7)


def _eat() -> None:
    held = []
    while True:
        held.append(bytes(64 << 20))
