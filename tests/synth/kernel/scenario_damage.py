"""Every list empty, with one member, in a circle, cut by a missing page or led astray; and locks with forged owners.

Each damage is done to a system that is otherwise well. What a reader can still reach is said in ``System.lists``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from tests.synth.kernel.layout import layout_of
from tests.synth.kernel.scenario_memory import nonpaged_leak
from tests.synth.kernel.scenario_parts import quiet_system
from tests.synth.kernel.scenario_requests import stuck_requests, stuck_work_queue
from tests.synth.kernel.scenario_running import dpc_pressure, starvation
from tests.synth.kernel.scenario_waits import alpc_chain, lock_chain, resource_deadlock
from tests.synth.kernel.spec import Expected, ListTruth, Mutant, Patch, System

HOWS = ("empty", "one", "circular", "cut", "astray")
NOWHERE = 0xFFFF_E000_1234_5080
"""Kernel address where nothing is mapped."""
FORGED = {"unmapped": NOWHERE, "user": 0x7FF6_1234_5000, "noncanonical": 0x1234_5678_9ABC_DEF0, "small": 0x42}
DAMAGED_AT = 2
"""Member whose link is damaged: two stand before it."""


@dataclass(frozen=True)
class Ring:
    """A list that gets damaged."""

    system: Callable[[str], System]
    head: str
    """Name of what holds the head; the ring's own first element where it has none."""
    head_path: str
    entry_path: str
    members: Callable[[System], tuple[str, ...]]
    """Names of the members, in the list's order."""


_PRIORITY_8 = tuple(f"starved.{index}" for index in range(0, 12, 3))
"""Threads of one ready list."""


def _process_names(system: System) -> tuple[str, ...]:
    return tuple(f"process:{process.key}" for process in system.processes)


def _threads_of(process: str, system: System) -> tuple[str, ...]:
    return tuple(f"thread:{thread.key}" for thread in system.threads if thread.process == process)


def _three_mutants(build: str) -> System:
    system = quiet_system(build)
    return system.added(mutants=tuple(Mutant(f"m{index}", "lsass.0") for index in range(4)))


RINGS: Mapping[str, Ring] = {
    "processes": Ring(
        quiet_system, "global:PsActiveProcessHead", "_LIST_ENTRY", "_EPROCESS.ActiveProcessLinks", _process_names
    ),
    "threads": Ring(
        quiet_system,
        "process:svchost",
        "_EPROCESS.ThreadListHead",
        "_ETHREAD.ThreadListEntry",
        partial(_threads_of, "svchost"),
    ),
    "resources": Ring(
        resource_deadlock,
        "global:ExpSystemResourcesList",
        "_LIST_ENTRY",
        "_ERESOURCE.SystemResourcesList",
        lambda system: tuple(f"resource:{each.key}" for each in system.resources),
    ),
    "mutants": Ring(
        _three_mutants,
        "thread:lsass.0",
        "_KTHREAD.MutantListHead",
        "_KMUTANT.MutantListEntry",
        lambda system: tuple(f"mutant:{each.key}" for each in system.mutants),
    ),
    "irps": Ring(
        lambda build: replace(
            stuck_requests(build),
            irps=tuple(replace(irp, thread="reader.0", key=irp.key) for irp in stuck_requests(build).irps[2:7]),
            expected=(),
        ),
        "thread:reader.0",
        "_ETHREAD.IrpList",
        "_IRP.ThreadListEntry",
        lambda system: tuple(f"irp:{irp.key}" for irp in system.irps),
    ),
    "ready": Ring(
        starvation,
        "prcb:1",
        "_KPRCB.DispatcherReadyListHead[8]",
        "_KTHREAD.WaitListEntry",
        lambda system: tuple(f"thread:{each.key}" for each in system.threads if each.key in _PRIORITY_8),
    ),
    "work-items": Ring(
        lambda build: replace(stuck_work_queue(build), expected=()),
        "queue:ex",
        "items",
        "_WORK_QUEUE_ITEM.List",
        lambda system: tuple(f"item:ex:{index}" for index in range(len(system.work_queues[0].pending))),
    ),
}


