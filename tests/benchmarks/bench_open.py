"""How long it takes to open a dump and to read its farthest page, and how much memory: one table.

    python -m tests.benchmarks.bench_open [python ...]

Each row is a process of its own, so that the peak is the whole process's. The dumps are sparse files: headers, the
bitmap or ranges, and the last page are written, the other pages are holes. ``far`` is the worst case: everything that
tells where pages stand has to be looked at.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGE = 4096
BODY = 0x2000
MIB, GIB = 1 << 20, 1 << 30

CHILD = """
import json, sys, time
started = time.perf_counter()
from livedump.dumpfile.header import read_header
from livedump.dumpfile.page_runs import physical_memory
from livedump.dumpfile.source import FileSource
imported = time.perf_counter()
source = FileSource(sys.argv[1])
header = read_header(source)
memory = physical_memory(source, header.dump_type, header.body_offset, header.runs)
held = memory.pages_in_file
opened = time.perf_counter()
memory.read(int(sys.argv[2]) * 4096, 8)
near = time.perf_counter()
assert memory.read(int(sys.argv[3]) * 4096, 8) == b"LASTPAGE"
far = time.perf_counter()
peak = 0
try:  # ru_maxrss would count what the parent had before this program began
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
except OSError:
    pass
print(json.dumps([imported - started, opened - imported, near - opened, far - near, source.bytes_read, peak]))
"""


class Case(NamedTuple):
    """One made-up dump: every ``step``-th page of so much memory is in it."""

    name: str
    memory: int
    step: int
    dump_type: int = 6


CASES = (
    Case("64 MiB, 8 Ki runs", 64 * MIB, 2),
    Case("8 GiB, 1 Mi runs", 8 * GIB, 2),
    Case("64 GiB, 1 Mi runs", 64 * GIB, 16),
    Case("256 GiB, 1 Mi runs", 256 * GIB, 64),
    Case("256 GiB, one run", 256 * GIB, 1),
    Case("8 GiB, 1 Mi ranges", 8 * GIB, 2, 0xA),
)


def write_dump(path: Path, case: Case) -> tuple[int, int]:
    """Writes the dump and gives the numbers of its first and last page."""
    bits = case.memory // PAGE
    pages = [1, bits - case.step + 1 if case.step > 1 else bits - 1]
    count = bits // case.step if case.step > 1 else bits - 1
    body = _ranges(bits, case.step, count) if case.dump_type == 0xA else _bitmap(bits, case.step, count)
    first_page = BODY + len(body)
    with path.open("wb") as file:
        file.write(_header(case.dump_type) + body)
        file.truncate(first_page + count * PAGE)
        file.seek(first_page + (count - 1) * PAGE)
        file.write(b"LASTPAGE")
    return pages[0], pages[1]


def _header(dump_type: int) -> bytes:
    header = bytearray(b"PAGE" * (BODY // 4))
    header[4:8] = b"DU64"
    struct.pack_into("<I", header, 0x30, 0x8664)
    struct.pack_into("<I", header, 0xF98, dump_type)
    return bytes(header)


def _bitmap(bits: int, step: int, count: int) -> bytes:
    # Bit 1, 1 + step, 1 + 2 * step ...: as many runs as pages. With step 1, all bits but the first.
    word = sum(2 << at for at in range(0, max(8, step), step)).to_bytes(max(8, step) // 8 + 1, "little")
    bitmap = word[: max(8, step) // 8] * (bits // max(8, step)) if step > 1 else b"\xfe" + b"\xff" * (bits // 8 - 1)
    size = -(-(0x38 + len(bitmap)) // PAGE) * PAGE
    header = b"SDMPDUMP" + bytes(0x18) + struct.pack("<QQQ", BODY + size, count, bits)
    return (header + bitmap).ljust(size, b"\0")


def _ranges(bits: int, step: int, count: int) -> bytes:
    ranges = b"".join(struct.pack("<QQ", pfn, 1) for pfn in range(1, bits, step))
    size = -(-(0x30 + len(ranges)) // PAGE) * PAGE
    header = struct.pack("<I8sIQQIIQ", 0x40, b"RDMPDUMP", 0, size - 0x20, BODY + size, count, 0, count)
    return (header + ranges).ljust(size, b"\0")


def measure(python: str, path: Path, near: int, far: int) -> tuple[float, list[float]]:
    """Seconds of the whole process, and what it measured itself; the fastest of five runs."""
    command = [python, "-c", CHILD, str(path), str(near), str(far)]
    runs = []
    for _ in range(5):
        started = time.perf_counter()
        output = subprocess.run(command, check=True, capture_output=True, cwd=ROOT / "extensions").stdout
        runs.append((time.perf_counter() - started, json.loads(output)))
    return min(runs)


def main(pythons: list[str]) -> None:
    """Prints the table for each interpreter."""
    columns = " ".join(f"{name:>8}" for name in ("import", "open", "near", "far", "process"))
    print(f"{'dump':20} {'python':>7} {columns} {'read':>9} {'peak':>8}")
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "memory.dmp"
            near, far = write_dump(path, case)
            for python in pythons:
                print(_row(case.name, python, *measure(python, path, near, far)))


def _row(name: str, python: str, process: float, inside: list[float]) -> str:
    ask = [python, "-c", "import sys; print(sys.version.split()[0])"]
    version = subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()
    times = " ".join(f"{seconds * 1000:5.1f} ms" for seconds in [*inside[:4], process])
    return f"{name:20} {version:>7} {times} {inside[4] / 1024:5.0f} KiB {inside[5] / 1024:4.1f} MiB"


if __name__ == "__main__":
    main(sys.argv[1:] or [sys.executable])
