"""The wait graph: chains down to the thread that everybody waits for, cycles, locks whose owner has ended.

A thread that waits for a lock leads to those who hold it, and so on. Where the walk comes back it is a deadlock; where
it ends stands the head. What is not known of the owners ends a chain too, and is said.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from livedump.analysis.symptoms.requests import request_text, requests_of_threads
from livedump.analysis.symptoms.said import said_by
from livedump.analysis.symptoms.scene import Scene, short_thread_text, thread_text
from livedump.analysis.symptoms.stacks import first_driver, frame_name, wait_function
from livedump.analysis.symptoms.work_queues import examine_work_queues
from livedump.model.amounts import count_text, seconds_text
from livedump.model.errors import DumpError
from livedump.model.findings import Confidence, Evidence
from livedump.model.frames import Trust
from livedump.model.listing import joined_problems
from livedump.model.symptoms import AnalysisState, Symptom, SymptomKind
from livedump.model.waits import Chain, Link, ObjectKind, ThreadWait, WaitedObject, WaitFacts, Waits

MAX_CHAINS = 64
MAX_LINKS = 32
"""Of one chain that are shown: those nearest to its head."""
FEWEST_BEHIND = 1


@said_by("waits")
def examine_waits(scene: Scene) -> tuple[Waits, tuple[Symptom, ...]]:
    """Chains, cycles and orphans, and the findings on them."""
    if isinstance(scene.waits, DumpError):
        return Waits(AnalysisState.NOT_KNOWN, str(scene.waits), "not known"), ()
    facts = scene.waits
    graph = _Graph(scene, facts)
    queues, stuck = examine_work_queues(scene)
    chains, cycles = graph.chains(), graph.cycles()
    waits = Waits(
        state=_state(graph, facts),
        reason=joined_problems(facts.waits.problem, _unrecorded(graph, facts), _queue_problem(scene)),
        summary=_summary(facts, chains, cycles, graph),
        chains=tuple(chains[:MAX_CHAINS]),
        more_chains=max(0, len(chains) - MAX_CHAINS),
        cycles=tuple(cycle.threads for cycle in cycles),
        waits=tuple(graph.owned.values()),
        work_queues=queues,
    )
    locks = (*_deadlocks(scene, graph, cycles, facts), *_orphans(scene, graph, facts), *_blocked(scene, chains))
    return waits, (*locks, *stuck)


def _state(graph: _Graph, facts: WaitFacts) -> AnalysisState:
    # A list that is not whole never shows that there is nothing.
    if graph.owned:
        return AnalysisState.FOUND
    return AnalysisState.NOT_CAPTURED if facts.waits.problem else AnalysisState.NONE


def _queue_problem(scene: Scene) -> str | None:
    return None if isinstance(scene.requests, DumpError) else scene.requests.queues.problem


def explained_threads(waits: Waits) -> frozenset[int]:
    """Threads whose waiting the wait graph explains, heads included: no long wait of its own."""
    heads = {head for chain in waits.chains for head in chain.heads}
    return frozenset(heads | {wait.thread for wait in waits.waits if wait.owners})


class _Cycle(NamedTuple):
    threads: tuple[int, ...]
    """In the order in which each waits for the next, from the lowest address."""
    behind: int


class _Graph:
    # Threads that wait for something owned, and where their owners lead.

    def __init__(self, scene: Scene, facts: WaitFacts) -> None:
        self.scene = scene
        self.owned: Mapping[int, ThreadWait] = {
            wait.thread: wait for wait in facts.waits if wait.object.kind.owned and not scene.is_requester(wait.thread)
        }
        self._ends: dict[int, int] = {}

    def end_of(self, thread: int) -> int:
        """The last waiting thread on the way from ``thread`` to a head, or the lowest address of the cycle it meets."""
        path: list[int] = []
        seen: dict[int, int] = {}
        at = thread
        while at not in self._ends and at not in seen:
            seen[at] = len(path)
            path.append(at)
            following = self.following(at)
            if following is None:
                self._ends[at] = at
                break
            at = following
        end = self._ends[at] if at in self._ends else min(path[seen[at] :])
        self._ends.update(dict.fromkeys(path, end))
        return end

    def following(self, thread: int) -> int | None:
        """The owner that itself waits for something owned, if there is one; None in front of a head."""
        wait = self.owned[thread]
        return next((owner for owner in wait.owners if owner in self.owned), None)

    def cycles(self) -> list[_Cycle]:
        """Each cycle once, with how many threads wait for it from outside."""
        groups = self._by_end()
        found = []
        for end, members in groups.items():
            if self.following(end) is None:
                continue
            ring = [end]
            at = self.following(end)
            while at is not None and at != end and len(ring) <= len(members):
                ring.append(at)
                at = self.following(at)
            found.append(_Cycle(tuple(ring), len(members) - len(ring)))
        return found

    def chains(self) -> list[Chain]:
        """Each head once, with the longest way to it; the one with most threads behind it first."""
        known: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
        unknown: defaultdict[WaitedObject, dict[int, list[int]]] = defaultdict(dict)
        for end, members in self._by_end().items():
            wait = self.owned[end]
            if wait.owners and self.following(end) is None:
                known[wait.owners].extend(members)
            elif not wait.owners and wait.lost_owner is None:
                unknown[wait.object][end] = members
        chains = [self._chain(heads, members) for heads, members in known.items()]
        chains += [self._ownerless_chain(lock, groups) for lock, groups in unknown.items()]
        return sorted(chains, key=lambda chain: (-chain.behind, chain.heads))

    def _by_end(self) -> Mapping[int, list[int]]:
        groups: defaultdict[int, list[int]] = defaultdict(list)
        for thread in self.owned:
            groups[self.end_of(thread)].append(thread)
        return groups

    def _chain(self, heads: tuple[int, ...], members: Sequence[int]) -> Chain:
        waiting = [thread for thread in members if thread not in heads]
        objects = (self.owned[thread].object for thread in members if self.owned[thread].owners == heads)
        links = self._links(self._farthest(members))
        head = heads[0]
        place, name = _place(self.scene, head), short_thread_text(self.scene, head)
        return Chain(head, heads, len(waiting), tuple(dict.fromkeys(objects)), links, place, name)

    def _ownerless_chain(self, lock: WaitedObject, groups: Mapping[int, Sequence[int]]) -> Chain:
        # As far as can be seen those are the heads that wait for the lock and have others behind them.
        heads = tuple(end for end, members in groups.items() if len(members) > 1)
        behind = sum(len(members) for members in groups.values()) - len(heads)
        links = self._links(self._farthest([thread for each in groups.values() for thread in each]))
        if heads:
            behind = sum(len(groups[head]) - 1 for head in heads)
        name = short_thread_text(self.scene, heads[0]) if heads else None
        return Chain(next(iter(heads), None), heads, behind, (lock,), links, None, name)

    def _farthest(self, members: Sequence[int]) -> int:
        # All of them lead to a head, so that no walk comes back.
        depths: dict[int, int] = {}
        for thread in members:
            path: list[int] = []
            at: int | None = thread
            while at is not None and at not in depths:
                path.append(at)
                at = self.following(at)
            below = 0 if at is None else depths[at]
            depths.update((each, below + step) for step, each in enumerate(reversed(path), 1))
        return max(members, key=depths.__getitem__)

    def _links(self, thread: int | None) -> tuple[Link, ...]:
        # Those nearest to the head say most, where a chain is longer than what is kept of it.
        links: deque[Link] = deque(maxlen=MAX_LINKS)
        while thread is not None:
            wait = self.owned[thread]
            record = self.scene.threads.get(thread)
            held_by = wait.owners[0] if wait.owners else None
            seconds = self.scene.waited_seconds(record) if record else None
            name = short_thread_text(self.scene, thread)
            links.append(Link(thread, wait.object, held_by, len(wait.owners), seconds, name))
            thread = self.following(thread)
        return tuple(links)


def _place(scene: Scene, thread: int) -> str | None:
    stack = scene.stack_of(thread)
    if stack is None:
        running = next((each for each in scene.census.processors if each.current_thread == thread), None)
        return f"it runs on processor {running.number}" if running else None
    names = [frame_name(frame) for frame in stack.frames if frame.trust is not Trust.SCAN]
    return wait_function(names)


def _drivers(scene: Scene, thread: int) -> tuple[str, ...]:
    # Whoever has the thread's request, else the first module on its stack that is not the kernel.
    stack = scene.stack_of(thread)
    requests = requests_of_threads(scene).get(thread)
    driver = requests[0].driver if requests else first_driver(stack.frames) if stack else None
    return (driver,) if driver else ()


def _deadlocks(scene: Scene, graph: _Graph, cycles: Iterable[_Cycle], facts: WaitFacts) -> Iterator[Symptom]:
    for cycle in cycles:
        steps = [graph.owned[thread] for thread in cycle.threads]
        told = "; ".join(f"{thread_text(scene, each.thread)} waits for {_object(each.object)}" for each in steps)
        held = "each held by the next" if len(steps) > 1 else "which it holds itself"
        wait = "wait" if cycle.behind > 1 else "waits"
        behind = f"; {count_text(cycle.behind, 'more thread')} {wait} behind" if cycle.behind else ""
        evidence = [
            Evidence(
                "deadlock",
                f"{_object(each.object)} is held by {_owner_text(scene, each)}, for whom {each.thread:x} waits",
                f"!thread {each.thread:x}",
            )
            for each in steps
        ]
        yield Symptom(
            SymptomKind.DEADLOCK,
            f"deadlock: {told}, {held}{behind}",
            Confidence.CERTAIN if facts.waits.problem is None and len(steps) > 1 else Confidence.LIKELY,
            tuple(evidence),
            threads=cycle.threads,
            objects=tuple(each.object.address for each in steps),
            processes=_processes(scene, cycle.threads),
            count=cycle.behind,
            subject=next(iter(_processes(scene, cycle.threads)), ""),
            weight=cycle.behind + len(steps),
        )


class _Orphan(NamedTuple):
    lock: WaitedObject
    ended: tuple[int, ...]
    """Owners that have ended and are still listed."""
    lost: int | None
    """What the lock says of its owner and where no thread is."""


def _orphans(scene: Scene, graph: _Graph, facts: WaitFacts) -> Iterator[Symptom]:
    waiting: defaultdict[_Orphan, list[ThreadWait]] = defaultdict(list)
    for wait in graph.owned.values():
        ended = tuple(owner for owner in wait.owners if owner in scene.threads and scene.threads[owner].terminated)
        if wait.object.kind is not ObjectKind.THREAD and (ended or wait.lost_owner):
            waiting[_Orphan(wait.object, ended, wait.lost_owner)].append(wait)
    for orphan, waits in waiting.items():
        yield _held_by_nobody(scene, orphan, waits, facts.waits.problem is None)


def _held_by_nobody(scene: Scene, orphan: _Orphan, waits: Sequence[ThreadWait], whole: bool) -> Symptom:
    lock, ended = orphan.lock, orphan.ended
    owner = f"{thread_text(scene, ended[0])}, which has ended" if ended else f"{orphan.lost:x}, where no thread is"
    who = count_text(len(waits), "thread")
    return Symptom(
        SymptomKind.ORPHAN_LOCK,
        f"{_object(lock)} is held by {owner}; {who} wait{'s' if len(waits) == 1 else ''} for it",
        Confidence.LIKELY if ended or whole else Confidence.POSSIBLE,
        (Evidence("orphan-lock", f"{_object(lock)} names {owner} as its owner", _check(lock)),),
        threads=ended,
        objects=(lock.address,),
        processes=_processes(scene, [*ended, *(wait.thread for wait in waits)]),
        count=len(waits),
        weight=len(waits),
    )


def _blocked(scene: Scene, chains: Iterable[Chain]) -> Iterator[Symptom]:
    for chain in chains:
        heads = [scene.threads[head] for head in chain.heads if head in scene.threads]
        if chain.behind < FEWEST_BEHIND or any(head.terminated for head in heads) or _is_one_alone(chain):
            continue
        yield _blocked_behind(scene, chain)


def _is_one_alone(chain: Chain) -> bool:
    # Waits for something whose owner is not known, and nobody is behind: a long wait, at the most.
    ordinary = chain.objects[0].kind is ObjectKind.ALPC_MESSAGE or chain.behind == 1
    return chain.head is None and ordinary


def _blocked_behind(scene: Scene, chain: Chain) -> Symptom:
    return _behind_heads(scene, chain) if chain.links[-1].held_by is not None else _behind_nobody(scene, chain)


def _behind_heads(scene: Scene, chain: Chain) -> Symptom:
    head = chain.heads[0]
    record = scene.threads.get(head)
    waited = scene.waited_seconds(record) if record and record.waits else None
    requests = requests_of_threads(scene).get(head)
    where = f" in {chain.why}" if chain.why else ""
    where += f" with {request_text(requests)}" if requests else ""
    since = f"{' for at least' if requests else ' for'} {seconds_text(waited)}" if waited is not None else ""
    does = "is suspended" if record and record.suspend_count else "waits" if waited is not None else "stands"
    lock = chain.objects[0]
    known = does != "stands" or where
    doing = f", which {does}{where}{since}" if known else ""
    who = thread_text(scene, head)
    stands = f"{who} {does}{where}{since}" if known else f"where {who} stands is not known"
    modules, processes = _drivers(scene, head), _processes(scene, chain.heads)
    return Symptom(
        SymptomKind.BLOCKED,
        f"{_behind(chain.behind)} {_heads_text(scene, chain)}{doing}",
        Confidence.LIKELY,
        (
            Evidence("blocked", f"it holds {_object(lock)}, for which others wait", _check(lock)),
            Evidence("head", stands, f"!thread {head:x}"),
        ),
        threads=chain.heads,
        objects=tuple(each.address for each in chain.objects),
        modules=modules,
        processes=processes,
        count=chain.behind,
        subject=(modules or processes or ("",))[0],
        weight=chain.behind * 100 + (waited or 0) / 3600,
    )


def _behind_nobody(scene: Scene, chain: Chain) -> Symptom:
    # The owner is not known: what can be said is for what they wait, and who else stands behind those who do.
    lock = chain.objects[0]
    who = f" {_heads_text(scene, chain)}, which waits" if chain.heads else ""
    last = [link.thread for link in chain.links[-1:]]
    return Symptom(
        SymptomKind.BLOCKED,
        f"{_behind(chain.behind) if chain.heads else _waiting(chain.behind)}{who} for {_object(lock)}, "
        "whose owner is not known",
        Confidence.POSSIBLE,
        (Evidence("blocked", f"{_object(lock)} is what they wait for", _check(lock)),),
        threads=chain.heads,
        objects=(lock.address,),
        processes=_processes(scene, chain.heads or last),
        count=chain.behind,
        weight=chain.behind * 100,
    )


def _behind(count: int) -> str:
    return f"{_waiting(count)} behind"


def _waiting(count: int) -> str:
    return f"{count_text(count, 'thread')} wait{'s' if count == 1 else ''}"


def _heads_text(scene: Scene, chain: Chain) -> str:
    others = len(chain.heads) - 1
    return thread_text(scene, chain.heads[0]) + (f" and {count_text(others, 'other owner')}" if others else "")


def _owner_text(scene: Scene, wait: ThreadWait) -> str:
    return thread_text(scene, wait.owners[0]) if wait.owners else "an owner who is not known"


def _object(waited: WaitedObject) -> str:
    return f"the {waited.kind.title} {waited.address:x}"


def _check(waited: WaitedObject) -> str:
    commands = {
        ObjectKind.RESOURCE: "!locks",
        ObjectKind.ALPC_MESSAGE: "!alpc /m",
        ObjectKind.MUTANT: "!object",
        ObjectKind.THREAD: "!thread",
    }
    command = commands.get(waited.kind)
    return f"{command} {waited.address:x}" if command else f"dps {waited.address:x} L2"


def _processes(scene: Scene, threads: Iterable[int]) -> tuple[str, ...]:
    names = (scene.process_name(scene.threads.get(thread)) for thread in threads)
    return tuple(dict.fromkeys(name for name in names if name))


def _unrecorded(graph: _Graph, facts: WaitFacts) -> str | None:
    unknown = any(wait.object.kind is ObjectKind.PUSH_LOCK and not wait.owners for wait in graph.owned.values())
    return None if facts.push_locks_known or not unknown else "this build does not record who holds push locks"


def _resources_text(facts: WaitFacts) -> str:
    # Where the list could not be read, none of none is held would be made of zeros that nobody saw.
    if facts.resources_whole:
        return f"{facts.held_resources:,} of {count_text(facts.resources, 'ERESOURCE')} held"
    if not facts.resources:
        return "no ERESOURCE could be read"
    return f"{facts.held_resources:,} held of the {count_text(facts.resources, 'ERESOURCE')} that could be read"


def _summary(facts: WaitFacts, chains: Sequence[Chain], cycles: Sequence[_Cycle], graph: _Graph) -> str:
    locks = _resources_text(facts)
    waiting = len(graph.owned)
    if not waiting and graph.scene.said is not None:
        return f"{locks}; no thread is listed that waits for one"
    if not waiting:
        seen = "is seen to wait" if facts.waits.problem else "waits"
        return f"{locks}; no thread {seen} for a lock that another holds"
    dead = f", {count_text(len(cycles), 'deadlock')}" if cycles else ""
    longest = f"; {chains[0].behind:,} behind the first" if chains else ""
    return f"{locks}; {count_text(waiting, 'thread')} in {count_text(len(chains), 'chain')}{dead}{longest}"
