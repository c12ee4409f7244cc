"""What the worst known inputs cost ``livedump info``: processor time and memory of the whole process, one row each.

    python -m tests.robustness.costs [WORDS OF A NAME ...]

Each input has ten megabytes at most and is made to be expensive in one way: lists whose entries overlap, one page
that is mapped everywhere, counts without end, texts that look like everything. A row over MAX_SECONDS or MAX_MEMORY is
marked.
"""

from __future__ import annotations

import gzip
import os
import random
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.bench_text import PIECES
from tests.companions.evtx_file import evtx_bytes
from tests.companions.test_records import CAPTURED, WER_EVENT, WRITTEN
from tests.robustness.test_hostile import BODY, FREE, FREE_PXE, PAGE, PRESENT, Dump, entries
from tests.samples import SAMPLES
from tests.synth import build
from tests.synth.kernel.building import BuiltSystem
from tests.synth.kernel.layout import layout_of
from tests.synth.kernel.scenarios import build as build_system

ROOT = Path(__file__).parents[2]
MAX_SIZE = 10 << 20
MAX_SECONDS, MAX_MEMORY = 5.0, 256 << 20
STACK_POINTER = "_KTHREAD.KernelStack"
DEEP = 0x18000
"""Bytes of the largest kernel stack."""
SYSTEM = "resource-deadlock"
"""A made-up system with a little of everything."""


CHILD = """
import sys, time
from livedump.frontends.command_line import main
status = main(sys.argv[2:])
with open("/proc/self/status") as status_file, open(sys.argv[1], "w") as used:
    peak = next(line.split()[1] for line in status_file if line.startswith("VmHWM"))
    print(time.process_time(), peak, file=used)
sys.exit(status)
"""
"""What the system says of a child's memory counts that of its parent, as long as it was the same program."""


class Input(NamedTuple):
    """One file, and the symbols that go with it."""

    data: bytes
    symbols: str = ""


class Cost(NamedTuple):
    """Of one process."""

    seconds: float
    memory: int
    status: int
    said: str
    """The first line of what it printed."""

    @property
    def allowed(self) -> bool:
        """Whether that is within the limits."""
        return self.seconds <= MAX_SECONDS and self.memory <= MAX_MEMORY


def cost_of(made: Input, folder: Path) -> Cost:
    """What ``livedump info`` takes for it. Needs Linux."""
    path = folder / "input.dmp"
    path.write_bytes(made.data)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "extensions"), "XDG_CACHE_HOME": str(folder / "cache")}
    command = [sys.executable, "-P", "-c", CHILD, str(folder / "used"), "info", "-y", made.symbols, str(path)]
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    said = (done.stdout + done.stderr).decode(errors="replace").splitlines()
    seconds, memory = (folder / "used").read_text().split()
    return Cost(float(seconds), int(memory) << 10, done.returncode, said[0] if said else "")


# --- a kernel whose lists are longer than its file ---


def _system() -> tuple[Dump, BuiltSystem]:
    made = build_system(SYSTEM)
    return Dump(data=made.path.read_bytes()), made


def _overlapping(count: int) -> bytes:
    # Each entry begins eight bytes behind the one before; what it leads to is there.
    return struct.pack(f"<{count}Q", *(FREE + 8 * (number + 1) for number in range(count)))


def _long_list(name: str, path: str) -> Input:
    """The list whose head is the member ``path`` of ``name`` leads through overlapping entries."""
    dump, made = _system()
    head = made.truth.names[name] + (layout_of(made.truth.system.build).at(path) if path else 0)
    dump.write(head, FREE, FREE)
    dump.map_free(_overlapping(850_000))
    return Input(bytes(dump.data), str(made.symbols))


def _many_lists() -> Input:
    """The lists of all processes."""
    dump, made = _system()
    at = layout_of(made.truth.system.build).at("_EPROCESS.ThreadListHead")
    for name, address in made.truth.names.items():
        if name.startswith("process:"):
            dump.write(address + at, FREE, FREE)
    dump.map_free(_overlapping(850_000))
    return Input(bytes(dump.data), str(made.symbols))


