"""One target judged: opened, read as deep as asked, closed. Runs in a worker process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Union

from livedump.analysis.signature import signed
from livedump.analysis.symptoms.reporting import report_dump
from livedump.analysis.triage import failed_report, triage
from livedump.dumpfile.source import ByteSource, FileSource
from livedump.engines.choose import open_engine
from livedump.engines.header_only import HeaderEngine
from livedump.engines.native import NativeEngine
from livedump.fleet.discovery import FileFilter
from livedump.fleet.journal import Asked
from livedump.fleet.target import TEXTS, Depth, Target, TargetKind
from livedump.model.errors import DumpError, LimitReached, Unsupported
from livedump.model.limits import Limits
from livedump.model.report import Report
from livedump.model.secrets import without_secrets
from livedump.model.symbol_lookups import SymbolState
from livedump.report.dump_row import DumpRow, dump_row
from livedump.symbols.files.path import symbol_path
from livedump.symbols.files.search import FileSearch
from livedump.symbols.shelf import PdbShelf

if TYPE_CHECKING:
    from livedump.fleet.archives import ArchiveShelf
    from livedump.model.engine import Engine


class HowToRead(NamedTuple):
    """How targets are read; the same for a whole batch."""

    engine: str = "auto"
    symbols: str | None = None
    """Symbol path in WinDbg's syntax; None for that of the environment."""
    cdb: str | None = None
    pattern: str | None = None
    """Which members of an archive are dumps; None for the usual endings."""
    max_extracted: int = 64 << 30
    """Bytes that a member of an archive may grow to."""
    header_reports: bool = False
    """Whether the header pass gives the report's JSON object too."""
    kinds: tuple[str, ...] = ("dump",)
    """What is read of folders, archives and texts: dumps, logs, records."""
    symptoms: bool = True
    """Whether it is looked at what was going on in the machine."""

    @property
    def wanted(self) -> FileFilter:
        """Which files are read, by name."""
        return FileFilter(self.pattern, self.kinds)

    def asked(self, limits: Limits) -> Asked:
        """What results depend on besides the dumps; equal for settings that lead to the same results."""
        from livedump import __version__  # noqa: PLC0415 - only the batch itself asks

        searched = _searched(self.symbols)
        reports = "reports" * self.header_reports
        symptoms = "symptoms" * self.symptoms
        settings = " ".join((__version__, self.engine, self.cdb or "", searched, reports, symptoms, *self.kinds))
        limits_text = f"{limits.seconds:g} {limits.memory_bytes} {self.max_extracted}"
        return Asked(settings, limits_text, partial(_still_missing, self.symbols))


def _still_missing(symbols: str | None, place: str, missed: SymbolState) -> bool:
    """Whether looking again for the symbols that a dump missed would find what it found."""
    import os  # noqa: PLC0415 - only the batch itself asks

    search = FileSearch(symbol_path(symbols, os.environ, Path(place)))
    return search.state_of(missed.wanted) == missed.state


