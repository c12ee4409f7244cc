"""Which engine reads a file. Engines are imported when they are chosen: not every system has what each needs.

A dump has one engine. A text or a file of records may tell of several dumps: each has one of its own.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from livedump.model.errors import NotAKernelDump, UnreadableFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livedump.model.downloads import ProgressCallback
    from livedump.model.engine import Engine

ENGINES = ("auto", "native", "pykd", "cdb", "transcript")
STANDARD_INPUT = "-"
"""In place of a path: a debugger log on standard input."""
HEAD_BYTES = 64 << 10
"""By which a text is told from other files."""


def open_engine(
    path: str,
    name: str = "auto",
    symbols: str | None = None,
    cdb: str | None = None,
    progress: ProgressCallback | None = None,
) -> Engine:
    """The engine called ``name`` on the file at ``path``; of a text about several dumps that of the last.

    Raises as ``open_engines`` does.
    """
    return open_engines(path, name, symbols, cdb, progress)[-1]


def open_engines(
    path: str,
    name: str = "auto",
    symbols: str | None = None,
    cdb: str | None = None,
    progress: ProgressCallback | None = None,
) -> Sequence[Engine]:
    """An engine called ``name`` for each dump of the file at ``path``; ``auto`` is native, or what reads a text.

    ``progress`` is told of each part of a symbol file that our own reader downloads.

    Raises:
        DumpError: the file cannot be read, or the engine cannot run here.
    """
    if path == STANDARD_INPUT:
        return _from_input()
    if name == "pykd":
        from livedump.engines.pykd import load_dump

        return (load_dump(path, symbols),)
    if name == "cdb":
        from livedump.engines.cdb import CdbEngine

        return (CdbEngine(path, cdb=cdb, symbol_path=symbols),)
    if name == "transcript":
        return _transcripts(path)
    if name == "native":
        return (_native(path, symbols, progress),)
    try:
        return (_native(path, symbols, progress),)
    except NotAKernelDump:
        if not _may_be_text(path):
            raise
    from livedump.engines.texts import read_texts

    return read_texts(path)


def local_symbols(symbols: str | None) -> str:
    """The symbol path, or that of the environment, without its servers; what their caches hold is still found."""
    import os

    from livedump.symbols.files.path import symbol_path

    sources = symbol_path(symbols, os.environ).offline().sources
    return ";".join(f"srv*{each.location}" if each.store else each.location for each in sources)


def forget_missing_symbols() -> None:
    """Lets our own reader ask symbol servers again for what they did not have."""
    import os

    from livedump.symbols.files.cache import user_cache
    from livedump.symbols.files.missing import forget_missing

    forget_missing(user_cache(os.environ))


def _native(path: str, symbols: str | None, progress: ProgressCallback | None) -> Engine:
    from livedump.engines.native import NativeEngine

    return NativeEngine(path, symbols, progress=progress)


def _may_be_text(path: str) -> bool:
    from livedump.dumpfile.source import FileSource
    from livedump.engines.texts import is_readable_head

    source = FileSource(path)
    try:
        return is_readable_head(source.read_at(0, HEAD_BYTES))
    finally:
        source.close()


def _transcripts(path: str) -> Sequence[Engine]:
    from livedump.engines.transcript import read_text, read_transcripts

    text, left_out = read_text(path)
    return read_transcripts(text, path, left_out)


def _from_input() -> Sequence[Engine]:
    from livedump.engines.texts import read_texts_from
    from livedump.engines.transcript import MAX_BYTES

    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if not data.strip():
        raise UnreadableFile("nothing on standard input; pipe a debugger log into 'livedump info -'")
    return read_texts_from(data, STANDARD_INPUT)
