"""Several dumps of one machine, and pairs that are not of one boot or one machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from tests.synth.kernel.evolving import FIVE_MINUTES, Change, Step, changes, step
from tests.synth.kernel.scenario_memory import GIB_PAGES
from tests.synth.kernel.scenario_parts import WAITS_FOR_ONE, quiet_system
from tests.synth.kernel.scenario_requests import stuck_work_queue
from tests.synth.kernel.scenario_running import starvation
from tests.synth.kernel.scenario_waits import SECOND, lock_chain
from tests.synth.kernel.spec import Clock, Driver, System, Tag, Thread

NEARLY_WRAPPED = (1 << 32) - 6_000
"""A count of 32 bits that starts anew within the next five minutes."""


@dataclass(frozen=True)
class Series:
    """Systems one after the other."""

    systems: tuple[System, ...]
    relation: str = "same-boot"
    changes: tuple[tuple[Change, ...], ...] = ()
    """Between each and the one before it."""


def _after(first: System, *steps: Step) -> Series:
    systems, found = [first], []
    for each in steps:
        found.append(changes(systems[-1], each))
        systems.append(step(systems[-1], each))
    return Series(tuple(systems), changes=tuple(found))


def leak(build: str, dumps: int = 3) -> Series:
    """A driver leaks 600 MB a five minutes, a service handles, and commit grows with them."""
    system = quiet_system(build)
    system = replace(
        system,
        tags=(*system.tags, Tag("Leak", (60_000, 4_000, 56_000 * 4_064), skew=900)),
        memory=replace(system.memory, available=3_600_000, zeroed=970_000),
    )
    blocks = 150_000
    pages = blocks * 4_064 // 4_096
    every = Step(
        tags=(("Leak", blocks + 900, 900, blocks * 4_064),),
        handles=(("svchost", "Event", 1_200),),
        pages=(("nonpaged_pool", pages), ("committed", pages + 2_000), ("available", -pages), ("zeroed", -pages)),
    )
    return _after(system, *(replace(every, ticks=FIVE_MINUTES + 64 * number) for number in range(dumps - 1)))


def long_leak(build: str) -> Series:
    """The same leak in six dumps."""
    return leak(build, 6)


def hang(build: str) -> Series:
    """A chain of locks that does not move, a thread that spins all the time, a work queue that does nothing."""
    locks = lock_chain(build)
    spinning = starvation(build)
    queue = stuck_work_queue(build)
    system = replace(
        locks,
        processors=(locks.processors[0], *spinning.processors[1:2], *locks.processors[2:]),
        work_queues=queue.work_queues,
    ).added(
        threads=(
            *(replace(thread, tid=7_188) for thread in spinning.threads if thread.key == "hog"),
            *(thread for thread in queue.threads if thread.key.startswith("worker.")),
        ),
        driver_objects=queue.driver_objects,
        devices=queue.devices,
        files=queue.files,
    )
    still = ("head", "second", "third", "fourth", *(f"reader.{index}" for index in range(5)))
    workers = tuple(f"worker.{index}" for index in range(8))
    later = Step(still=(*still, *workers), busy=(("hog", FIVE_MINUTES - 20, 0),), processed=(("io", 900),))
    return _after(system, later, later)


def quiet(build: str) -> Series:
    """Nothing is wrong, and nothing looks so."""
    return _after(quiet_system(build), Step())


def odd(build: str) -> Series:
    """Nothing is wrong, and much looks so: a reused thread address, wrapped counters, the clock set back, a driver."""
    system = quiet_system(build)
    system = system.changed("threads", "lsass.0", user_ticks=NEARLY_WRAPPED, switches=NEARLY_WRAPPED)
    processors = tuple(
        replace(each, kernel_ticks=NEARLY_WRAPPED, idle_ticks=NEARLY_WRAPPED - 90_000, interrupt_count=NEARLY_WRAPPED)
        for each in system.processors
    )
    system = replace(system, processors=processors)
    again = Thread(
        "again", "svchost", 9_900, WAITS_FOR_ONE, since_ticks=4 * SECOND, slot="svchost.5", switches=7,
        created_seconds=system.clock.uptime_seconds + 100, user_mode=True,
    )  # fmt: skip
    later = Step(
        ended=("svchost.5",),
        started=(again,),
        set_clock_seconds=-3_600,
        loaded=(Driver("Wdf01000"),),
        unloaded=("labflt",),
    )
    return _after(system, later)


def other_boot(build: str) -> Series:
    """The same machine, started again."""
    first = quiet_system(build)
    clock = Clock(
        ticks=1_500_000,
        booted=first.clock.booted + timedelta(days=2),
        boot_id=first.clock.boot_id + 1,
        boot_guid="0b6f4a55-9f0e-4bb0-8f6c-6ab2d9a1e77d",
    )
    threads = tuple(replace(each, created_seconds=min(each.created_seconds, 20_000)) for each in first.threads)
    processes = tuple(replace(each, created_seconds=min(each.created_seconds, 19_000)) for each in first.processes)
    return Series((first, replace(first, clock=clock, threads=threads, processes=processes)), "other-boot")


def other_machine(build: str) -> Series:
    """Two machines with other drivers, another number of processors and other memory."""
    first = quiet_system(build)
    second = replace(
        quiet_system(build),
        machine=2,
        clock=replace(first.clock, boot_id=7, boot_guid="5a4b1f6e-3f3c-4b70-8d2c-1f5f7cf3ad10"),
        processors=first.processors[:3],
        drivers=(*first.drivers[:-6], Driver("refs"), Driver("srv2"), Driver("HTTP")),
        memory=replace(first.memory, physical=2 * first.memory.physical + GIB_PAGES),
    )
    kept = {driver.module for driver in second.drivers} | {"nt", "hal", "intelppm"}
    threads = tuple(
        each for each in second.threads if {site.partition("!")[0] for site in each.stack} <= kept | {"user"}
    )
    return Series((first, replace(second, threads=threads)), "other-machine")


SERIES: Mapping[str, Callable[[str], Series]] = {
    "leak": leak,
    "long-leak": long_leak,
    "hang": hang,
    "odd": odd,
    "quiet": quiet,
    "other-boot": other_boot,
    "other-machine": other_machine,
}
