"""One run of cdb over a dump: commands in, the output of each out, kept apart by marks that no dump can know."""

from __future__ import annotations

import re
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from livedump.dumpfile import c_dump
from livedump.engines.run.process import RunLimits, run_limited
from livedump.engines.text.encoding import decode_transcript
from livedump.engines.text.lines import split_lines
from livedump.model.errors import DamagedDump, DumpError, NotAKernelDump, UnreadableFile, Unsupported
from livedump.model.secrets import without_secrets

MAX_WORDS = 400
"""Characters of the debugger's own words that an error repeats."""

_SWITCHES = ("-noshell", "-sins", "-nosqm")
"""No command of a dump's choosing reaches the system; nothing of the environment steers the debugger; no telemetry."""
_REFUSED = "Could not open dump file ["
_GAVE_UP = "Debuggee initialization failed"
_UNKNOWN_FORMAT = "Could not match Dump File signature"
_KERNEL_DUMPS = (c_dump.SIGNATURE + c_dump.VALID_DUMP_64, c_dump.SIGNATURE + c_dump.VALID_DUMP_32)
_NOT_GIVEN = re.compile(r"Win32 error 0n(?:2|3|5|32|123)\b")
"""Not found, no such path, access denied, in use, no such name."""


class Debugger(NamedTuple):
    """How the debugger is run."""

    program: str
    symbol_path: str
    environment: Mapping[str, str]
    limits: RunLimits


class Session(NamedTuple):
    """What one run printed."""

    banner: tuple[str, ...]
    """Lines before the first command."""
    outputs: Mapping[str, tuple[str, ...]]
    """Lines of each command that was run to its end, by its name."""
    stopped: str | None
    """Why the run was ended early; None when it ended by itself."""
    last_words: str
    """The end of the text."""


def run_session(debugger: Debugger, dump: Path, commands: Mapping[str, str]) -> Session:
    """What the debugger prints for each command, run in order; a command may be several lines.

    The run has an empty working folder of its own: cdb reads ``ntsd.ini`` from where it stands.

    Raises:
        EngineUnavailable: the debugger cannot be started.
        DumpError: it cannot open the dump, in its own words.
    """
    folder = Path(tempfile.mkdtemp(prefix="livedump-cdb-"))
    try:
        mark = uuid.uuid4().hex
        script, workplace = folder / "commands.txt", folder / "empty"
        workplace.mkdir()
        script.write_bytes(command_file(commands.values(), mark).encode("ascii"))
        finished = run_limited(
            [
                debugger.program, "-z", str(dump.absolute()), "-y", debugger.symbol_path, "-cf", str(script),
                *_SWITCHES,
            ],
            workplace, debugger.environment, debugger.limits, folder / "output.txt",
        )  # fmt: skip
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    session = parse_session(split_lines(decode_transcript(finished.output)), mark, tuple(commands), finished.stopped)
    refuse_unopened(session, dump)
    return session


def command_file(commands: Iterable[str], mark: str) -> str:
    """The text of a command file that prints a line of its own before and behind each command, and quits."""
    parts = (f".echo {mark}<{number}\n{each}\n.echo {mark}>{number}\n" for number, each in enumerate(commands))
    return "".join(parts) + "q\n"


def parse_session(lines: Sequence[str], mark: str, names: Sequence[str], stopped: str | None = None) -> Session:
    """The output of each command; one that has no end mark is left out.

    A line counts as a mark only when it holds nothing else: the debugger also echoes the command that prints it.
    """
    places = {line.strip(): at for at, line in enumerate(lines) if mark in line}
    outputs = {}
    for number, name in enumerate(names):
        begin, end = places.get(f"{mark}<{number}"), places.get(f"{mark}>{number}")
        if begin is not None and end is not None:
            outputs[name] = tuple(lines[begin + 1 : end])
    banner_end = places.get(f"{mark}<0", len(lines))
    last = [line.strip() for line in lines if line.strip() and mark not in line][-3:]
    return Session(tuple(lines[:banner_end]), outputs, stopped, without_secrets(" ".join(last))[-MAX_WORDS:])


def refuse_unopened(session: Session, dump: Path) -> None:
    """Raises what the debugger's words mean when it did not open the dump; nothing when it did.

    Raises:
        UnreadableFile: the operating system did not give it the file.
        NotAKernelDump: the file begins with something else.
        Unsupported: this version of the debugger does not know the dump's format.
        DamagedDump: the dump is damaged.
    """
    start = next((at for at, line in enumerate(session.banner) if line.startswith((_REFUSED, _GAVE_UP))), None)
    if start is None:
        return
    said = [line for line in session.banner[max(start - 1, 0) : start + 2] if not line.startswith("Loading")]
    words = "; ".join(_without_path(line.strip()) for line in said if line.strip())[:MAX_WORDS]
    raise _meaning(words, dump)(f"the debugger cannot open {dump.name}: {without_secrets(words)}")


def _without_path(line: str) -> str:
    return f"Could not open dump file{line[line.rfind(']') + 1 :]}" if line.startswith(_REFUSED) else line


def _meaning(words: str, dump: Path) -> type[DumpError]:
    if _NOT_GIVEN.search(words):
        return UnreadableFile
    try:
        with dump.open("rb") as file:
            head = file.read(c_dump.HEADER_SIZE_64)
    except OSError:
        return UnreadableFile
    if not head.startswith(_KERNEL_DUMPS):
        return NotAKernelDump
    return Unsupported if _UNKNOWN_FORMAT in words and len(head) == c_dump.HEADER_SIZE_64 else DamagedDump
