"""A debugger's session from outside: what it says of itself, piped into us, and the dump where it can be read here.

Nothing is loaded into the debugger: ``.shell -ci "<questions>" <us>`` runs the questions and hands us the answers. Each
stands behind a mark of the shape of a prompt, which an answer may hold as well. So only the first answer names the file
that we open, and only what stands behind the last mark is the symbol path.
"""

from __future__ import annotations

import locale
import re
from collections.abc import Sequence
from typing import NamedTuple

from livedump.engines.native import NativeEngine
from livedump.engines.text.lines import find_value, parse_hex, split_lines
from livedump.engines.texts import engines_of
from livedump.engines.transcript import decode_bounded
from livedump.model.engine import Engine
from livedump.model.errors import DumpError, EngineUnavailable

TARGETS, THREAD, SYMBOL_PATH = "||", ".thread", ".sympath"
QUESTIONS = (TARGETS, "vertarget", ".bugcheck", ".dumpdebug", THREAD, "!process -1 0", "lm t n", "kn 100", SYMBOL_PATH)
"""What is asked, in that order. ``.sympath`` takes for a path what stands behind it in its line: it comes last."""
MARK = "?: kd> "
"""A prompt of no known processor: the session may look at any."""
_CURRENT_FILE = re.compile(r"\. *\d+ .*?dump: (.+)$")
_SEARCH_PATH = "Symbol search path is: "
_NO_PATH = ("<empty>", "*** Invalid")
_IMPLICIT_THREAD = "Implicit thread is now "


class DebuggerSession(NamedTuple):
    """A session, as far as it is known from outside."""

    engine: Engine
    thread: int | None
    """ETHREAD that the session looks at; None where it does not say."""
    remark: str
    """What the answers rest on, where that is the debugger's words alone; else empty."""
    symbols: str | None
    """The session's symbol path."""


def session_commands() -> str:
    """What the debugger runs, in one line without quotes."""
    return ";".join(f".echo {MARK}{question};{question}" for question in QUESTIONS)


def open_session(data: bytes) -> DebuggerSession:
    """The session that these answers come from; the dump is read where it can be, with the session's symbol path.

    Raises:
        EngineUnavailable: these are no answers of a debugger.
        DumpError: no kernel dump or kernel is open there.
    """
    text, left_out = _decoded(data)
    lines = split_lines(text)
    if f"{MARK}{TARGETS}" not in lines[:1]:
        raise EngineUnavailable("standard input holds no answers of a debugger: the commands of livedump.wds pipe them")
    path, symbols = _dump_path(lines), _symbol_path(text)
    thread = parse_hex(find_value(lines, _IMPLICIT_THREAD) or "")
    if path is None:
        reason = "the debugger names no dump file"
    else:
        try:
            return DebuggerSession(NativeEngine(path, symbols=symbols), thread, "", symbols)
        except DumpError as error:
            reason = f"the dump cannot be read here: {error}"
    engine = engines_of(text, left_out, path or "the open target")[-1]
    remark = f"{reason}; this rests on what the debugger says, which holds no structures"
    return DebuggerSession(engine, thread, remark, symbols)


def _decoded(data: bytes) -> tuple[str, str | None]:
    # The debugger writes in the code page of the system, which a saved log need not have come from.
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        data = data.decode(locale.getpreferredencoding(False), "replace").encode("utf-8")
    return decode_bounded(data)


def _dump_path(lines: Sequence[str]) -> str | None:
    # One target after the other, the current one with a dot; up to the next mark.
    for line in lines[1:]:
        if line.startswith(MARK):
            return None
        found = _CURRENT_FILE.match(line)
        if found:
            return found.group(1).strip()
    return None


def _symbol_path(text: str) -> str | None:
    # Of the text and not of its lines, which are cut: a path may be long.
    _, mark, answer = text.rpartition(f"{MARK}{SYMBOL_PATH}")
    _, _, path = answer.partition(_SEARCH_PATH)
    found = path.partition("\n")[0].strip()
    return found if mark and found and not found.startswith(_NO_PATH) else None
