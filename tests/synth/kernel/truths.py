"""What holds for a made-up system: its description, and where its things were put. No reader is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.synth.execution import Frame
from tests.synth.kernel.processors import capture_frames
from tests.synth.kernel.queues import queues_of
from tests.synth.kernel.spec import (
    DEFERRED_READY,
    READY,
    STANDBY,
    TERMINATED,
    WAITING,
    Expected,
    Irp,
    Process,
    Processor,
    System,
    Thread,
    WorkQueue,
)
from tests.synth.kernel.tasks import IDLE
from tests.synth.kernel.waits import entry_address
from tests.synth.kernel.world import World


@dataclass(frozen=True)
class TruthThread:
    """A thread, where it is, and its stack."""

    key: str
    address: int
    process: int
    pid: int
    waits_seconds: float
    """Since the wait began or since it became ready."""
    frames: tuple[Frame, ...]
    """Innermost first, as a debugger shows them; empty for a stack that is not there."""
    spec: Thread


@dataclass(frozen=True)
class TruthProcess:
    """A process and where it is."""

    key: str
    address: int
    threads: tuple[int, ...]
    """ETHREADs on its list."""
    active_threads: int
    handle_count: int | None
    """None when its handle table is not there."""
    kernel_ticks: int
    user_ticks: int
    zombie: bool
    spec: Process


@dataclass(frozen=True)
class TruthProcessor:
    """What a processor does."""

    number: int
    thread: int
    process: int
    idle: bool
    frames: tuple[Frame, ...]
    """With those that the capture added."""
    captured: int
    """How many frames on top the capture added."""
    own_frame: str
    """Call site of the first frame that is its own."""
    dpc_share: float
    """Of all time since boot, as are the two below."""
    interrupt_share: float
    idle_share: float
    queued_modules: tuple[str, ...]
    spec: Processor


@dataclass(frozen=True)
class TruthFinding:
    """A finding with addresses in place of keys."""

    kind: str
    threads: tuple[int, ...]
    objects: tuple[int, ...]
    processes: tuple[int, ...]
    modules: tuple[str, ...]
    processor: int | None
    count: int | None
    text: str
    optional: bool


@dataclass(frozen=True)
class TruthRequest:
    """A request that a thread made."""

    key: str
    irp: int
    thread: int
    """0 when it is on no thread's list."""
    completed: bool
    driver: str
    """Name of the driver object that has it now; empty when it is completed, as is the device."""
    module: str
    device: int
    major: int | None
    waits_seconds: float
    """How long its thread has waited: it is at least as old."""


@dataclass(frozen=True)
class TruthQueue:
    """A system work queue."""

    key: str
    address: int
    node: int
    index: int
    pending: int
    workers: tuple[int, ...]
    spec: WorkQueue


@dataclass(frozen=True)
class TruthChains:
    """Who waits for whom, by the owners that the system's memory records."""

    edges: Mapping[int, tuple[int, ...]]
    """Thread -> threads that hold what it waits for."""
    heads: Mapping[int, int]
    """Thread that waits for no other -> how many wait behind it."""
    cycles: tuple[tuple[int, ...], ...]
    """Threads that wait for each other in a ring, each ring from its lowest address on."""


@dataclass(frozen=True)
class Truth:
    """What holds for one dump, whoever reads it."""

    system: System
    kernel_base: int
    names: Mapping[str, int]
    """Address of everything by name: ``thread:KEY``, ``process:KEY``, ``resource:KEY``, ``global:NAME``..."""
    requester: int
    threads: tuple[TruthThread, ...]
    """All, those of the idle process first."""
    processes: tuple[TruthProcess, ...]
    """The idle process first, then those of the active list in its order."""
    processors: tuple[TruthProcessor, ...]
    ready: tuple[TruthThread, ...]
    """Threads that wait for a processor, the longest first."""
    expected: tuple[TruthFinding, ...]
    module_bases: Mapping[str, int]
    chains: TruthChains
    requests: tuple[TruthRequest, ...]
    work_queues: tuple[TruthQueue, ...]

    def thread(self, key: str) -> TruthThread:
        """The thread called ``key``."""
        return next(thread for thread in self.threads if thread.key == key)

    def process(self, key: str) -> TruthProcess:
        """The process called ``key``."""
        return next(process for process in self.processes if process.key == key)


