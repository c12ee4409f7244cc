"""All questions of a report, asked of one engine; what cannot be answered becomes a problem, never a guess."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Callable, TypeVar

from livedump.analysis.blame import blamed_driver
from livedump.analysis.facts import Facts
from livedump.analysis.liveness import Liveness, judge_liveness
from livedump.analysis.origin import TITLES, Judgement, at_most_likely, judge_origin
from livedump.analysis.origin_rules import RULES
from livedump.analysis.roles import find_reporter, with_roles
from livedump.analysis.scope import judge_scope
from livedump.analysis.structures import inspect_structures
from livedump.model.dump import Dump, DumpKind, System
from livedump.model.errors import DumpError
from livedump.model.findings import Confidence, Evidence, Finding, Origin, OriginKind, Sign
from livedump.model.frames import Frame, Trust
from livedump.model.holdings import Presence
from livedump.model.listing import ListProblem
from livedump.model.processors import Process, Requester
from livedump.model.report import Problem, Report

if TYPE_CHECKING:
    from livedump.model.engine import Engine

Answer = TypeVar("Answer")


def triage(engine: Engine) -> Report:
    """The report on the dump that ``engine`` has open.

    Raises:
        DumpError: the engine cannot say what the file is; everything less becomes a problem in the report.
    """
    dump = engine.dump()
    questions = _Questions()
    requester = questions.ask(engine.requester)
    facts = _gather(engine, dump, requester, questions)
    system = questions.ask(engine.system)
    incomplete = _incomplete(facts, requester)
    two = requester.contradictory if requester else None
    facts = facts._replace(build=system.build if system else None, two_requesters=two)
    liveness = judge_liveness(facts)
    facts = facts._replace(live=liveness.live)
    judgement = _judge(facts, liveness)
    user_pages = _user_pages(engine)
    scope, scope_finding = judge_scope(dump, liveness.live, user_pages)
    dump = _checked(engine, dump)
    reporter = find_reporter(facts.frames)
    report = Report(
        engine=engine.name,
        path=dump.path,
        size=dump.size,
        dump=dump,
        live=liveness.live,
        scope=scope,
        system=system,
        bug_check=facts.bug_check,
        process=facts.process,
        modules=facts.modules,
        stack=facts.stack,
        reporter=reporter,
        driver=blamed_driver(engine, reporter, facts.bug_check, facts.modules or ()),
        origin=judgement.origin,
        findings=(
            liveness.finding(),
            scope_finding,
            *_reporter(facts),
            *_completeness(dump),
            *_saved_again(dump),
            *_two_requesters(requester),
            *_decoding(system),
        ),
        notes=(
            *judgement.notes,
            *_stack_notes(engine, facts),
            *_user_mode_notes(facts, user_pages),
            *dump.problems,
            *_list_notes(incomplete),
        ),
        incomplete=incomplete,
        problems=tuple(questions.problems),
    )
    return _doubted(_seen_from_outside(report))


def is_live(engine: Engine) -> bool | None:
    """Whether the dump was taken while Windows kept running, with nothing else asked than what tells.

    Raises:
        DumpError: the engine cannot say what the file is.
    """
    questions = _Questions()
    facts = _gather(engine, engine.dump(), None, questions)
    system = questions.ask(engine.system)
    return judge_liveness(facts._replace(build=system.build if system else None)).live


def failed_report(engine: str, path: str, size: int | None, error: DumpError) -> Report:
    """The report on a file that could not be judged."""
    return Report(engine=engine, path=path, size=size, problems=(Problem(error.category, str(error)),))


def _seen_from_outside(report: Report) -> Report:
    """Of a dump that a hypervisor wrote: no process asked for it, and its header was made at another time."""
    if report.dump is None or report.origin is None or report.origin.kind not in _FROM_OUTSIDE:
        return report
    note = "the time of capture is not recorded"
    if report.dump.captured_at is not None:
        note += f": the header was prepared at {report.dump.captured_at:%Y-%m-%d %H:%M:%S} UTC, when the driver started"
    dump = report.dump._replace(captured_at=None, uptime=None)
    return report._replace(dump=dump, process=None, notes=(*report.notes, note, *_whose_stack(report)))


def _whose_stack(report: Report) -> Iterator[str]:
    if report.stack is not None:
        shown = report.stack.processor
        whose = "the processor that the debugger looked at" if shown is None else f"processor {shown}"
        yield f"no processor wrote the dump; the stack shown is that of {whose}"


_FROM_OUTSIDE = frozenset({OriginKind.QEMU_GUEST_DUMP, OriginKind.ELF2DMP})


def _doubted(report: Report) -> Report:
    """Nothing that was drawn from a doubtful text is certain."""
    doubts = report.dump.told.doubts if report.dump and report.dump.told else ()
    if not doubts:
        return report
    origin = report.origin._replace(confidence=at_most_likely(report.origin.confidence)) if report.origin else None
    findings = tuple(each._replace(confidence=at_most_likely(each.confidence)) for each in report.findings)
    return report._replace(origin=origin, findings=findings, notes=(*report.notes, *doubts))


class _Questions:
    """Asks, and keeps what went unanswered; the same reason is kept once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def ask(self, question: Callable[[], Answer]) -> Answer | None:
        try:
            return question()
        except DumpError as error:
            problem = Problem(error.category, str(error))
            if problem not in self.problems:
                self.problems.append(problem)
            return None