def _head(ring: Ring, build: str) -> str:
    """Path of the ring's head in this build."""
    layout = layout_of(build)
    if ring.head_path != "items":
        return ring.head_path
    if layout.has("_KPRIQUEUE"):
        return "_EX_WORK_QUEUE.WorkPriQueue.EntryListHead[12]"
    return "_EX_WORK_QUEUE.WorkerQueue.EntryListHead"


def damaged_ring(name: str, how: str, build: str) -> System:
    """A system with one list damaged; ``System.lists`` says what remains of it."""
    ring = RINGS[name]
    system = ring.system(build)
    members = ring.members(system)
    head, entry = _head(ring, build), ring.entry_path
    hurt = members[DAMAGED_AT]
    patches: tuple[Patch, ...] = ()
    alone, omit = system.alone, system.dump.omit
    reached, whole = members, False
    if how == "empty":
        patches = (*_link(ring.head, head, ring.head, head),)
        reached, whole = (), True
    elif how == "one":
        patches = (*_link(ring.head, head, members[0], entry), *_link(members[0], entry, ring.head, head))
        reached, whole = members[:1], True
    elif how == "circular":
        patches = (Patch(hurt, f"{entry}.Flink", f"{members[1]}+{entry}"),)
        reached = members[: DAMAGED_AT + 1]
    elif how == "cut":
        alone, omit = (*alone, hurt), (*omit, hurt)
        reached = members[: DAMAGED_AT + 1]
    else:
        patches = (Patch(hurt, f"{entry}.Flink", FORGED["user"]),)
        reached = members[: DAMAGED_AT + 1]
    return replace(
        system,
        patches=(*system.patches, *patches),
        alone=alone,
        dump=replace(system.dump, omit=omit),
        lists=(ListTruth(name, reached, whole, hurt if how == "cut" else ""),),
        expected=(),
    )


def _link(first: str, first_path: str, second: str, second_path: str) -> tuple[Patch, Patch]:
    """Link two LIST_ENTRYs both ways."""
    return (
        Patch(first, f"{first_path}.Flink", f"{second}+{second_path}"),
        Patch(second, f"{second_path}.Blink", f"{first}+{first_path}"),
    )


def forged_owner(what: str, value: str, build: str) -> System:
    """A lock whose owner's address leads to no thread."""
    system = lock_chain(build) if what != "resource" else resource_deadlock(build)
    at, path = {
        "resource": ("resource:A", "_ERESOURCE.OwnerEntry.OwnerThread"),
        "mutex": ("mutex:M", _mutex_path(build)),
        "mutant": ("mutant:U", "_KMUTANT.OwnerThread"),
    }[what]
    owner: int | str = "process:lsass" if value == "process" else FORGED[value]
    return replace(
        system,
        patches=(*system.patches, Patch(at, path, owner)),
        expected=(Expected("orphan-lock", (), (at,), optional=True),),
    )


def _mutex_path(build: str) -> str:
    return f"{'_KGUARDED_MUTEX' if layout_of(build).has('_KGUARDED_MUTEX') else '_FAST_MUTEX'}.Owner"


def without(system: Callable[[str], System], pattern: str, build: str) -> System:
    """A system some of whose pages are not in the dump."""
    whole = system(build)
    return replace(whole, dump=replace(whole.dump, omit=(*whole.dump.omit, pattern)), alone=(*whole.alone, pattern))


def waiter_ring_astray(build: str) -> System:
    """A waiter's block on its stack leads to an address that is on nobody's stack."""
    system = resource_deadlock(build)
    return replace(system, patches=(Patch("local:behind.7:nt!ExpWaitForResource", "0", NOWHERE),), expected=())


ABSURD = (1 << 64) - 16
"""A count that nothing can have."""


def absurd(system: Callable[[str], System], patches: tuple[Patch, ...], build: str) -> System:
    """A system with numbers that cannot be: whoever believes them reads or allocates without end."""
    whole = system(build)
    return replace(whole, patches=(*whole.patches, *patches), expected=())


