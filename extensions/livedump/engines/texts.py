"""Engines for files that are no dumps: debugger text, records of Windows, or both in one file.

A text with the debugger's own marks is read as such; what records it holds besides count where they are of other dumps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from livedump.companions.engine import RecordEngine
from livedump.companions.evtx import MAGIC, iter_evtx_records
from livedump.companions.merging import merge_records
from livedump.companions.reading import read_records
from livedump.engines.text.encoding import is_text
from livedump.engines.text.names import base_name
from livedump.engines.text.recognise import what_it_looks_like
from livedump.engines.text.repair import Repaired, repaired
from livedump.engines.transcript import TranscriptEngine, decode_bounded, has_debugger_marks, read_text, transcripts_of
from livedump.model.engine import Engine
from livedump.model.errors import NotAKernelDump, NotKnown, UnreadableFile, Unsupported
from livedump.model.records import Record


def is_readable_head(head: bytes) -> bool:
    """Whether a file that begins with these bytes may hold text or records."""
    return head.startswith(MAGIC) or is_text(head)


def read_texts(path: str, name: str | None = None) -> Sequence[Engine]:
    """An engine for each dump that the file at ``path`` tells of, in its order; ``name`` is what messages call it.

    Raises:
        DumpError: the file cannot be read, or tells of no kernel dump; the message says what it looks like.
    """
    return _event_log(path, name or path) if _is_event_log(path) else engines_of(*read_text(path), name or path)


def read_texts_from(data: bytes, path: str) -> Sequence[Engine]:
    """The same for what came from elsewhere than a file.

    Raises:
        DumpError: it tells of no kernel dump.
    """
    if data.startswith(MAGIC):
        raise Unsupported(f"{path}: an event log is read from a file, not from a stream")
    return engines_of(*decode_bounded(data), path)


def engines_of(text: str, left_out: str | None, path: str) -> Sequence[Engine]:
    """An engine for each dump that the text tells of; ``left_out`` says what of it was not read.

    Raises:
        NotAKernelDump: it tells of none.
    """
    whole = repaired(text)
    if left_out:
        whole = whole._replace(limits=(left_out, *whole.limits))
    records = read_records(whole.lines)
    transcripts = transcripts_of(whole, path) if not records or has_debugger_marks(whole.lines) else ()
    engines = [*transcripts, *_record_engines(records, transcripts, whole, path)]
    if not engines:
        raise NotAKernelDump(f"{path}: not a kernel dump, and no word on one; {what_it_looks_like(whole.lines)}")
    return engines


def _record_engines(
    records: Sequence[Record], transcripts: Sequence[TranscriptEngine], whole: Repaired, path: str
) -> Iterator[Engine]:
    flaws = (*whole.repairs, *whole.limits)
    doubts = (f"the text was repaired: {', '.join(flaws)}",) if flaws else ()
    for record in records:
        if not any(_is_of(record, transcript) for transcript in transcripts):
            yield RecordEngine(record, path, doubts)


def _is_of(record: Record, transcript: TranscriptEngine) -> bool:
    try:
        check = transcript.bug_check()
    except (NotKnown, NotAKernelDump):
        return False
    if record.dump_name and record.dump_name == base_name(transcript.dump_path()):
        return True
    known = zip(record.parameters, check.parameters)
    return record.code == check.base_code and all(None in pair or pair[0] == pair[1] for pair in known)


def _is_event_log(path: str) -> bool:
    try:
        with Path(path).open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror or error}") from error


def _event_log(path: str, name: str) -> Sequence[Engine]:
    problems: list[str] = []
    records = merge_records(iter_evtx_records(path, problems))
    if not records:
        why = f"; {problems[0]}" if problems else ""
        raise NotAKernelDump(f"{name}: an event log without a record of a kernel dump{why}")
    return [RecordEngine(record, name, problems) for record in records]
