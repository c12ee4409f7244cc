"""Says what Windows kernel live dumps are, who took them and why, and what was going on in the machine.

One dump::

    import livedump

    with livedump.open("memory.dmp", symbols=r"srv*C:\\symbols*https://msdl.microsoft.com/download/symbols") as dump:
        print(dump)                                  # the report, as "livedump info" prints it
        for finding in dump.symptoms.findings:
            print(finding.confidence.value, finding.text)
        for frame in dump.stack.frames:
            print(frame.call_site)
        dump.ask("waits").waits                      # any question of the command line, by its name

Whole folders and archives, a row for each dump as it is judged::

    rows = pandas.DataFrame(livedump.triage(["dumps", "more.zip"]))      # polars.DataFrame(...) takes them as well

Two dumps of one machine::

    for change in livedump.diff("before.dmp", "after.dmp").findings:
        print(change.text)

Symbols are looked for where ``symbols`` says, in WinDbg's syntax; else ``_NT_ALT_SYMBOL_PATH`` and ``_NT_SYMBOL_PATH``
count, and the dump's own folder always does. Nothing is downloaded unless the path names a server.

Answers are records: named tuples and frozen data classes. None means not known; an empty list means that there is
none; a list whose ``problem`` is not None may not be whole. Times are aware and in UTC, sizes in bytes. Whatever keeps
a question from being answered is raised as a DumpError, whose ``category`` is a stable word; ``dump.report`` says
itself what could not be had.
"""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["Difference", "DumpError", "DumpRow", "OpenDump", "Report", "__version__", "diff", "open", "triage"]

TYPE_CHECKING = False
"""As in typing, whose import costs more than all else here."""
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from livedump.frontends.library import Dumped, OpenDump
    from livedump.model.difference import Difference
    from livedump.model.errors import DumpError
    from livedump.model.report import Report
    from livedump.report.dump_row import DumpRow

    Path = str | os.PathLike[str]

_RECORDS = {
    "Difference": "model.difference",
    "DumpError": "model.errors",
    "DumpRow": "report.dump_row",
    "OpenDump": "frontends.library",
    "Report": "model.report",
}


def open(path: Path, *, symbols: str | None = None, engine: str = "auto", time: int = 10) -> OpenDump:
    """The dump at ``path``, to be used with ``with``; of a text about several dumps the last.

    ``symbols`` is a symbol path in WinDbg's syntax, ``engine`` one of auto, native, pykd, cdb and transcript, and
    ``time`` how many seconds one question may take to look at what was going on.

    Raises:
        DumpError: the file cannot be read, is no dump, or the engine cannot run here.
    """
    from livedump.frontends.library import open_dump

    return open_dump(path, symbols, engine, time)


def triage(
    paths: Path | Iterable[Path],
    *,
    symbols: str | None = None,
    headers: bool = False,
    symptoms: bool = True,
    jobs: int | None = None,
    save: Path | None = None,
) -> Iterator[DumpRow]:
    """One row for each dump of files, folders, archives and addresses, as they are judged in other processes.

    A file that could not be judged has a row that says why. ``headers`` reads nothing else, which is a thousand times
    as fast; ``symptoms=False`` leaves out what was going on; ``jobs`` is how many processes read (default: one for
    each processor); ``save`` names a file that keeps results, so that what is unchanged is not read again. What is
    left out, such as a folder that cannot be read, is told as a warning.

    Raises:
        DumpError: results cannot be kept, or no process can be started.
    """
    from livedump.fleet.judge import HowToRead
    from livedump.fleet.target import Depth
    from livedump.frontends.library import iter_rows

    how = HowToRead(symbols=symbols, symptoms=symptoms)
    return iter_rows(paths, how, Depth.HEADERS if headers else Depth.FULL, jobs, save)


def diff(
    before: Dumped, after: Dumped, *, symbols: str | None = None, anyway: bool = False, time: int = 10
) -> Difference:
    """What became of a machine between two dumps: what grew and how fast, what hangs, who used the processors.

    Each is a path, an open dump, or a report of one; they may be given in either order. Of two machines, or where
    nobody can tell, ``refused`` says why nothing is compared, unless ``anyway``.

    Raises:
        DumpError: one of the files cannot be read, or is no dump.
    """
    from livedump.frontends.library import compare

    return compare(before, after, symbols, anyway, time)


def __getattr__(name: str) -> object:
    """The classes of answers, imported when they are first asked for."""
    if name not in _RECORDS:
        raise AttributeError(f"module 'livedump' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"livedump.{_RECORDS[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