ABSURD_NUMBERS: Mapping[str, tuple[Callable[[str], System], tuple[Patch, ...]]] = {
    "tag-count": (nonpaged_leak, (Patch("global:PoolTrackTableSize", "0", ABSURD),)),
    "expansion-count": (nonpaged_leak, (Patch("global:PoolTrackTableExpansionSize", "0", ABSURD),)),
    "big-page-count": (nonpaged_leak, (Patch("global:PoolBigPageTableSize", "0", ABSURD),)),
    "processor-count": (quiet_system, (Patch("global:KeNumberProcessors", "0", 0xFFFF_FFFF),)),
    "dump-of-time": (quiet_system, (Patch("global:KeMaximumIncrement", "0", 0),)),
    "handle-levels": (quiet_system, (Patch("handles:lsass", "_HANDLE_TABLE.TableCode", 0x7FF6_0000_0007),)),
    "handle-pool": (quiet_system, (Patch("handles:lsass", "_HANDLE_TABLE.NextHandleNeedingPool", 0xFFFF_FFFC),)),
    "owner-table": (resource_deadlock, (Patch("owners:held.shared", "_OWNER_ENTRY.TableSize", 0xFFFF_FFFF),)),
    "owner-table-gone": (resource_deadlock, (Patch("resource:held.shared", "_ERESOURCE.OwnerTable", NOWHERE),)),
    "wait-blocks": (lock_chain, (Patch("thread:head", "_KTHREAD.WaitBlockList", NOWHERE),)),
    "stack-limits": (
        quiet_system,
        (
            Patch("thread:lsass.0", "_KTHREAD.StackLimit", 0xFFFF_8000_0000_0000),
            Patch("thread:lsass.0", "_KTHREAD.StackBase", 0xFFFF_FFFF_FFFF_F000),
        ),
    ),
    "kernel-stack": (quiet_system, (Patch("thread:lsass.0", "_KTHREAD.KernelStack", 0x7FF6_1234_5000),)),
    "device-circle": (
        stuck_requests,
        (
            Patch("device:unit", "_DEVICE_OBJECT.NextDevice", "device:unit"),
            Patch("device:disk", "_DEVICE_OBJECT.AttachedDevice", "device:unit"),
        ),
    ),
    "node-circle": (stuck_requests, (Patch("node:unit", "_DEVICE_NODE.Sibling", "node:unit"),)),
    "irp-location": (stuck_requests, (Patch("irp:read.0", "_IRP.CurrentLocation", 0x7F),)),
    "irp-device": (stuck_requests, (Patch("irp:read.0", "0xf8", NOWHERE),)),
    "message-circle": (alpc_chain, (Patch("message:m0", "_KALPC_MESSAGE.ServerThread", "thread:client.0"),)),
    "name-length": (quiet_system, (Patch("type:Event", "_OBJECT_TYPE.Name.Length", 0xFFFE),)),
    "dpc-circle": (dpc_pressure, (Patch("dpc:1:3", "_KDPC.DpcListEntry", "dpc:1:1+_KDPC.DpcListEntry"),)),
}
"""Name -> (system, what is written into it)."""
FORGED_CASES = (("resource", "user"), ("resource", "process"), ("mutex", "noncanonical"), ("mutant", "small"),
                ("mutant", "unmapped"))  # fmt: skip
DAMAGED: Mapping[str, Callable[[str], System]] = {
    **{f"{name}-{how}": partial(damaged_ring, name, how) for name in RINGS for how in HOWS},
    **{f"{what}-owner-{value}": partial(forged_owner, what, value) for what, value in FORGED_CASES},
    **{f"absurd-{name}": partial(absurd, *case) for name, case in ABSURD_NUMBERS.items()},
    "waiters-astray": waiter_ring_astray,
    "message-missing": partial(without, alpc_chain, "message:m0"),
    "handles-missing": partial(without, quiet_system, "handles:lsass"),
    "stack-missing": partial(without, lock_chain, "stack:head"),
    "thread-missing": partial(without, lock_chain, "thread:head"),
    "process-missing": partial(without, lock_chain, "process:labsvc"),
    "tags-missing": partial(without, nonpaged_leak, "tags:0"),
    "tags-of-one-missing": partial(without, nonpaged_leak, "tags:2"),
    "big-pages-missing": partial(without, nonpaged_leak, "big pages"),
    "processor-missing": partial(without, starvation, "prcb:1"),
    "shared-data-missing": partial(without, quiet_system, "shared user data"),
}
"""Name -> a system with that damage on a build's layout."""
