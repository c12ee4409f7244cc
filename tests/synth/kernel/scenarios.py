"""The made-up systems by name. Each can be made on any of the nine layouts; by default they take turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.synth.kernel import scenario_memory as memory
from tests.synth.kernel import scenario_requests as requests
from tests.synth.kernel import scenario_running as running
from tests.synth.kernel import scenario_waits as waits
from tests.synth.kernel.building import BuiltSystem, build_system
from tests.synth.kernel.layout import BUILDS
from tests.synth.kernel.scenario_damage import DAMAGED
from tests.synth.kernel.scenario_parts import quiet_system
from tests.synth.kernel.scenario_series import SERIES
from tests.synth.kernel.scenario_server import big_server, full_server, small_server
from tests.synth.kernel.spec import System


@dataclass(frozen=True)
class SystemScenario:
    """One made-up system."""

    name: str
    description: str
    system: Callable[[str], System]
    """Makes it on a build's layout."""
    build: str
    """The build that it takes when none is asked for."""
    large: bool = False
    """For figures, and for tests of its own, not for every one."""


KERNEL_SCENARIOS: Mapping[str, SystemScenario] = {
    scenario.name: scenario
    for scenario in (
        SystemScenario("quiet", "nothing is wrong", quiet_system, "22000"),
        SystemScenario("starvation", "twelve threads wait behind one of priority 15", running.starvation, "19041"),
        SystemScenario("saturation", "every processor is busy and threads wait", running.saturation, "26100"),
        SystemScenario("dpc-pressure", "a network driver's DPCs and interrupts", running.dpc_pressure, "17763"),
        SystemScenario("spin-lock-convoy", "a crash, three processors on one lock", running.spin_lock_convoy, "14393"),
        SystemScenario("resource-deadlock", "two ERESOURCEs, 14 threads behind", waits.resource_deadlock, "19041"),
        SystemScenario("lock-chain", "push lock, fast mutex and mutant in a row", waits.lock_chain, "18362"),
        SystemScenario("orphaned-lock", "owners that have ended", waits.orphaned_lock, "26100"),
        SystemScenario("shared-owners", "an ERESOURCE that two share", waits.shared_owners, "9600"),
        SystemScenario("alpc-chain", "clients of a service that waits", waits.alpc_chain, "22000"),
        SystemScenario("suspended-holder", "suspended with a lock", waits.suspended_holder, "20348"),
        SystemScenario("long-wait", "a driver's thread without an answer", waits.long_wait, "7601"),
        SystemScenario("storage-stall", "a write of the cluster service", requests.storage_stall, "20348"),
        SystemScenario("stuck-requests", "a driver that keeps requests", requests.stuck_requests, "17763"),
        SystemScenario("stuck-work-queue", "all workers wait in a driver", requests.stuck_work_queue, "14393"),
        SystemScenario("resource-timeout", "a deadlock that Windows noticed", waits.resource_timeout, "18362"),
        SystemScenario("pool-deadlock", "a stuck queue that Windows noticed", requests.pool_deadlock, "22000"),
        SystemScenario("locks-on-stacks", "a chain of locks in a dump without pool", waits.locks_on_stacks, "17763"),
        SystemScenario("nonpaged-leak", "a driver's tag holds 3.1 GiB", memory.nonpaged_leak, "18362"),
        SystemScenario("handle-leak", "a service with 112,142 handles", memory.handle_leak, "26100"),
        SystemScenario("commit-exhaustion", "commit at its limit", memory.commit_exhaustion, "9600"),
        SystemScenario("locked-pages", "locked pages and system PTEs", memory.locked_pages, "7601"),
        SystemScenario("zombies", "processes that have ended and stay", memory.zombies, "14393"),
        SystemScenario("server-small", "4 processors, 40 processes, 300 threads", small_server, "22000", large=True),
        SystemScenario("server", "16 processors, 400 processes, 5,000 threads", big_server, "22000", large=True),
        SystemScenario(
            "server-full", "and 30,000 locks, 16,000 tags, 500,000 handles", full_server, "22000", large=True
        ),
        SystemScenario("kernel-stacks", "starvation, with stacks and images only", running.kernel_stacks, "20348"),
    )
}


def build_damaged(name: str, on: str = "", cache_dir: Path | None = None) -> BuiltSystem:
    """The damage called ``name`` of DAMAGED, by default on a build whose turn it is. Raises: ToolchainMissing."""
    turn = BUILDS[list(DAMAGED).index(name) % len(BUILDS)]
    return build_system(DAMAGED[name](on or turn), name, cache_dir)


def build_series(name: str, on: str = "", cache_dir: Path | None = None) -> tuple[BuiltSystem, ...]:
    """The dumps of the series called ``name`` of SERIES, in their order. Raises: ToolchainMissing."""
    turn = BUILDS[-1 - list(SERIES).index(name) % len(BUILDS)]
    systems = SERIES[name](on or turn).systems
    return tuple(build_system(system, f"{name}-{number}", cache_dir) for number, system in enumerate(systems))


def build(name: str, on: str = "", cache_dir: Path | None = None) -> BuiltSystem:
    """The scenario called ``name`` on the layout of build ``on``. Raises: ToolchainMissing."""
    scenario = KERNEL_SCENARIOS[name]
    return build_system(scenario.system(on or scenario.build), name, cache_dir)