def _deep_stacks() -> Input:
    """Four thousand threads that share one stack, which has as many frames as fit."""
    dump, made = _system()
    layout, names = layout_of(made.truth.system.build), made.truth.names
    model = next(thread for thread in made.truth.threads if thread.key == "lsass.0").address
    stack = 0xFFFF << 48 | (FREE_PXE + 2) << 39
    inside = dump.number(dump.number(model + layout.at(STACK_POINTER)) + 0x38)
    size = -(-layout.size("_ETHREAD") // 16) * 16
    thread = bytearray(dump.virtual.read(model, layout.size("_ETHREAD")).ljust(size, b"\0"))
    for path, value in (("StackLimit", stack), ("StackBase", stack + DEEP), (STACK_POINTER[9:], stack + 0x100)):
        struct.pack_into("<Q", thread, layout.at(f"_KTHREAD.{path}"), value)
    link, count = layout.at("_ETHREAD.ThreadListEntry"), 8_000_000 // size
    copies = bytearray()
    for number in range(count):
        struct.pack_into("<QQ", thread, link, FREE + (number + 1) % count * size + link, FREE + link)
        copies += thread
    head = names["process:System"] + layout.at("_EPROCESS.ThreadListHead")
    dump.write(head, FREE + link, FREE + link)
    dump.map_free(bytes(copies))
    dump.map_everywhere(struct.pack("<Q", inside) * (PAGE // 8), FREE_PXE + 2)
    return Input(bytes(dump.data), str(made.symbols))


def _table_without_end(pointer: str, size: str, count: int) -> Input:
    """A table of ``count`` entries in one page that is mapped over and over."""
    dump, made = _system()
    noise = bytes(random.Random(1).randrange(256) for _ in range(PAGE))
    dump.map_everywhere(noise)
    dump.write(made.truth.names[f"global:{pointer}"], FREE)
    dump.write(made.truth.names[f"global:{size}"], count)
    return Input(bytes(dump.data), str(made.symbols))


KERNEL: Mapping[str, Callable[[], Input]] = {
    "processes that overlap": partial(_long_list, "global:PsActiveProcessHead", ""),
    "threads of System that overlap": partial(_long_list, "process:System", "_EPROCESS.ThreadListHead"),
    "threads of all processes that overlap": _many_lists,
    "ERESOURCEs that overlap": partial(_long_list, "global:ExpSystemResourcesList", ""),
    "modules that overlap": partial(_long_list, "global:PsLoadedModuleList", ""),
    "handle tables that overlap": partial(_long_list, "global:HandleTableListHead", ""),
    "threads with deep stacks": _deep_stacks,
    "pool tags in one page": partial(_table_without_end, "PoolTrackTable", "PoolTrackTableSize", 1 << 17),
    "expanded pool tags in one page": partial(
        _table_without_end, "PoolTrackTableExpansion", "PoolTrackTableExpansionSize", 1 << 17
    ),
    "big blocks in one page": partial(_table_without_end, "PoolBigPageTable", "PoolBigPageTableSize", 1 << 22),
}


# --- files ---


def _bits(fill: Callable[[int], bytes]) -> Input:
    """A bitmap of nearly ten megabytes."""
    data = bytearray(Dump().data[:BODY])
    size = 9 << 20
    count = 8 * size
    first = -(-(BODY + 0x38 + size) // PAGE) * PAGE
    data += b"SDMPDUMP" + bytes(0x18) + struct.pack("<QQQ", first, count, count) + fill(size)
    return Input(bytes(data))


def _ranges() -> Input:
    """Ranges of garbage."""
    count = 500_000
    noise = b"".join(struct.pack("<QQ", n * 0x9E3779B97F4A7C15 >> 4 & (1 << 64) - 1 | 1, n) for n in range(count))
    dump = Dump("rdmp-8")
    first = -(-(BODY + 0x30 + len(noise)) // PAGE) * PAGE
    head = dump.data[:BODY] + dump.data[BODY : BODY + 0x10] + struct.pack("<QQ", first - 0x2020, first) + bytes(16)
    return Input(bytes((head + noise).ljust(first + 4 * PAGE, b"\0")))


def _blobs() -> Input:
    """Secondary data in many pieces behind a dump."""
    dump = Dump()
    head = struct.pack("<I4xI", 0, 0)
    return Input(bytes(dump.data) + head * 700_000)


def _sample(path: Path) -> Input:
    data = path.read_bytes()
    return Input(gzip.decompress(data) if path.suffix == ".gz" else data)


def _mapped(name: str) -> Input:
    """All of the address space is one page."""
    dump = Dump(name)
    pfn = dump.free_pfn
    for index in range(FREE_PXE, 500):
        dump.set_entry(dump.root, index, pfn << 12 | PRESENT)
    dump.add_pages([entries(range(pfn, pfn + 1))[:8] * 512])
    return Input(bytes(dump.data), str(build(name).symbols))


FILES: Mapping[str, Callable[[], Input]] = {
    "bitmap, all bits": partial(_bits, lambda size: b"\xff" * size),
    "bitmap, every other bit": partial(_bits, lambda size: b"\x55" * size),
    "bitmap, noise": partial(_bits, lambda size: random.Random(1).randbytes(size)),
    "ranges of garbage": _ranges,
    "one page is everything": partial(_mapped, "taskmgr-full"),
    "secondary data in pieces": _blobs,
}


# --- texts and records ---


def _text(piece: str) -> Input:
    return Input((piece * (MAX_SIZE // len(piece.encode()) + 1)).encode()[: MAX_SIZE - 1])


def _utf16(piece: str) -> Input:
    return Input((piece * (MAX_SIZE // 2 // len(piece) + 1)).encode("utf-16")[: MAX_SIZE - 2])


def _event_log() -> Input:
    one = evtx_bytes([WER_EVENT, CAPTURED, WRITTEN])
    chunk = one[0x1000:]
    count = (MAX_SIZE - 0x1000) // 0x10000
    return Input(one[:0x1000] + chunk.ljust(0x10000, b"\0") * count)


TEXTS: Mapping[str, Callable[[], Input]] = {
    **{f"text: {name}": partial(_text, piece) for name, piece in PIECES.items()},
    "text in UTF-16: a log": partial(_utf16, PIECES["a log"]),
    "an event log, one chunk over and over": _event_log,
}


def inputs() -> Iterator[tuple[str, Callable[[], Input]]]:
    """All of them by name."""
    yield from KERNEL.items()
    yield from FILES.items()
    yield from TEXTS.items()
    for path in sorted((SAMPLES / "hostile").glob("*.dmp*")):
        yield f"sample {path.name}", partial(_sample, path)


def main(words: list[str]) -> int:
    """Prints the table; exit status 1 when some row is over the limits."""
    over = 0
    print(f"{'input':<44}{'MB':>6}{'CPU s':>7}{'MiB':>6}  said")
    for name, make in inputs():
        if words and not any(word in name for word in words):
            continue
        made = make()
        assert len(made.data) < MAX_SIZE, name
        with tempfile.TemporaryDirectory() as folder:
            cost = cost_of(made, Path(folder))
        over += not cost.allowed
        mark = " " if cost.allowed else "!"
        print(
            f"{name:<44}{len(made.data) / 1e6:>6.1f}{cost.seconds:>7.2f}{cost.memory >> 20:>6} {mark}"
            f"{cost.status} {cost.said[:90]}",
            flush=True,
        )
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