def _searched(symbols: str | None) -> str:
    """Names where symbols are looked for: what the environment says counts as well, a password does not."""
    import hashlib  # noqa: PLC0415 - only the batch itself asks
    import os  # noqa: PLC0415

    sources = [
        (place if source.online and place == source.location else os.path.abspath(place))  # noqa: PTH100
        for source in symbol_path(symbols, os.environ).sources
        for place in (source.location, *source.caches)
    ]
    return hashlib.sha256(without_secrets("\n".join(sources)).encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Judged(NamedTuple):
    """What became of one target."""

    row: DumpRow
    depth: Depth
    """FULL as well for what no closer look would judge."""
    report: str | None = None
    """The report's JSON object; None when only the header was read."""
    symbols: SymbolState | None = None
    """What it depends on that symbols were missing; None when none were."""
    archive_spent: bool = False
    """Whether the archive has cost all that it may: this and what follows of it are not read."""
    archive_expanded: int = 0
    """Bytes that came out of the archive for this."""


class Listed(NamedTuple):
    """The dumps in an archive."""

    members: tuple[str, ...]
    archives: tuple[str, ...] = ()
    """Archives inside of it, which are left out."""
    remark: str | None = None
    """Why nothing of it is read, where somebody should know."""
    archive_expanded: int = 0
    """As of a Judged."""


Outcome = Union[Judged, Listed]


class Judge:
    """Judges one target after the other; keeps symbols open for the next."""

    def __init__(self, how: HowToRead) -> None:
        self._how = how
        self._shelf = PdbShelf()

    @cached_property
    def _archives(self) -> ArchiveShelf:
        from livedump.fleet.archives import ArchiveShelf  # noqa: PLC0415 - most batches have none

        return ArchiveShelf(self._how.max_extracted)

    def __call__(self, target: Target, depth: Depth) -> Outcome:
        """The row of one target; of an archive the dumps that are in it.

        Every DumpError becomes a row that says why.
        """
        if target.member is None:
            return self._outcome(target, depth)
        before = self._archives.expanded_bytes
        outcome = self._outcome(target, depth)
        return outcome._replace(archive_expanded=self._archives.expanded_bytes - before)

    def _outcome(self, target: Target, depth: Depth) -> Outcome:
        try:
            if target.kind is TargetKind.ARCHIVE and target.member is None:
                return Listed(*self._archives.list_contents(target.place, self._how.wanted))
            if target.kind in TEXTS:
                return self._text(target)
            whole = depth is not Depth.HEADERS or target.kind is TargetKind.TEXT_PART
            return self._full(target) if whole else self._headers(target)
        except LimitReached as error:
            spent = target.member is not None and self._archives.gave_up(target.place)
            return failure(target, error, self._how)._replace(archive_spent=spent)
        except DumpError as error:
            return failure(target, error, self._how)
        except MemoryError:
            return failure(target, LimitReached("reading it takes more memory than a dump may have"), self._how)

    def _headers(self, target: Target) -> Judged:
        if target.member is not None:
            source = self._archives.open_beginning(target.place, target.member, target.archive_expanded)
            return self._judged_header(HeaderEngine(target.name, source, source.whole_size))
        with self._opened_source(target) as whole:
            return self._judged_header(HeaderEngine(target.name, whole, whole.size))

    def _judged_header(self, engine: HeaderEngine) -> Judged:
        report = triage(engine)
        return Judged(dump_row(report), Depth.HEADERS, report_text(report) if self._how.header_reports else None)

    def _full(self, target: Target) -> Judged:
        with self._opened_engine(target) as engine:
            report = report_dump(engine, no_symptoms=not self._how.symptoms)
            missed = engine.symbol_state() if isinstance(engine, NativeEngine) else None
        self._shelf.trim()
        return self._judged(report, target)._replace(symbols=missed)

    def _text(self, target: Target) -> Outcome:
        from livedump.fleet.texts import read_contents  # noqa: PLC0415 - most batches have none

        with self._on_disk(target) as path:
            found = read_contents(path, target, self._how.kinds)
        if len(found.engines) == 1:
            report = report_dump(found.engines[0], no_symptoms=not self._how.symptoms)
            return self._judged(report, target)
        return Listed(tuple(f"#{part}" for part in found.parts), remark=found.remark)

    @staticmethod
    def _judged(report: Report, target: Target) -> Judged:
        if report.path != target.name:
            dump = report.dump._replace(path=target.name) if report.dump else None
            report = report._replace(path=target.name, dump=dump)
        report = signed(report)
        return Judged(dump_row(report), Depth.FULL, report_text(report))

    @contextmanager
    def _opened_engine(self, target: Target) -> Iterator[Engine]:
        how = self._how
        if target.kind is TargetKind.TEXT_PART:
            from livedump.fleet.texts import open_part  # noqa: PLC0415 - most batches have none

            with self._on_disk(target) as path, closing(open_part(path, target)) as part:
                yield part
            return
        if how.engine in ("auto", "native"):
            with self._opened_source(target) as source, closing(self._native(target, source)) as engine:
                yield engine
            return
        with self._on_disk(target) as path, closing(open_engine(str(path), how.engine, how.symbols, how.cdb)) as other:
            yield other

    def _native(self, target: Target, source: ByteSource) -> NativeEngine:
        return NativeEngine(target.name, self._how.symbols, source, self._shelf)

    @contextmanager
    def _opened_source(self, target: Target) -> Iterator[ByteSource]:
        """The bytes of a target."""
        if target.kind is TargetKind.REMOTE:
            from livedump.fleet.remote import open_remote  # noqa: PLC0415 - an extra

            with closing(open_remote(target.place)) as remote:
                yield remote
            return
        with self._on_disk(target) as path, closing(FileSource(path)) as source:
            yield source

    @contextmanager
    def _on_disk(self, target: Target) -> Iterator[Path]:
        """A file that holds the target: itself, or a temporary one that goes away again."""
        if target.kind is TargetKind.REMOTE:
            raise Unsupported(f"only the native engine reads addresses, not {self._how.engine}")
        if target.member is None:
            yield Path(target.place)
            return
        with self._archives.extracted(target.place, target.member, target.archive_expanded) as path:
            yield path


def failure(target: Target, error: DumpError, how: HowToRead) -> Judged:
    """The outcome for a target that could not be judged."""
    engine = "native" if how.engine == "auto" else how.engine
    size = target.size if target.member is None else None
    report = failed_report(engine, target.name, size, error)
    return Judged(dump_row(report), Depth.FULL, report_text(report))


def report_text(report: Report) -> str:
    """The JSON object of a report, on one line."""
    import json  # noqa: PLC0415 - the header pass needs none

    from livedump.report.json_report import report_object  # noqa: PLC0415

    return json.dumps(report_object(report), ensure_ascii=True)
