"""Takes information out of dumps, and holds each verdict against that of the dump that still had it.

``python -m tests.robustness.removals --count 100000 [--seed N]``

A removal takes a page out of the file (its bit and the counts go along, as if it had never been captured), leaves a
field of the header unwritten, empties a field of the debugger block or the name of a process, takes an entry out of a
list, or takes the symbols away. Up to STEPS of them follow each other. Whatever was taken: no verdict is surer than
before, an objection does not turn into silence, and what was not complete does not become so.
"""

from __future__ import annotations

import argparse
import collections
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from random import Random
from typing import NamedTuple

from livedump.analysis.triage import triage
from livedump.dumpfile.header import read_header
from livedump.dumpfile.memory import VirtualMemory, virtual_memory
from livedump.dumpfile.page_runs import PhysicalMemory, physical_memory
from livedump.engines.native import NativeEngine
from livedump.model.errors import DumpError, NotAKernelDump
from livedump.model.findings import Origin, OriginKind, Sign
from livedump.model.report import Report
from livedump.symbols.shelf import PdbShelf
from tests.robustness.spots import BytesSource
from tests.synth import SCENARIOS, build, build_spec
from tests.synth.spec import LIVE, TASK_MANAGER, VSM, DumpSpec

ARM64 = ("arm64-powershell-user", "arm64-several-processors", "arm64-wer-141-full", "arm64-signed")
STEPS = 4
APPEARED = "complete appeared"
SILENT = "no - is left"
LIST_ENTRY = "list entry"
PAGE = 0x1000
FIRST_PAGE, MARKED, BIT_COUNT, BITMAP = 0x2020, 0x2028, 0x2030, 0x2038
REQUIRED_SPACE = 0xFA0
HEADER_FIELDS = {
    "build": (0xC, 4), "page tables": (0x10, 8), "module list": (0x20, 8), "process list": (0x28, 8),
    "processors": (0x34, 4), "code": (0x38, 4), "parameter 1": (0x40, 8), "parameter 2": (0x48, 8),
    "debugger block": (0x80, 8), "context": (0x348, 3000), "size": (REQUIRED_SPACE, 8), "time": (0xFA8, 8),
    "comment": (0xFB0, 128), "uptime": (0x1030, 8), "product": (0x1040, 4), "attributes": (0x1050, 4),
}  # fmt: skip
KDBG_FIELDS = (0x18, 0x48, 0x50, 0x208, 0x218, 0x220, 0x228, 0x2A0, 0x2A8, 0x2AA, 0x2AE, 0x2B0, 0x2B4, 0x2BC, 0x338,
               0x340, 0x344, 0x350)  # fmt: skip
"""Offsets in the debugger block: addresses of eight bytes, then offsets of two; 0 is how the kernel leaves one out."""


class Case(NamedTuple):
    """A dump, and what its symbols are."""

    name: str
    data: bytes
    symbols: str | None


class Violation(NamedTuple):
    """What became surer by knowing less."""

    name: str
    removals: tuple[str, ...]
    what: str


@cache
def cases() -> tuple[Case, ...]:
    """Every made-up dump of 64-bit Windows, and some that contradict themselves. Raises ToolchainMissing."""
    names = [name for name in SCENARIOS if not name.startswith(("arm64", "x86"))]
    made = [(name, build(name)) for name in (*names, *ARM64)]
    made += [(name, build_spec(spec)) for name, spec in _contradictory().items()]
    return tuple(Case(name, each.path.read_bytes(), f"{each.symbols};{each.images}") for name, each in made)


def _contradictory() -> dict[str, DumpSpec]:
    crash, reported = SCENARIOS["crash-d1"].spec(), SCENARIOS["wer-141-full"].spec()
    asked = SCENARIOS["taskmgr-full"].spec()
    return {
        "crash marked live": replace(crash, attributes=LIVE | VSM),
        "report signed as Task Manager": replace(reported, code=0x161, parameters=(TASK_MANAGER, 0, 0, 0)),
        "request with the code of a report": replace(asked, code=0x141, parameters=(1, 2, 3, 4)),
        "request with the code of a crash": replace(asked, code=0xD1, parameters=(1, 2, 3, 4)),
        "report with the code of a crash": replace(reported, code=0xD1),
        "request without a live mark": replace(asked, attributes=0),
        "crash with the code of a live dump": replace(crash, code=0x161, parameters=(TASK_MANAGER, 0, 0, 0)),
    }