def truth_of(world: World) -> Truth:
    """What holds for the system in ``world``."""
    system = world.system
    threads = tuple(_thread(world, thread) for thread in world.threads.values())
    waiting = [thread for thread in threads if thread.spec.state in (READY, STANDBY, DEFERRED_READY)]
    names = {**world.names, **{f"global:{name}": world.global_address(name) for name in world.layout.globals}}
    return Truth(
        system,
        world.images["nt"].base,
        names,
        world.address(f"thread:{system.requester}"),
        threads,
        tuple(_process(world, process, threads) for process in (IDLE, *system.present)),
        tuple(_processor(world, number, processor) for number, processor in enumerate(system.processors)),
        tuple(sorted(waiting, key=lambda thread: -thread.waits_seconds)),
        tuple(_finding(world, each) for each in system.expected),
        {module: loaded.base for module, loaded in world.images.items()},
        _chains(world),
        tuple(_request(world, irp) for irp in system.irps),
        tuple(_queue(world, queue) for queue in queues_of(world)),
    )


def _thread(world: World, thread: Thread) -> TruthThread:
    there = thread.resident and thread.state != TERMINATED and f"stack:{thread.key}" not in world.system.dump.omit
    return TruthThread(
        thread.key,
        world.address(f"thread:{thread.key}"),
        world.address(f"process:{thread.process}"),
        world.pids[thread.process],
        world.system.clock.seconds(thread.since_ticks & 0xFFFF_FFFF),
        world.runs[thread.key].frames if there else (),
        thread,
    )


def _process(world: World, process: Process, threads: tuple[TruthThread, ...]) -> TruthProcess:
    address = world.address(f"process:{process.key}")
    own = [thread for thread in threads if thread.process == address]
    kernel = sum(thread.spec.kernel_ticks for thread in own) if process.kernel_ticks is None else process.kernel_ticks
    user = sum(thread.spec.user_ticks for thread in own) if process.user_ticks is None else process.user_ticks
    active = sum(not thread.spec.terminated for thread in own)
    handles = sum(count for _, count in process.handles)
    return TruthProcess(
        process.key,
        address,
        tuple(thread.address for thread in own),
        active,
        None if {"arena:paged", f"handles:{process.key}"} & {*world.system.dump.omit} else handles,
        kernel,
        user,
        process.key != "Idle" and (process.exited_seconds is not None or active == 0),
        process,
    )


def _processor(world: World, number: int, processor: Processor) -> TruthProcessor:
    frames = world.runs[processor.thread].frames
    captured = len(capture_frames(world.system, number))
    total = processor.kernel_ticks + processor.user_ticks
    return TruthProcessor(
        number,
        world.address(f"thread:{processor.thread}"),
        world.address(f"process:{world.threads[processor.thread].process}"),
        processor.thread.startswith("idle:"),
        frames,
        captured,
        frames[captured].site,
        processor.dpc_ticks / total,
        processor.interrupt_ticks / total,
        processor.idle_ticks / total,
        tuple(routine.partition("!")[0] for routine in processor.queued_dpcs),
        processor,
    )


def _request(world: World, irp: Irp) -> TruthRequest:
    completed = irp.current > len(irp.locations)
    location = None if completed else irp.locations[irp.current - 1]
    device = next((each for each in world.system.devices if location and each.key == location.device), None)
    driver = next((each for each in world.system.driver_objects if device and each.key == device.driver), None)
    thread = world.threads.get(irp.thread)
    return TruthRequest(
        irp.key,
        world.address(f"irp:{irp.key}"),
        world.address(f"thread:{irp.thread}") if irp.thread else 0,
        completed,
        driver.name if driver else "",
        driver.module if driver else "",
        world.address(f"device:{device.key}") if device else 0,
        location.major if location else None,
        world.system.clock.seconds(thread.since_ticks) if thread else 0.0,
    )


