"""Everything that a report says of one dump."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from livedump.model.bug_check import BugCheck
from livedump.model.dump import Dump, Scope, System
from livedump.model.findings import Confidence, Finding, Origin
from livedump.model.frames import Frame, Stack
from livedump.model.images import Module
from livedump.model.listing import Listing, ListProblem
from livedump.model.processors import Process
from livedump.model.text_kinds import FilePath, SymbolText

if TYPE_CHECKING:
    from livedump.model.examination import Symptoms
    from livedump.model.instants import Instant
    from livedump.model.series import SeriesPlace


class Problem(NamedTuple):
    """A question that could not be answered."""

    category: str
    message: str


class Report(NamedTuple):
    """Everything about one dump that a report shows. A part that could not be had is None; a problem says why."""

    engine: str
    path: FilePath
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
    driver: Module | None = None
    """To which the dump points, with its version as far as its image tells."""
    signature: SymbolText | None = None
    """The line that groups like dumps together; None where none was made."""
    origin: Origin | None = None
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    """What limits the verdict and what would lift the limit."""
    incomplete: tuple[ListProblem, ...] = ()
    """Lists that may not be whole; each is among the notes too."""
    symptoms: Symptoms | None = None
    """What was going on in the machine; None where nobody asked."""
    series: SeriesPlace | None = None
    """Where it stands among other dumps of its boot; None where nobody put them together."""
    problems: tuple[Problem, ...] = ()
    """Not empty with ``dump`` None: the file could not be judged."""

    @property
    def judged(self) -> bool:
        """Whether anything was found out: of a file that is no dump nothing is, of a text sometimes."""
        if self.dump is None or self.dump.told is None:
            return self.dump is not None
        known = self.live is not None or (self.origin is not None and self.origin.confidence is not Confidence.NONE)
        return known or (self.symptoms is not None and self.symptoms.looked)

    @property
    def instant(self) -> Instant | None:
        """Of which boot of which machine it is, and when; None where nobody looked."""
        if self.system is None or self.symptoms is None or self.symptoms.clock is None:
            return None
        from livedump.model.instants import Instant  # noqa: PLC0415 - a verdict alone has none
        from livedump.model.times import find_span  # noqa: PLC0415

        system, clock, commit = self.system, self.symptoms.clock, self.symptoms.memory.commit
        return Instant(
            build=system.build,
            build_lab=system.build_lab,
            kernel_base=system.kernel_base,
            processors=system.processors,
            boot_id=clock.boot_id,
            boot_time=clock.boot_time,
            physical_bytes=commit.physical if commit else None,
            since_boot=find_span(clock.interrupt_time),
        )
