"""What the analysis says: a finding cannot be made without evidence and the command that checks it."""

from enum import Enum
from typing import NamedTuple


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


class Origin(NamedTuple):
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
