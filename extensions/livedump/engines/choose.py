"""Which engine reads a file. Engines are imported when they are chosen: not every system has what each needs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from livedump.model.errors import NotAKernelDump, UnreadableFile
from livedump.model.images import ProgressCallback

if TYPE_CHECKING:
    from livedump.model.engine import Engine

ENGINES = ("auto", "native", "pykd", "cdb", "transcript")
STANDARD_INPUT = "-"
"""In place of a path: a debugger log on standard input."""


def open_engine(
    path: str,
    name: str = "auto",
    symbols: str | None = None,
    cdb: str | None = None,
    progress: ProgressCallback | None = None,
) -> Engine:
    """The engine called ``name`` on the file at ``path``; ``auto`` is native, or transcript for a debugger log.

    ``progress`` is told of each part of a symbol file that our own reader downloads.

    Raises:
        DumpError: the file cannot be read, or the engine cannot run here.
    """
    if path == STANDARD_INPUT:
        return _transcript_from_input()
    if name == "pykd":
        from livedump.engines.pykd import load_dump

        return load_dump(path, symbols)
    if name == "cdb":
        from livedump.engines.cdb import CdbEngine

        return CdbEngine(path, cdb=cdb, symbol_path=symbols)
    if name == "transcript":
        return _transcript(path)
    return (_native_or_transcript if name == "auto" else _native)(path, symbols, progress)


def _native(path: str, symbols: str | None, progress: ProgressCallback | None) -> Engine:
    from livedump.engines.native import NativeEngine

    return NativeEngine(path, symbols, progress=progress)


def _native_or_transcript(path: str, symbols: str | None, progress: ProgressCallback | None) -> Engine:
    try:
        return _native(path, symbols, progress)
    except NotAKernelDump:
        if not _is_transcript(path):
            raise
    return _transcript(path)


def _is_transcript(path: str) -> bool:
    from livedump.dumpfile.source import FileSource
    from livedump.engines.transcript import HEAD_BYTES, looks_like_transcript

    source = FileSource(path)
    try:
        return looks_like_transcript(source.read_at(0, HEAD_BYTES))
    finally:
        source.close()


def _transcript(path: str) -> Engine:
    from livedump.engines.transcript import TranscriptEngine

    return TranscriptEngine.from_file(path)


def _transcript_from_input() -> Engine:
    from livedump.engines.transcript import MAX_BYTES, TranscriptEngine, decode_transcript

    data = sys.stdin.buffer.read(MAX_BYTES)
    if not data.strip():
        raise UnreadableFile("nothing on standard input; pipe a debugger log into 'livedump info -'")
    return TranscriptEngine(decode_transcript(data), STANDARD_INPUT)
