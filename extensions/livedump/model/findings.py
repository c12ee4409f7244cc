"""What the analysis says: a finding cannot be made without evidence and the command that checks it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from livedump.model.bug_check import BugCheck
from livedump.model.dump import Dump, Scope, System
from livedump.model.frames import Frame, Stack
from livedump.model.images import Module
from livedump.model.listing import Listing, ListProblem
from livedump.model.processors import Process


class Confidence(Enum):
    """How sure a verdict is."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"
    NONE = "none"

    @property
    def rank(self) -> int:
        """0 for CERTAIN, rising with doubt."""
        return list(Confidence).index(self)


class Sign(Enum):
    """Which way a fact points."""

    FOR = "+"
    AGAINST = "-"
    """Against, or a question that could not be asked and might have spoken against."""


class Evidence(NamedTuple):
    """One fact, the rule that noticed it, and the WinDbg command that shows it."""

    rule: str
    fact: str
    check: str
    sign: Sign = Sign.FOR
    """For or against the verdict that it stands with; where that is a crash, for or against a live dump."""


class OriginKind(Enum):
    """Who or what asked for the dump."""

    TASK_MANAGER = "task-manager"
    POWERSHELL_STORAGE_DIAGNOSTICS = "powershell-storage-diagnostics"
    LIVEKD_OR_SYSTEM_INFORMER = "livekd-or-system-informer"
    SYSTEM_DEBUG_CONTROL = "system-debug-control"
    WINDOWS_ERROR_REPORTING = "windows-error-reporting"
    POWER_BUTTON = "power-button"
    BLACK_SCREEN_HOTKEY = "black-screen-hotkey"
    FAILOVER_CLUSTER = "failover-cluster"
    STORPORT = "storport"
    DRIVER_VERIFIER = "driver-verifier"
    QEMU_GUEST_DUMP = "qemu-guest-dump"
    ELF2DMP = "elf2dmp"
    CRASH = "crash"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Origin:
    """The verdict on who took the dump."""

    kind: OriginKind
    title: str
    """For people: ``Task Manager``."""
    confidence: Confidence
    evidence: tuple[Evidence, ...]
    """All rules that spoke for it, strongest first."""
    contradictions: tuple[Evidence, ...] = ()
    """Facts that speak against it."""
    unasked: tuple[Evidence, ...] = ()
    """Questions that could not be asked and whose answers might have spoken against it; they lower the confidence."""


class Finding(NamedTuple):
    """Something worth an engineer's eye that is not the origin."""

    what: str
    confidence: Confidence
    evidence: tuple[Evidence, ...]


class Problem(NamedTuple):
    """A question that could not be answered."""

    category: str
    message: str


@dataclass(frozen=True)
class Report:
    """Everything about one dump that a report shows. A part that could not be had is None; a problem says why."""

    engine: str
    path: str
    size: int | None
    dump: Dump | None = None
    live: bool | None = None
    scope: Scope = Scope.UNKNOWN
    system: System | None = None
    bug_check: BugCheck | None = None
    process: Process | None = None
    modules: Listing[Module] | None = None
    stack: Stack | None = None
    """Its frames have their roles."""
    reporter: Frame | None = None
    """The first frame outside of the capture machinery; in a crash the first behind those that stop the system."""
    signature: str | None = None
    """The line that groups like dumps together; None where none was made."""
    origin: Origin | None = None
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    """What limits the verdict and what would lift the limit."""
    incomplete: tuple[ListProblem, ...] = ()
    """Lists that may not be whole; each is among the notes too."""
    problems: tuple[Problem, ...] = ()
    """Not empty with ``dump`` None: the file could not be judged."""

    @property
    def judged(self) -> bool:
        """Whether anything was found out: of a file that is no dump nothing is, of a text sometimes."""
        if self.dump is None or self.dump.told is None:
            return self.dump is not None
        return self.live is not None or (self.origin is not None and self.origin.confidence is not Confidence.NONE)
