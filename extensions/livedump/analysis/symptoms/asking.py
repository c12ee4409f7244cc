"""The questions about symptoms, each asked of an engine by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livedump.analysis.scope import judge_scope
from livedump.analysis.symptoms.examining import of_stacks_alone, ranked
from livedump.analysis.symptoms.gathering import gather
from livedump.analysis.symptoms.memory import examine_memory
from livedump.analysis.symptoms.processors import examine_processors
from livedump.analysis.symptoms.requests import examine_requests
from livedump.analysis.symptoms.scene import Scene
from livedump.analysis.symptoms.stacks import group_stacks, survey_stacks
from livedump.analysis.symptoms.unexamined import nothing_known
from livedump.analysis.symptoms.waits import examine_waits
from livedump.analysis.triage import is_live
from livedump.model.dump import Scope
from livedump.model.errors import DumpError, NotKnown
from livedump.model.examination import MemoryFindings, RequestFindings, RunningFindings, StackFindings, WaitFindings
from livedump.model.patience import Time, patience_of
from livedump.model.threads import Thread

if TYPE_CHECKING:
    from livedump.model.engine import Engine


def find_running(engine: Engine, time: Time = None) -> RunningFindings:
    """Who runs on each processor, who waits for one, who took most time; ``time`` is in seconds.

    Raises:
        DumpError: the file is no dump that can be judged.
    """
    scene = _scene_or_error(engine, time)
    if isinstance(scene, DumpError):
        return RunningFindings((), nothing_known(scene).processors)
    running, findings = examine_processors(scene)
    return RunningFindings(ranked(findings), running)


def find_stacks_of_threads(
    engine: Engine,
    module: str | None = None,
    process: str | None = None,
    thread: str | None = None,
    time: Time = None,
) -> StackFindings:
    """The stacks of all threads that do not run, like ones together.

    ``module`` keeps those with a frame in that module, ``process`` those of processes of that name or id, ``thread``
    the one of that address or id.

    Raises:
        DumpError: the file is no dump that can be judged.
        NotKnown: no thread is the one that was asked for.
    """
    scene = _scene_or_error(engine, time)
    if isinstance(scene, DumpError):
        return StackFindings((), nothing_known(scene).stacks)
    survey, findings = survey_stacks(scene)
    if not (module or process or thread):
        return StackFindings(ranked(findings), survey)
    chosen = [each for each in scene.census.threads if _is_chosen(scene, each, module, process, thread)]
    if not chosen and (process or thread):
        raise NotKnown(f"no thread of the dump is one of {thread or process}; 'livedump processes' lists all of them")
    stacks = ((each, stack) for each in chosen if (stack := scene.stack_of(each.address)) is not None)
    kept = {each.address for each in chosen}
    findings = tuple(each for each in findings if kept.intersection(each.threads))
    return StackFindings(ranked(findings), survey._replace(groups=group_stacks(scene, stacks)))


def find_waits(engine: Engine, time: Time = None) -> WaitFindings:
    """Who waits for whom, down to the threads that everybody waits for; ``time`` is in seconds.

    Raises:
        DumpError: the file is no dump that can be judged.
    """
    scene = _scene_or_error(engine, time)
    if isinstance(scene, DumpError):
        return WaitFindings((), nothing_known(scene).waits)
    waits, findings = examine_waits(scene)
    return WaitFindings(ranked(findings), waits)


def find_memory(engine: Engine, time: Time = None) -> MemoryFindings:
    """What memory is used for: commit, pools, tags and their owners, handles, processes; ``time`` is in seconds.

    Raises:
        DumpError: the file is no dump that can be judged.
    """
    scene = _scene_or_error(engine, time)
    if isinstance(scene, DumpError):
        return MemoryFindings((), nothing_known(scene).memory)
    use, findings = examine_memory(scene)
    return MemoryFindings(ranked(findings), of_stacks_alone(use) if _holds_stacks_alone(engine) else use)


def find_requests(engine: Engine, time: Time = None) -> RequestFindings:
    """Requests that drivers have not completed, by driver; ``time`` is in seconds.

    Raises:
        DumpError: the file is no dump that can be judged.
    """
    scene = _scene_or_error(engine, time)
    if isinstance(scene, DumpError):
        return RequestFindings((), nothing_known(scene).requests)
    requests, findings = examine_requests(scene)
    return RequestFindings(ranked(findings), requests)


def _holds_stacks_alone(engine: Engine) -> bool:
    scope, _ = judge_scope(engine.dump(), is_live(engine), user_pages=None)
    return scope is Scope.KERNEL_STACKS


def _scene_or_error(engine: Engine, time: Time) -> Scene | DumpError:
    # An engine that cannot look at the kernel answers that nothing is known; a file that is no dump raises.
    live = is_live(engine)
    try:
        return gather(engine, live, patience_of(time))
    except DumpError as error:
        return error


def _is_chosen(scene: Scene, thread: Thread, module: str | None, process: str | None, wanted: str | None) -> bool:
    stack = scene.stack_of(thread.address)
    if module and not any((frame.module or "").lower() == module.lower() for frame in (stack.frames if stack else ())):
        return False
    if process and not _is_named(process, scene.process_name(thread), thread.process_id, thread.process):
        return False
    return not wanted or _is_named(wanted, None, thread.thread_id, thread.address)


def _is_named(wanted: str, name: str | None, number: int | None, address: int) -> bool:
    # Ids as they are typed: in decimal, or in hex as the debugger prints them; addresses with or without a backtick.
    if name is not None and name.lower() == wanted.lower():
        return True
    digits = wanted.replace("`", "")
    try:
        in_hex = int(digits, 16)
    except ValueError:
        return False
    return in_hex in (address, number) or (digits.isdecimal() and int(digits) == number)