def _gather(engine: Engine, dump: Dump, requester: Requester | None, questions: _Questions) -> Facts:
    stack = questions.ask(engine.stack)
    return Facts(
        dump=dump,
        bug_check=questions.ask(engine.bug_check),
        stack=with_roles(stack) if stack else None,
        process=requester.process if requester else None,
        modules=questions.ask(engine.modules),
    )


def _incomplete(facts: Facts, requester: Requester | None) -> tuple[ListProblem, ...]:
    found = {
        "modules": facts.modules.problem if facts.modules else None,
        "processes": requester.problem if requester else None,
    }
    return tuple(ListProblem(what, message) for what, message in found.items() if message)


def _list_notes(incomplete: tuple[ListProblem, ...]) -> tuple[str, ...]:
    return tuple(f"not all {what} may be known: {message}" for what, message in incomplete)


def _user_pages(engine: Engine) -> bool | None:
    try:
        return engine.holds_user_pages()
    except DumpError:  # no problem of its own: the scope says what is not known
        return None


def _judge(facts: Facts, liveness: Liveness) -> Judgement:
    if liveness.crash:
        title = TITLES[OriginKind.CRASH]
        crash = Origin(OriginKind.CRASH, title, *liveness[1:])
        return Judgement(crash, ())
    judgement = judge_origin(facts, RULES)
    # Who took a live dump is no surer than that it is one.
    kind = judgement.origin.kind
    unsure = kind not in _FROM_OUTSIDE and judgement.origin.confidence.rank < liveness.confidence.rank
    least = Confidence.POSSIBLE if liveness.confidence is Confidence.NONE else liveness.confidence
    origin = judgement.origin._replace(confidence=least) if unsure else judgement.origin
    return judgement._replace(origin=origin)


def _reporter(facts: Facts) -> tuple[Finding, ...]:
    frame = facts.reporter
    if frame is None or frame.symbol is None or not frame.kernel_mode:
        return ()
    what = f"first frame outside of the capture machinery: {frame.call_site}"
    return (Finding(what, Confidence.LIKELY, (Evidence("reporter", what, "k"),)),)


def _checked(engine: Engine, dump: Dump) -> Dump:
    """The container with what becomes of its completeness once its contents were looked at, and once all was read."""
    if engine.file_changed():
        dump = dump._replace(problems=(*dump.problems, "the file changed while it was read"))
    asked = dump.kind is DumpKind.BITMAP_KERNEL and dump.missing is not None
    return dump._replace(missing=_missing(engine)) if asked and dump.complete is not False else dump


def _missing(engine: Engine) -> tuple[str, ...] | None:
    holdings, incomplete = inspect_structures(engine)
    parts = [each for each in holdings if each.presence in {Presence.ABSENT, Presence.PARTLY}]
    lost = [f"{each.structure.value} ({each.presence.value})" for each in parts]
    lost += [f"some {what}" for what, _ in incomplete]
    unknown = any(each.presence is Presence.NOT_KNOWN for each in holdings)
    return None if unknown and not lost else tuple(lost)


