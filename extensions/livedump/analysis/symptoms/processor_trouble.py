"""What of the processors' state is trouble: starved threads, saturation, runaways, DPCs, interrupts, spin locks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

from livedump.analysis.symptoms.processor_shares import age_of, is_ranked, share_of, total_ticks
from livedump.analysis.symptoms.scene import Scene, thread_text
from livedump.analysis.symptoms.stacks import frame_name
from livedump.model.amounts import count_text, seconds_text
from livedump.model.findings import Confidence, Evidence
from livedump.model.frames import Frame, Trust
from livedump.model.machines import X64
from livedump.model.processors import Registers
from livedump.model.running import ReadyThread, Running, RunningProcessor
from livedump.model.symptoms import Symptom, SymptomKind
from livedump.model.threads import ProcessorUse, Thread
from livedump.reference.spin_frames import is_spinning

STARVED_SECONDS = 4
"""The balance set manager lifts a thread that has been ready for that long."""
STARVED_SECONDS_NORMAL = 1
"""Ours: the same for threads of priority 8 or more."""
NORMAL_PRIORITY = 8
RUNAWAY_SHARE, RUNAWAY_SECONDS = 0.9, 60
"""Ours: of one processor, since the thread was created."""
FEW_SWITCHES, LONG_RUN_SECONDS = 10, 30
"""Ours: a thread that runs, and hardly ever stopped."""
DPC_SHARE, DPC_SHARE_STRONG, DPC_QUEUE = 0.05, 0.3, 100
"""Ours: shares of all time since boot, and entries."""
INTERRUPT_SHARE, INTERRUPTS_PER_SECOND = 0.1, 50_000
"""Ours."""
DPC_DISPATCHERS = frozenset({"nt!KiExecuteAllDpcs", "nt!KiRetireDpcList"})
"""What calls a DPC's routine; the first from Windows 8 on, the second also before."""
CONVOY = 2
"""Processors that spin in one place."""


def find_processor_trouble(scene: Scene, running: Running) -> Iterator[Symptom]:
    """All findings of what was seen; ranking them is for later."""
    yield from _starved(scene, running)
    yield from _saturated(scene, running)
    yield from _runaway(scene, running)
    for use, processor in zip(scene.census.processors, running.processors):
        yield from _dpc_time(scene, use, processor)
        yield from _interrupt_time(processor)
    yield from _convoys(scene, running)


def _starved(scene: Scene, running: Running) -> Iterator[Symptom]:
    behind: defaultdict[int | None, list[ReadyThread]] = defaultdict(list)
    for each in running.ready:
        if each.seconds is not None and _is_starved(each, each.seconds):
            behind[each.processor].append(each)
    for number, starved in behind.items():
        hog = next((each for each in running.processors if each.number == number), None)
        yield _starvation(scene, starved, hog if hog and hog.busy else None, number)


def _is_starved(ready: ReadyThread, seconds: float) -> bool:
    normal = ready.priority is not None and ready.priority >= NORMAL_PRIORITY
    return seconds > (STARVED_SECONDS_NORMAL if normal else STARVED_SECONDS)


def _starvation(
    scene: Scene, starved: Sequence[ReadyThread], hog: RunningProcessor | None, number: int | None
) -> Symptom:
    longest = starved[0]
    above = hog is not None and all(_below(each, hog) for each in starved)
    waited = seconds_text(longest.seconds)
    who = count_text(len(starved), "ready thread")
    text = f"{who} {'has' if len(starved) == 1 else 'have'} waited for processor {number} for up to {waited}"
    evidence = [Evidence("starved", f"{thread_text(scene, longest.thread)} is ready since {waited}", "!ready")]
    if hog and hog.thread and above:
        who = thread_text(scene, hog.thread)
        text += f", behind {who} of priority {hog.priority}" + (f" in {hog.own_frame}" if hog.own_frame else "")
        evidence.append(Evidence("starved-by", f"{who} of priority {hog.priority} runs there", "!running -it"))
    return Symptom(
        SymptomKind.STARVED,
        text,
        Confidence.LIKELY if above else Confidence.POSSIBLE,
        tuple(evidence),
        threads=tuple(each.thread for each in starved),
        processes=tuple(dict.fromkeys(each.process for each in starved if each.process)),
        processor=number,
        count=len(starved),
        subject=(hog.process or "") if hog and above else "",
        weight=len(starved) * (longest.seconds or 0),
    )


def _below(ready: ReadyThread, hog: RunningProcessor) -> bool:
    return ready.priority is not None and hog.priority is not None and ready.priority < hog.priority