SHELF = PdbShelf()


def judge(case: Case) -> Report | None:
    """The report; None where nothing at all can be said of the file."""
    try:
        engine = NativeEngine("removed.dmp", case.symbols or "", BytesSource(case.data), SHELF)
    except DumpError:
        return None
    try:
        return triage(engine)
    except DumpError:
        return None
    finally:
        engine.close()


def remove(case: Case, random: Random) -> tuple[str, Case] | None:
    """What was taken, and the dump without it; None where the dump has no such thing."""
    kinds = (_page, _page, _page, _header_field, _header_field, _kdbg_field, _name, _entry, _symbols)
    return random.choice(kinds)(case, random)


def _page(case: Case, random: Random) -> tuple[str, Case] | None:
    data = case.data
    if struct.unpack_from("<I", data, 0xF98)[0] not in (5, 6) or data[0x2004:0x2008] != b"DUMP":
        return None
    first, marked, bits = struct.unpack_from("<QQQ", data, FIRST_PAGE)
    size = (bits + 7) // 8
    if not 0 < size < 0x100000 or first + marked * PAGE > len(data) or marked < 2:
        return None
    held = [pfn for pfn in range(bits) if data[BITMAP + pfn // 8] >> pfn % 8 & 1]
    if len(held) != marked:
        return None
    position = random.randrange(marked)
    pfn = held[position]
    changed = bytearray(data[: first + position * PAGE] + data[first + (position + 1) * PAGE :])
    changed[BITMAP + pfn // 8] &= ~(1 << pfn % 8)
    struct.pack_into("<Q", changed, MARKED, marked - 1)
    space = struct.unpack_from("<q", data, REQUIRED_SPACE)[0]
    written = data[REQUIRED_SPACE : REQUIRED_SPACE + 8] != b"PAGEPAGE"
    struct.pack_into("<q", changed, REQUIRED_SPACE, space - PAGE if written and space > PAGE else space)
    return f"page {pfn:#x}", case._replace(data=bytes(changed))


def _header_field(case: Case, random: Random) -> tuple[str, Case] | None:
    name = random.choice(list(HEADER_FIELDS))
    offset, size = HEADER_FIELDS[name]
    return f"header: {name}", case._replace(data=_with(case.data, offset, b"PAGE" * (size // 4)))


def _kdbg_field(case: Case, random: Random) -> tuple[str, Case] | None:
    start = case.data.find(b"KDBG", 0x2000) - 0x10
    if start < 0x2000:
        return None
    offset = random.choice(KDBG_FIELDS)
    return f"debugger block: {offset:#x}", case._replace(
        data=_with(case.data, start + offset, bytes(8 if offset < 0x2A0 else 2))
    )


def _name(case: Case, random: Random) -> tuple[str, Case] | None:
    names = [b"Taskmgr.exe", b"evil.exe", b"WmiPrvSE.exe", b"System\0", b"dumper.exe", b"livekd64.exe", b"Darktide.exe"]
    places = [place for name in names if (place := case.data.find(name.ljust(15, b"\0"), 0x2000)) > 0]
    if not places:
        return None
    return "name of a process", case._replace(data=_with(case.data, random.choice(places), bytes(15)))


def _symbols(case: Case, random: Random) -> tuple[str, Case] | None:  # noqa: ARG001 - all removals are called alike
    return None if case.symbols is None else ("symbols", case._replace(symbols=None))


def _entry(case: Case, random: Random) -> tuple[str, Case] | None:
    # One entry of the module or process list, bridged by its neighbours as if it had never been there.
    try:
        physical, memory, heads = _memory(case.data)
        ring = list(_ring(memory, random.choice(heads)))
        if len(ring) < 3:
            return None
        number = random.randrange(1, len(ring))
        before, after = ring[number - 1], ring[(number + 1) % len(ring)]
        data = _with(case.data, _offset(physical, memory, before), struct.pack("<Q", after))
        data = _with(data, _offset(physical, memory, after + 8), struct.pack("<Q", before))
    except DumpError:
        return None
    return f"{LIST_ENTRY} {ring[number]:#x}", case._replace(data=data)


def _memory(data: bytes) -> tuple[PhysicalMemory, VirtualMemory, tuple[int, int]]:
    source = BytesSource(data)
    header = read_header(source)
    physical = physical_memory(source, header.dump_type, header.body_offset, header.runs)
    memory = virtual_memory(physical, header.directory_table_base, header.machine, header.loaded_module_list)
    return physical, memory, (header.loaded_module_list, header.active_process_head)


def _ring(memory: VirtualMemory, head: int) -> Iterator[int]:
    entry = head
    for _ in range(64):
        yield entry
        entry = int.from_bytes(memory.read(entry, 8), "little")
        if entry == head:
            return
    raise NotAKernelDump("no ring")


def _offset(physical: PhysicalMemory, memory: VirtualMemory, address: int) -> int:
    place = memory.translate(address)
    offset = physical.offset_of(place // PAGE)
    if offset is None:
        raise NotAKernelDump("not held")
    return offset + place % PAGE


def _with(data: bytes, offset: int, new: bytes) -> bytes:
    return data[:offset] + new + data[offset + len(new) :]


def violations(whole: Report, less: Report) -> Iterator[str]:
    """What the report that had less to go on says with more certainty, or no longer says."""
    assert whole.origin is not None
    assert less.origin is not None
    if less.origin.confidence.rank < whole.origin.confidence.rank and _comparable(whole.origin, less.origin):
        yield f"origin {_origin(whole)} became {_origin(less)}"
    before, after = whole.findings[0], less.findings[0]
    if after.confidence.rank < before.confidence.rank:
        yield f"{before.what} ({before.confidence.value}) became {after.what} ({after.confidence.value})"
    if whole.origin.contradictions and not (less.origin.contradictions or less.origin.unasked) and _same(whole, less):
        yield f"the objections to {_origin(whole)} are gone"
    if Sign.AGAINST in _signs(whole) and Sign.AGAINST not in _signs(less):
        yield SILENT
    if whole.dump and less.dump and less.dump.complete and not whole.dump.complete:
        yield APPEARED


def _comparable(whole: Origin, less: Origin) -> bool:
    # That it is a crash, or none, is the first finding, which is held against the first finding.
    crashes = [origin.kind is OriginKind.CRASH for origin in (whole, less)]
    return crashes[0] == crashes[1]


def _signs(report: Report) -> set[Sign]:
    assert report.origin is not None
    origin = report.origin
    evidence = [*origin.evidence, *origin.contradictions, *origin.unasked]
    return {each.sign for each in (*evidence, *(each for finding in report.findings for each in finding.evidence))}


def _same(whole: Report, less: Report) -> bool:
    return whole.origin is not None and less.origin is not None and whole.origin.kind is less.origin.kind


def _origin(report: Report) -> str:
    assert report.origin is not None
    return f"{report.origin.kind.value} ({report.origin.confidence.value})"


def chain(case: Case, whole: Report | None, random: Random) -> Iterator[Violation | None]:
    """One removal after the other, each held against the dump before it; None for one that is in order."""
    taken: list[str] = []
    for _ in range(random.randint(1, STEPS)):
        removed = remove(case, random)
        if removed is None or whole is None:
            continue
        what, case = removed
        taken.append(what)
        less = judge(case)
        found = list(violations(whole, less)) if less is not None else []
        if what.startswith(LIST_ENTRY):  # what was missing may be gone from the list without a trace
            found = [each for each in found if each not in (APPEARED, SILENT)]
        yield from (Violation(case.name, tuple(taken), each) for each in found)
        if not found:
            yield None
        whole = less


def run(count: int, seed: int) -> Iterator[Violation | None]:
    """``count`` removals, spread over all dumps; the same for the same seed."""
    sound = [(case, judge(case)) for case in cases()]
    done = number = 0
    while done < count:
        case, whole = sound[number % len(sound)]
        for each in chain(case, whole, Random(f"{seed}:{number}")):
            done += 1
            yield each
        number += 1


def main(arguments: list[str]) -> int:
    """Exit status of the command line ``arguments``."""
    parser = argparse.ArgumentParser(description="Take information out of dumps; no verdict may become surer.")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    found: collections.Counter[tuple[str, str]] = collections.Counter()
    start = time.monotonic()
    for number, violation in enumerate(run(options.count, options.seed), 1):
        if violation is not None:
            found[violation.name, violation.what] += 1
            if found[violation.name, violation.what] == 1:
                print(f"{violation.name}: {'; '.join(violation.removals)}: {violation.what}", flush=True)
        if number % 5000 == 0:
            print(f"{number:,} removals, {sum(found.values()):,} against the rule", flush=True)
    print(f"{options.count:,} removals in {time.monotonic() - start:,.0f} s, {sum(found.values()):,} against the rule")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
