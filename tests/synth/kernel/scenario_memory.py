"""Systems whose trouble is memory: pools, handles, commit, locked pages."""

from __future__ import annotations

from dataclasses import replace

from tests.synth.kernel.layout import layout_of
from tests.synth.kernel.scenario_parts import OBJECT_TYPES, quiet_system
from tests.synth.kernel.spec import BigPage, Expected, Memory, ObjectType, Process, System, Tag

BLOCKS, BLOCK_SIZE = 819_200, 4_064
"""What the leaking driver holds: 3.1 GiB."""
HANDLES = 112_142
GIB_PAGES = 1 << 18


def nonpaged_leak(build: str) -> System:
    """A driver's tag holds 82 % of a nonpaged pool that is far too big."""
    system = quiet_system(build)
    used = BLOCKS * BLOCK_SIZE
    nonpaged = round(used / 0.82) // 4096
    leak = Tag("Leak", (BLOCKS + 3_300, 3_300, used), skew=50_000)
    memory = replace(
        system.memory, nonpaged_pool=nonpaged, available=2_900_000, zeroed=300_000, free=100_000, committed=2_500_000,
        peak=2_510_000,
    )  # fmt: skip
    big = tuple(
        BigPage(0xFFFF_9400_0000_0000 + 0x40_0000 * index, "Leak", 0x20_0000, points_to="code:lab!LabAllocateRecord")
        for index in range(3)
    )
    expected = (
        Expected("pool-tag", objects=(), modules=("lab",), count=BLOCKS, text="Leak"),
        Expected("pool-size", text="nonpaged", count=nonpaged),
    )
    return replace(
        system, memory=memory, tags=(*system.tags, leak), big_pages=(*system.big_pages, *big), expected=expected
    )


def handle_leak(build: str) -> System:
    """A service holds 112,142 handles of events; one of its free lists counts less than nothing."""
    system = quiet_system(build).changed(
        "processes", "svchost", handles=(("Event", HANDLES - 90), ("File", 90)), handle_free_lists=(120_000, -7_858)
    )
    types = tuple(
        replace(each, objects=HANDLES + 2_000, handles=HANDLES + 2_100, most_objects=HANDLES + 2_000,
                most_handles=HANDLES + 2_100) if each.name == "Event" else each
        for each in OBJECT_TYPES
    )  # fmt: skip
    expected = (Expected("handles", processes=("svchost",), count=HANDLES),)
    return replace(system, object_types=types, expected=expected)


def commit_exhaustion(build: str) -> System:
    """Nearly all that may be committed is; one process has most of it, and memory is short."""
    system = quiet_system(build)
    hog = Process(
        "hog", 7_100, "sqlservr.exe", 812, created_seconds=500, commit_pages=3_300_000, commit_peak_pages=3_400_000,
        working_set_pages=3_700_000, private_pages=3_290_000,
    )  # fmt: skip
    memory = Memory(
        committed=5_070_000, limit=5_200_000, peak=5_200_000, available=60_000, resident_available=70_000,
        standby=50_000, zeroed=6_000, free=4_000,
    )  # fmt: skip
    expected = (
        Expected("commit", count=5_070_000, text="97 % of the limit; the peak reached it"),
        Expected("low-memory", count=60_000),
        Expected("process-commit", processes=("hog",), count=3_300_000),
    )
    thread = replace(system.threads[-2], key="hog.0", process="hog", tid=7_104)
    added = system.added(processes=(hog,), threads=(thread,))
    return replace(added, memory=memory, expected=expected)


def locked_pages(build: str) -> System:
    """Drivers have locked a fifth of memory, and system PTEs are nearly gone."""
    system = quiet_system(build)
    memory = replace(
        system.memory, locked=840_000, available=2_990_000, zeroed=400_000, free=90_000, ptes=4_000_000,
        free_ptes=110_000, pte_failures=17,
    )  # fmt: skip
    layout = layout_of(build)
    known = layout.has("_MI_VISIBLE_STATE.MdlPagesAllocated") or "MmMdlPagesAllocated" in layout.globals
    expected = (
        *((Expected("locked-pages", count=840_000),) if known else ()),
        Expected("system-ptes", count=110_000, text="17 requests failed"),
    )
    return replace(system, memory=memory, expected=expected)


def zombies(build: str) -> System:
    """Sixty processes have ended and are still listed: somebody holds handles to them."""
    ended = tuple(
        Process(
            f"ended.{index}", 8_000 + 4 * index, "worker.exe", 812, created_seconds=1_000 + 60 * index,
            exited_seconds=1_030 + 60 * index, commit_pages=0, working_set_pages=0, private_pages=0, virtual_size=0,
        )
        for index in range(60)
    )  # fmt: skip
    system = quiet_system(build).added(processes=ended)
    types = (ObjectType("Process", 71, 190, 80, 300, "Proc"), *OBJECT_TYPES[1:])
    expected = (Expected("zombies", processes=tuple(process.key for process in ended), count=60, optional=True),)
    return replace(system, object_types=types, expected=expected)