def _queue(world: World, queue: WorkQueue) -> TruthQueue:
    workers = [thread.key for thread in world.threads.values() if thread.queue == queue.key]
    return TruthQueue(
        queue.key,
        world.address(f"queue:{queue.key}"),
        queue.node,
        queue.index,
        len(queue.pending),
        tuple(world.address(f"thread:{key}") for key in workers),
        queue,
    )


def owners_of(world: World) -> dict[str, tuple[str, ...]]:
    """Name of a thing that one can wait for -> threads that hold it, as far as memory records them."""
    system = world.system
    owners: dict[str, tuple[str, ...]] = {}
    for resource in system.resources:
        held = (resource.exclusive,) if resource.exclusive else tuple(key for key, _ in resource.shared)
        owners[f"resource:{resource.key}"] = held
    if entry_address(world, system.requester, 0):
        owners.update({f"push:{lock.key}": lock.owners for lock in system.push_locks if lock.recorded})
    owners.update({f"mutex:{mutex.key}": (mutex.owner,) if mutex.owner else () for mutex in system.mutexes})
    owners.update({f"mutant:{mutant.key}": (mutant.owner,) if mutant.owner else () for mutant in system.mutants})
    owners.update({f"message:{each.key}": (each.server,) if each.server else () for each in system.messages})
    owners.update({f"thread:{key}": (key,) for key in world.threads})
    return owners


def _chains(world: World) -> TruthChains:
    owners = owners_of(world)
    edges: dict[str, tuple[str, ...]] = {}
    for thread in world.threads.values():
        names = [wait.on for wait in thread.waits] + ([f"message:{thread.message}"] if thread.message else [])
        held = tuple(owner for name in names for owner in owners.get(name, ()) if owner in world.threads)
        if held and thread.state == WAITING:
            edges[thread.key] = held
    reached = {key: _reach(edges, key) for key in edges}
    behind: dict[str, int] = {}
    for reach in reached.values():
        for head in reach:
            if head not in edges:
                behind[head] = behind.get(head, 0) + 1
    rings = {
        frozenset(each for each in reach if key in reached.get(each, ()))
        for key, reach in reached.items()
        if key in reach
    }
    at = {key: world.address(f"thread:{key}") for key in world.threads}
    return TruthChains(
        {at[key]: tuple(at[owner] for owner in held) for key, held in edges.items()},
        {at[key]: count for key, count in behind.items()},
        tuple(_ring_from_lowest(ring, edges, at) for ring in sorted(rings, key=sorted)),
    )


def _reach(edges: Mapping[str, tuple[str, ...]], start: str) -> set[str]:
    """Threads that ``start`` waits for, directly or behind others."""
    reached: set[str] = set()
    waiting = list(edges[start])
    while waiting:
        key = waiting.pop()
        if key not in reached:
            reached.add(key)
            waiting += edges.get(key, ())
    return reached


def _ring_from_lowest(
    ring: frozenset[str], edges: Mapping[str, tuple[str, ...]], at: Mapping[str, int]
) -> tuple[int, ...]:
    """The ring's threads in the order in which one waits for the next."""
    order = [min(ring, key=at.__getitem__)]
    while len(order) < len(ring):
        order.append(next(owner for owner in edges[order[-1]] if owner in ring))
    return tuple(at[key] for key in order)


def _finding(world: World, expected: Expected) -> TruthFinding:
    return TruthFinding(
        expected.kind,
        tuple(world.address(f"thread:{key}") for key in expected.threads),
        tuple(world.address(name) for name in expected.objects),
        tuple(world.address(f"process:{key}") for key in expected.processes),
        expected.modules,
        expected.processor,
        expected.count,
        expected.text,
        expected.optional,
    )