def _completeness(dump: Dump) -> tuple[Finding, ...]:
    if dump.missing and not dump.truncated:
        fact = f"of what such a dump is meant to hold there is not all: {', '.join(dump.missing)}"
        return (Finding("partial", Confidence.CERTAIN, (Evidence("completeness", fact, "", Sign.AGAINST),)),)
    if dump.missing is None and not dump.truncated:
        fact = "whether all is there that such a dump is meant to hold is not known"
        evidence = Evidence("completeness", fact, "", Sign.AGAINST)
        return (Finding("completeness not known", Confidence.NONE, (evidence,)),)
    if not dump.truncated:
        return ()
    if dump.pages_promised and dump.pages_present is not None and dump.pages_present < dump.pages_promised:
        share = 100 * dump.pages_present // dump.pages_promised
        fact = f"{dump.pages_present} of {dump.pages_promised} pages are in the file ({share} %)"
    else:
        fact = f"the file has {dump.size} bytes of {dump.expected_size} that its header promises"
    return (Finding("truncated", Confidence.CERTAIN, (Evidence("completeness", fact, ".dumpdebug", Sign.AGAINST),)),)


def _saved_again(dump: Dump) -> tuple[Finding, ...]:
    if not dump.saved_again:
        return ()
    what = "saved again by a debugger; the attributes are weak evidence"
    confidence = Confidence.CERTAIN if len(dump.saved_again) > 1 else Confidence.LIKELY
    return (Finding(what, confidence, tuple(Evidence("saved again", sign, ".dumpdebug") for sign in dump.saved_again)),)


def _two_requesters(requester: Requester | None) -> tuple[Finding, ...]:
    if requester is None or not requester.contradictory:
        return ()
    tables, thread = map(_process_text, (requester.by_directory_table, requester.by_thread))
    fact = f"the header has the page tables of {tables}, the current thread ran in {thread}"
    evidence = Evidence("requester", fact, ".dumpdebug; !process -1 0", Sign.AGAINST)
    return (Finding("two processes may have asked for the dump", Confidence.LIKELY, (evidence,)),)


def _process_text(process: Process | None) -> str:
    if process is None or process.name is None:
        return "a process without a name"
    return process.name if process.process_id is None else f"{process.name} (id {process.process_id})"


def _decoding(system: System | None) -> tuple[Finding, ...]:
    how = system.debugger_block_decoding if system else None
    if how is None:
        return ()
    fact = f"the debugger data block is encoded (read by {how}); in the dumps that Windows writes it is in clear"
    evidence = Evidence("debugger_block", fact, "db nt!KdDebuggerDataBlock L20", Sign.AGAINST)
    return (Finding("made from an image of raw memory", Confidence.LIKELY, (evidence,)),)


def _ends_in_user_mode(frames: tuple[Frame, ...]) -> bool:
    # Where user pages are not in the dump that is where every stack ends.
    return bool(frames) and frames[-1].kernel_mode is False


def _user_mode_notes(facts: Facts, user_pages: bool | None) -> tuple[str, ...]:
    # Debuggers of today look for them with the page tables of processor 0, whoever wrote the dump.
    unknown = facts.modules is not None and not any(module.user for module in facts.modules)
    if not user_pages or not unknown or not _ends_in_user_mode(facts.frames):
        return ()
    note = "user pages are in the dump and no module of user mode is known; in a debugger .reload /user may load them"
    return (note,)


def _stack_notes(engine: Engine, facts: Facts) -> tuple[str, ...]:
    if facts.stack is None:
        return ()
    notes = []
    if facts.frames and not facts.has_symbols:
        from livedump.analysis.symbols import why_no_names  # noqa: PLC0415 - a dump is read with symbols, as a rule

        why = "" if facts.dump and facts.dump.told else f"; {why_no_names(engine)}"
        notes.append(f"no symbols: frames have no names and rules that need them did not speak{why}")
    if any(frame.trust is Trust.SCAN for frame in facts.frames):
        notes.append("frames marked scan were found by searching the stack and may be left over from earlier calls")
    if facts.stack.stop_reason and not _ends_in_user_mode(facts.frames):
        notes.append(f"the stack ends early: {facts.stack.stop_reason}")
    return tuple(notes)