def _saturated(scene: Scene, running: Running) -> Iterator[Symptom]:
    others = [each for each in running.processors if not each.requester]
    waiting = [each for each in running.ready if each.seconds is None or not _is_starved(each, each.seconds)]
    if not others or not all(each.busy for each in others) or not waiting:
        return
    who = f"{'all ' if len(others) > 1 else ''}{count_text(len(others), 'processor')}"
    text = f"{who} busy with {count_text(len(running.ready), 'ready thread')} waiting, at the instant of the dump"
    fact = f"no processor was idle, {count_text(len(running.ready), 'thread')} ready"
    busiest = Counter(each.process for each in others if each.process).most_common()
    yield Symptom(
        SymptomKind.SATURATED,
        text,
        Confidence.LIKELY if len(others) > 1 and not scene.census.threads.problem else Confidence.POSSIBLE,
        (Evidence("saturated", fact, "!running -it"),),
        threads=tuple(each.thread for each in running.ready),
        processes=tuple(name for name, _ in busiest),
        count=len(running.ready),
        subject=busiest[0][0] if busiest else "",
        weight=len(running.ready),
    )


def _runaway(scene: Scene, running: Running) -> Iterator[Symptom]:
    on = {each.thread: each for each in running.processors if each.thread and each.busy}
    for thread in scene.census.threads:
        processor = on.get(thread.address)
        why = _why_runaway(scene, thread, processor) if is_ranked(scene, thread) and not thread.terminated else None
        if why:
            yield _runaway_thread(scene, thread, processor, why)


def _why_runaway(scene: Scene, thread: Thread, processor: RunningProcessor | None) -> str | None:
    age, share = age_of(scene, thread), share_of(scene, thread)
    if age and share is not None and age > RUNAWAY_SECONDS and share > RUNAWAY_SHARE:
        return f"it took {seconds_text(share * age)} of the {seconds_text(age)} since it was created"
    switches, since = thread.context_switches, scene.waited_seconds(thread)
    if processor is None or switches is None or since is None:
        return None
    if switches <= FEW_SWITCHES and since >= LONG_RUN_SECONDS:
        return f"it runs, was switched {count_text(switches, 'time')} and last became ready {seconds_text(since)} ago"
    return None


def _runaway_thread(scene: Scene, thread: Thread, processor: RunningProcessor | None, why: str) -> Symptom:
    frames = processor.frames if processor else ()
    own = _first_driver(frames)
    name = scene.process_name(thread)
    where = f" in {own.call_site}" if own else ""
    on = f" on processor {processor.number}" if processor else ""
    return Symptom(
        SymptomKind.RUNAWAY,
        f"{thread_text(scene, thread.address)} keeps a processor busy{on}{where}: {why}",
        Confidence.LIKELY if processor else Confidence.POSSIBLE,
        (Evidence("runaway", why, f"!thread {thread.address:x}"),),
        threads=(thread.address,),
        modules=(own.module,) if own and own.module else (),
        processes=(name,) if name else (),
        processor=processor.number if processor else None,
        subject=(own.module if own and own.module else name) or "",
        weight=scene.census.clock.seconds(thread.ticks) or 0,
    )


def _first_driver(frames: Iterable[Frame]) -> Frame | None:
    # A frame that was found by searching the stack blames nobody.
    for frame in frames:
        if frame.trust is Trust.SCAN or frame.kernel_mode is False:
            return None
        if frame.module not in (None, "nt", "hal"):
            return frame
    return None


def _dpc_time(scene: Scene, use: ProcessorUse, processor: RunningProcessor) -> Iterator[Symptom]:
    facts = list(_dpc_facts(scene, use))
    if not facts:
        return
    share = (processor.dpc_percent or 0) / 100
    strong = share > DPC_SHARE_STRONG or len(facts) > 1
    rules = {each.rule for each in facts}
    # The DPC that runs is none of those that wait.
    running = _running_dpc(scene, use, processor) if scene.live is False and rules != {"dpc-queue"} else None
    modules = tuple(dict.fromkeys(filter(None, (running, *processor.dpc_queue_modules))))
    text = _dpcs_text(use, processor, modules, "dpc-share" in rules)
    if "dpc-long" in rules:
        ran = seconds_text(scene.census.clock.seconds(use.dpc_ticks_now))
        text = f"a DPC{f' of {running}' if running else ''} has kept processor {use.number} for {ran}"
    yield Symptom(
        SymptomKind.DPC_TIME,
        text,
        Confidence.LIKELY if strong else Confidence.POSSIBLE,
        tuple(facts),
        modules=modules,
        processor=use.number,
        count=use.dpc_queue_depth or None,
        subject=modules[0] if modules else "",
        weight=share * 100 + (use.dpc_queue_depth or 0),
    )


def _dpcs_text(use: ProcessorUse, processor: RunningProcessor, modules: Sequence[str], by_share: bool) -> str:
    # A long queue alone says nothing of how the time went.
    by = f" of {', '.join(modules)}" if modules else ""
    if not by_share:
        return f"{use.dpc_queue_depth or 0:,} DPCs{by} wait in the queue of processor {use.number}"
    queued = f"; {use.dpc_queue_depth:,} are queued" if use.dpc_queue_depth else ""
    return f"DPCs{by} keep processor {use.number} busy: {processor.dpc_percent} % of its time since boot{queued}"


