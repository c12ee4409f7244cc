"""A share as an engineer may be given it, everything at once; and the command that judges it, as a program."""

from __future__ import annotations

import csv
import io
import os
import random
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tests.fleet.dumps import header
from tests.samples import sample_dumps
from tests.synth import SCENARIOS, build

ROOT = Path(__file__).parents[2]

DAMAGED_FROM = (
    "taskmgr-full",
    "powershell-user",
    "taskmgr-stacks",
    "powershell-nouser",
    "tool-zero",
    "tool-161-null",
    "taskmgr-forged",
    "wer-141-full",
    "crash-d1",
    "triage-live-141",
    "triage-old-141",
    "several-processors",
    "vbs",
    "partial",
    "truncated",
    "full-type1",
    "summary-type2",
    "bitmap-full-type5",
    "rdmp-8",
    "rdmp-9",
    "rdmp-a",
    "arm64-header",
    "arm64-triage",
    "x86-header",
    "no-kdbg-symbols",
    "encoded-kdbg",
    "hotkey-21c8",
    "hotkey-1a8",
    "power-button-11c8",
    "cluster-1c9",
    "storport-1e1",
    "verifier-1c4",
    "wer-193",
    "unwind-zoo",
)
"""The dumps that are damaged, by name: one more made-up dump is to change none of these files."""

Rows = list[dict[str, str]]


def fill(folder: Path, damaged_count: int) -> Path:
    """Every made-up dump, the real samples where they are, damaged files and all that is no plain dump."""
    for name in SCENARIOS:
        (folder / f"{name}.dmp").write_bytes(Path(build(name).path).read_bytes())
    for sample in sample_dumps():
        (folder / f"sample-{sample.name}").symlink_to(sample)
    (folder / "damaged").mkdir()
    for name, data in damaged(damaged_count):
        (folder / "damaged" / name).write_bytes(data)
    with (folder / "sparse.dmp").open("wb") as file:
        file.write(header(code=0x1A8))
        file.truncate(64 << 30)
    _add_archives(folder)
    if os.name != "nt":
        os.mkfifo(folder / "pipe.dmp")
        (folder / "damaged" / "loop").symlink_to(folder)
    return folder


def _add_archives(folder: Path) -> None:
    with zipfile.ZipFile(folder / "customer.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("LiveKernelReports/WATCHDOG-1.dmp", Path(build("wer-141-full").path).read_bytes())
        archive.writestr("notes.txt", "hello")
    with (
        zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("bomb.dmp", "w", force_zip64=True) as member,
    ):
        for _ in range(300):
            member.write(bytes(1 << 20))


def damaged(count: int) -> Iterator[tuple[str, bytes]]:
    """Made-up dumps with bytes turned, cut short or overwritten, the same at each run."""
    chance = random.Random(20261122)
    whole = [Path(build(name).path).read_bytes() for name in DAMAGED_FROM]
    for number in range(count):
        data = bytearray(chance.choice(whole))
        for _ in range(chance.randrange(1, 40)):
            at = chance.randrange(min(len(data), 0x6000))
            data[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        if number % 3 == 0:
            del data[chance.randrange(len(data)) :]
        yield f"damaged-{number:02d}.dmp", bytes(data)


def symbol_path() -> str:
    """The symbols of all made-up dumps."""
    return ";".join(dict.fromkeys(str(build(name).symbols) for name in SCENARIOS))


def program(*arguments: str) -> list[str]:
    """The command line of a batch with symbols."""
    return [sys.executable, "-m", "livedump", "triage", "-y", symbol_path(), *arguments]


def environment() -> dict[str, str]:
    """That of a process which finds the package and its tests."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "extensions"), str(ROOT)])}


def rows_of(text: str) -> Rows:
    """The rows of CSV by name."""
    return sorted(csv.DictReader(io.StringIO(text, newline="")), key=lambda row: row["name"])
