"""What the summary, the charts and the table of an HTML report keep of each dump: little, so that thousands fit."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from livedump.model.findings import Report
from livedump.report.rows import NOT_KNOWN, bug_check_text

MAX_NAME = 120
"""Letters of a file name in tables; the section of the dump has all of them."""


class Digest(NamedTuple):
    """One dump."""

    number: int
    """Counted from 1; the dump's section is called ``d1``."""
    name: str
    """File name without folder, shortened in its middle."""
    captured_at: datetime | None
    origin: str | None
    """OriginKind by name; None for a file that could not be judged."""
    confidence: str | None
    code: int | None
    bug_check: str
    build: int | None
    process: str
    scope: str
    state: str
    """``complete``, ``truncated``, ``not known`` or ``not judged``."""
    live: bool | None
    """False for a crash; None when not known, also of a file that could not be judged."""
    signature: str

    @property
    def anchor(self) -> str:
        """The id of the dump's section."""
        return f"d{self.number}"

    @property
    def judged(self) -> bool:
        """Whether the file could be judged."""
        return self.origin is not None


def digest_of(number: int, report: Report, signature: str) -> Digest:
    """The digest of one report."""
    return Digest(
        number=number,
        name=_shortened(file_name(report.path)),
        captured_at=report.dump.captured_at if report.dump else None,
        origin=report.origin.kind.value if report.origin and report.dump else None,
        confidence=report.origin.confidence.value if report.origin and report.dump else None,
        code=report.bug_check.code if report.bug_check else None,
        bug_check=bug_check_text(report) if report.bug_check else NOT_KNOWN,
        build=report.system.build if report.system else None,
        process=(report.process.name if report.process else None) or NOT_KNOWN,
        scope=report.scope.title if report.dump else NOT_KNOWN,
        state=_state(report),
        live=report.live,
        signature=signature,
    )


def file_name(path: str) -> str:
    """What stands behind the last slash of either kind; the whole path when nothing does."""
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2] or path


def _shortened(name: str) -> str:
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME // 2]}…{name[-MAX_NAME // 2 :]}"


def _state(report: Report) -> str:
    if report.dump is None:
        return "not judged"
    return {True: "truncated", False: "complete", None: NOT_KNOWN}[report.dump.truncated]
