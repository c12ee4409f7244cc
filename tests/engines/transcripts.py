"""Debugger text as one engine, for tests of what it answers."""

from __future__ import annotations

from pathlib import Path

from livedump.engines.text.repair import repaired
from livedump.engines.text.sessions import iter_sessions
from livedump.engines.transcript import TranscriptEngine, read_text, read_transcripts


def transcript(text: str, path: str = "saved.log") -> TranscriptEngine:
    """The engine for the last dump that the text is about, whether or not it tells anything of it."""
    whole = repaired(text)
    *_, lines = iter_sessions(whole.lines)
    return TranscriptEngine(lines, whole, path)


def saved_transcript(path: Path) -> TranscriptEngine:
    """The engine for the last dump that a saved log tells of."""
    text, left_out = read_text(str(path))
    return read_transcripts(text, str(path), left_out)[-1]
