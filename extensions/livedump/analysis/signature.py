"""One line that groups like dumps together, made by a visible list of rules.

A rule is a function of the report and of the parts so far; its name is what ``livedump signature --explain`` shows, its
docstring is its manual. What is known of frames and parameters stands in text files: ``reference/signature_*.txt``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Callable, NamedTuple

from livedump.analysis.blame import driver_at
from livedump.analysis.roles import machinery_end
from livedump.analysis.signature_names import stable_name
from livedump.analysis.triage import failed_report, triage
from livedump.model.bug_check import DEBUGGER_SEEN_BIT
from livedump.model.errors import DumpError
from livedump.model.findings import OriginKind
from livedump.model.frames import Frame, Role, Trust
from livedump.model.images import KERNEL_IMAGE_NAMES
from livedump.model.report import Report
from livedump.model.signature import Signature, SignatureStep
from livedump.model.text import clean_text
from livedump.reference.capture_frames import is_thread_start
from livedump.reference.codes import bug_check_name, find_live_code
from livedump.reference.driver_parameters import NOT_DRIVERS, driver_parameter
from livedump.reference.signature_lists import is_joined, is_skipped

if TYPE_CHECKING:
    from livedump.model.engine import Engine

MAX_LENGTH = 200
MAX_FRAMES = 5
"""Frames that a signature holds at most, joined ones and the one that ends it."""

REQUESTED = frozenset(
    {
        OriginKind.TASK_MANAGER,
        OriginKind.POWERSHELL_STORAGE_DIAGNOSTICS,
        OriginKind.LIVEKD_OR_SYSTEM_INFORMER,
        OriginKind.SYSTEM_DEBUG_CONTROL,
        OriginKind.POWER_BUTTON,
        OriginKind.BLACK_SCREEN_HOTKEY,
        OriginKind.QEMU_GUEST_DUMP,
        OriginKind.ELF2DMP,
    }
)
"""Origins behind which a person stands: the stack shows the request, and no trouble."""

_SEPARATOR = " | "


class Change(NamedTuple):
    """What one rule makes of the parts."""

    parts: tuple[str, ...]
    remarks: tuple[str, ...] = ()


Rule = Callable[[Report, tuple[str, ...]], Change]


def signature_of(report: Report) -> Signature:
    """The signature of the dump that was reported on, and how each rule changed it."""
    parts: tuple[str, ...] = ()
    steps = []
    for rule in _rules(report):
        change = rule(report, parts)
        if change.parts != parts or change.remarks:
            old, new = _SEPARATOR.join(parts), _SEPARATOR.join(change.parts)
            steps.append(SignatureStep(rule.__name__, old, new, change.remarks))
        parts = change.parts
    return Signature(_SEPARATOR.join(parts), tuple(steps))


def signature_of_dump(engine: Engine) -> Signature:
    """The signature of the open dump.

    Raises:
        DumpError: it cannot be judged.
    """
    return signature_of(triage(engine))


def failed_signature(engine: str, path: str, size: int | None, error: DumpError) -> Signature:
    """The signature of a file that could not be judged."""
    return signature_of(failed_report(engine, path, size, error))


def signed(report: Report) -> Report:
    """The report with its signature."""
    return report._replace(signature=signature_of(report).text)


def not_judged(report: Report, parts: tuple[str, ...]) -> Change:
    """A file that could not be judged goes by what went wrong with it."""
    categories = [problem.category for problem in report.problems[:1]]
    return Change((*parts, "not judged", *categories))


def requested(report: Report, parts: tuple[str, ...]) -> Change:
    """A dump that a person asked for goes by who asked, whatever the stack."""
    assert report.origin is not None  # noqa: S101 - _rules looked
    kind = report.origin.kind.value
    return Change((*parts, kind), (f"asked for by {report.origin.title}: the stack shows the request",))


def bug_check(report: Report, parts: tuple[str, ...]) -> Change:
    """The code and its name, without the mark that the kernel debugger saw it first."""
    if report.bug_check is None:
        return Change((*parts, "no bug check"))
    code = report.bug_check.base_code
    known = find_live_code(code)
    name = known.name if known else bug_check_name(code)
    marked = (f"{DEBUGGER_SEEN_BIT:#x} only says that a debugger saw it",) if code != report.bug_check.code else ()
    return Change((*parts, f"{code:#x} {name}" if name else f"{code:#x}"), marked)


def first_frames(report: Report, parts: tuple[str, ...]) -> Change:
    """The first frame outside of the capture machinery that neither is plumbing nor wants the next one beside it."""
    names: list[str] = []
    remarks: list[str] = []
    for sight in _sights(report):
        if sight.why_skipped:
            remarks.append(f"skipped {sight.name}: {sight.why_skipped}")
        elif sight.name not in names[-1:]:
            names.append(sight.name)
            if len(names) == MAX_FRAMES or not is_joined(sight.name):
                break
            remarks.append(f"joined {sight.name} with the next: signature_join.txt")
    return Change((*parts, *names), tuple(dict.fromkeys(remarks)))


def driver(report: Report, parts: tuple[str, ...]) -> Change:
    """The driver that the bug check points to, where no frame names it."""
    check = report.bug_check
    number = driver_parameter(check.base_code) if check else None
    if check is None or number is None:
        return Change(parts)
    module = driver_at(report.modules or (), check.parameters[number - 1])
    if module is None:
        return _by_debugger(report, parts, f"parameter {number} lies in no loaded driver that is known")
    name = module.name.lower()
    if name in {part.partition("!")[0] for part in parts[1:]}:
        return Change(parts)
    return Change((*parts[:1], name, *parts[1:]), (f"parameter {number} lies inside {name}: signature_drivers.txt",))


def blamed(report: Report, parts: tuple[str, ...]) -> Change:
    """The driver that the debugger blames, where the text holds no frame: its guess, and better than none."""
    return Change(parts) if len(parts) > 1 else _by_debugger(report, parts)


def component(report: Report, parts: tuple[str, ...]) -> Change:
    """The component that the code belongs to, where neither a frame nor a driver is known."""
    known = find_live_code(report.bug_check.base_code) if report.bug_check else None
    if known is None or len(parts) > 1:
        return Change(parts)
    return Change((*parts, known.component.partition(" (")[0]), ("the code belongs to it: live_dump_codes.txt",))


def cleaned(_: Report, parts: tuple[str, ...]) -> Change:
    """What is not plainly visible is written out. Stands behind all that add text."""
    return Change(tuple(clean_text(part) for part in parts))


def shortened(_: Report, parts: tuple[str, ...]) -> Change:
    """No more than MAX_LENGTH characters. Stands last, for cleaning makes text longer."""
    text = _SEPARATOR.join(parts)
    return Change(parts if len(text) <= MAX_LENGTH else (f"{text[: MAX_LENGTH - 3]}...",))


RULES: tuple[Rule, ...] = (bug_check, first_frames, driver, blamed, component, cleaned, shortened)
"""For dumps that report trouble, in the order in which they are asked."""


def _rules(report: Report) -> tuple[Rule, ...]:
    if report.dump is None:
        return (not_judged, cleaned, shortened)
    if report.origin is not None and report.origin.kind in REQUESTED:
        return (requested,)
    return RULES


def _by_debugger(report: Report, parts: tuple[str, ...], *remarks: str) -> Change:
    # Where only a text is known it may have no list of modules; the debugger that wrote it had one.
    name = _blamed_driver(report)
    if name is None or name in {part.partition("!")[0] for part in parts[1:]}:
        return Change(parts, remarks)
    return Change((*parts[:1], name, *parts[1:]), (*remarks, f"the debugger blames {name}"))


def _blamed_driver(report: Report) -> str | None:
    blame = report.dump.told.blame if report.dump and report.dump.told else None
    if blame is None or not (blame.image_name or blame.module_name):
        return None
    name = (blame.image_name.rpartition(".")[0] if blame.image_name else blame.module_name or "").lower()
    windows = name in NOT_DRIVERS or f"{name}.exe" in KERNEL_IMAGE_NAMES or is_skipped(name)
    return None if not name or windows else name


class _Sight(NamedTuple):
    """A frame as the lists see it."""

    name: str
    why_skipped: str | None


def _sights(report: Report) -> Iterator[_Sight]:
    frames = report.stack.frames if report.stack else ()
    machinery = machinery_end(frames)
    for position, frame in enumerate(frames):
        name = _name(frame)
        why = "inside of the capture machinery" if position < machinery else _why_skipped(frame, name)
        yield _Sight(name, why)


def _name(frame: Frame) -> str:
    if frame.module is None:
        return "code outside of any module"
    module = frame.module.lower()  # spelled differently from system to system
    return f"{module}!{stable_name(frame.symbol)}" if frame.symbol else module


def _why_skipped(frame: Frame, name: str) -> str | None:
    if frame.trust is Trust.SCAN:
        return "it was guessed from what lies on the stack"
    if frame.module is None:
        return "it has no name"
    if frame.role is Role.USER:
        return "user mode, which is not in every dump"
    if frame.role not in {Role.OTHER, None}:
        return f"its role is {frame.role.value}"
    if is_thread_start(frame.module, frame.symbol or ""):
        return "every thread starts there"
    return "signature_skip.txt" if is_skipped(name) else None
