"""What Windows wrote elsewhere about a dump: reports, events, lines of the Reliability Monitor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class RecordKind(Enum):
    """Who wrote it, and where."""

    WER_REPORT = "wer-report"
    """Report.wer of Windows Error Reporting."""
    WER_EVENT = "wer-event"
    """Event 1001 of Windows Error Reporting."""
    BUG_CHECK_EVENT = "bug-check-event"
    """Event 1001 of the system: it was restarted after a bug check."""
    POWER_EVENT = "power-event"
    """Event 41 of Kernel-Power: the system was restarted without being shut down."""
    LIVE_DUMP_EVENT = "live-dump-event"
    """Events of Kernel-LiveDump: a live dump was captured and written."""
    KERNEL_DUMP_EVENT = "kernel-dump-event"
    """Events of Kernel-Dump: a dump was written."""
    RELIABILITY = "reliability"
    """Text of the Reliability Monitor."""
    BLUE_SCREEN_VIEW = "blue-screen-view"
    """A row of the program BlueScreenView, which reads minidumps."""

    @property
    def title(self) -> str:
        """For people: ``Windows Error Reporting``."""
        return _TITLES[self.value]


_TITLES = {
    "wer-report": "Windows Error Reporting",
    "wer-event": "Windows Error Reporting",
    "bug-check-event": "the system's event log",
    "power-event": "the system's event log",
    "live-dump-event": "the event log of Kernel-LiveDump",
    "kernel-dump-event": "the event log of Kernel-Dump",
    "reliability": "the Reliability Monitor",
    "blue-screen-view": "BlueScreenView",
}


@dataclass(frozen=True)
class Record:
    """One record. None where it does not tell."""

    kind: RecordKind
    live: bool | None
    """Whether it is about a live dump; None where it is about a restart without a bug check."""
    code: int | None = None
    parameters: tuple[int | None, int | None, int | None, int | None] = (None, None, None, None)
    dump_path: str | None = None
    """Where the dump was written."""
    recorded_at: datetime | None = None
    """Aware, UTC: when the record was written, later than the dump was captured."""
    report_id: str | None = None
    """Equal in all records of one report."""
    build: int | None = None
    bucket: str | None = None
    driver: str | None = None
    """The file that is blamed."""
    status: int | None = None
    """NTSTATUS of capturing or writing."""
    capture_seconds: float | None = None
    write_seconds: float | None = None
    written_bytes: int | None = None

    @property
    def dump_name(self) -> str | None:
        """The dump's file name in small letters."""
        return self.dump_path.replace("/", "\\").rpartition("\\")[2].lower() if self.dump_path else None

    @property
    def sentence(self) -> str:
        """What the record says, for people."""
        when = f" on {self.recorded_at:%Y-%m-%d %H:%M:%S} UTC" if self.recorded_at else ""
        what = {True: "a live dump", False: "a bug check", None: "a restart without a bug check"}[self.live]
        code = f" with code {self.code:#x}" if self.code is not None else ""
        return f"{what}{code} was recorded{when}{''.join(self._details())}"

    def _details(self) -> list[str]:
        found = {
            "capture took {:.1f} s": self.capture_seconds,
            "writing took {:.1f} s": self.write_seconds,
            "{:,} bytes were written": self.written_bytes,
            "status {:#010x}": self.status,
            "blamed is {}": self.driver,
        }
        return [f", {text.format(value)}" for text, value in found.items() if value is not None]