def _running_dpc(scene: Scene, use: ProcessorUse, processor: RunningProcessor) -> str | None:
    # Whose DPC runs. Windows 7 does not record it: there it is the driver that the kernel's dispatcher of DPCs called.
    if use.active_dpc:
        return scene.module_of(use.active_dpc.routine)
    called = list(takewhile(lambda frame: frame_name(frame) not in DPC_DISPATCHERS, processor.frames))
    driver = _first_driver(called) if len(called) < len(processor.frames) else None
    return driver.module if driver else None


def _dpc_facts(scene: Scene, use: ProcessorUse) -> Iterator[Evidence]:
    total = total_ticks(scene, use)
    if use.dpc_ticks is not None and total and use.dpc_ticks / total > DPC_SHARE:
        share = f"{100 * use.dpc_ticks / total:.1f} % of the time since boot went to DPCs"
        yield Evidence("dpc-share", share, f"dt nt!_KPRCB {use.prcb:x} DpcTime KernelTime UserTime")
    if use.dpc_queue_depth is not None and use.dpc_queue_depth > DPC_QUEUE:
        yield Evidence("dpc-queue", f"{use.dpc_queue_depth:,} DPCs wait in its queue", "!dpcs")
    now, limit = use.dpc_ticks_now, use.dpc_limit_ticks
    if scene.live is False and now and limit and now > limit / 2:
        ran = seconds_text(scene.census.clock.seconds(now))
        yield Evidence("dpc-long", f"the DPC that runs has run for {ran}", f"dt nt!_KPRCB {use.prcb:x} DpcTimeCount")


def _interrupt_time(processor: RunningProcessor) -> Iterator[Symptom]:
    share, rate = processor.interrupt_percent, processor.interrupts_per_second
    by_share = share is not None and share > 100 * INTERRUPT_SHARE
    by_rate = rate is not None and rate > INTERRUPTS_PER_SECOND
    if not by_share and not by_rate:
        return
    fact = f"{rate or 0:,.0f} interrupts a second"
    if share is not None:
        fact = f"{share} % of the time since boot went to interrupts" + (f", {rate:,.0f} a second" if rate else "")
    yield Symptom(
        SymptomKind.INTERRUPT_TIME,
        f"interrupts keep processor {processor.number} busy: {fact}",
        Confidence.LIKELY if by_share and by_rate else Confidence.POSSIBLE,
        (Evidence("interrupt-share", fact, "!running -it"),),
        processor=processor.number,
        weight=share or 0,
    )


def _convoys(scene: Scene, running: Running) -> Iterator[Symptom]:
    # In a live dump nobody can be caught spinning: the capture waits until every processor has left such a place.
    spinning: defaultdict[str, list[RunningProcessor]] = defaultdict(list)
    for each in running.processors if scene.live is not True else ():
        caller = _spins_for(each.frames)
        if caller:
            spinning[caller].append(each)
    for caller, group in spinning.items():
        if len(group) >= CONVOY:
            yield _convoy(scene, caller, group)


def _spins_for(frames: Sequence[Frame]) -> str | None:
    # The function that wants the lock: the first frame that is no part of acquiring it.
    if not frames or not _is_spin(frames[0]):
        return None
    caller = next((frame for frame in frames if not _is_spin(frame)), None)
    return None if caller is None or caller.trust is Trust.SCAN else f"{caller.module}!{caller.symbol}"


def _is_spin(frame: Frame) -> bool:
    return bool(frame.symbol) and is_spinning(f"{frame.module}!{frame.symbol}")


def _convoy(scene: Scene, caller: str, group: Sequence[RunningProcessor]) -> Symptom:
    numbers = ", ".join(str(each.number) for each in group)
    lock = _common_lock([scene.registers.get(each.number) for each in group])
    on = f" on the lock at {lock:x}" if lock else ", likely on one lock"
    evidence = [Evidence("spin-lock", f"processors {numbers} spin in calls of {caller}", "!running -it")]
    if lock:
        evidence.append(Evidence("spin-lock-address", f"the same address {lock:x} is in a register of each", "r"))
    module = caller.partition("!")[0]
    return Symptom(
        SymptomKind.SPIN_LOCK,
        f"processors {numbers} spin{on}, called from {caller}",
        Confidence.CERTAIN if lock and scene.live is False else Confidence.LIKELY,
        tuple(evidence),
        threads=tuple(each.thread for each in group if each.thread),
        objects=(lock,) if lock else (),
        modules=(module,),
        count=len(group),
        subject=module,
        weight=len(group),
    )


def _common_lock(registers: Sequence[Registers | None]) -> int | None:
    known = [{each.general[at] for at in _LOCK_REGISTERS.get(each.machine, ())} for each in registers if each]
    if len(known) < len(registers) or not known:
        return None
    common = sorted(value for value in set.intersection(*known) if value >> 47 == 0x1FFFF)
    return common[0] if len(common) == 1 else None


_LOCK_REGISTERS = {X64: (1, 3, 7)}
"""Where the functions that spin keep the lock's address: rcx, rbx and rdi. Of other machines that is not known."""
