"""Remembers for a while what a server did not have, so that a folder of dumps does not ask again for each."""

from __future__ import annotations

import shutil
import time
import zlib
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from livedump.symbols.files.store import StoreEntry
from livedump.symbols.files.whole_files import write_whole

MISSING_SECONDS = 3600
"""How long a plain "not there" is believed."""
TROUBLE_SECONDS = 300
"""How long a failure of the server or the way to it is believed."""
MAX_NOTE_BYTES = 4096
NOTES = "missing"
"""The folder of notes in the user's cache."""


class Missing(NamedTuple):
    """A note."""

    reason: str
    until: datetime
    """How long it is believed; aware, UTC."""


def forget_missing(cache: Path | None) -> None:
    """Removes the notes below the user's cache: every server is asked again."""
    if cache is not None:
        shutil.rmtree(cache / NOTES, ignore_errors=True)


class MissingFiles:
    """Notes in a folder; anything that looks wrong about one means that there is none."""

    def __init__(self, folder: Path | None) -> None:
        """``folder`` is one that only we write to; without one nothing is remembered."""
        self._folder = folder

    def find(self, server: str, entry: StoreEntry) -> Missing | None:
        """Why asking the server again is no use now; None when it should be asked."""
        if self._folder is None:
            return None
        try:
            with self._note(self._folder, server, entry).open("rb") as file:
                until, _, reason = file.read(MAX_NOTE_BYTES).decode("utf-8", "replace").partition("\n")
            left = float(until) - time.time()
            when = datetime.fromtimestamp(float(until), timezone.utc)
        except (OSError, ValueError, OverflowError):
            return None
        return Missing(reason, when) if 0 < left <= MISSING_SECONDS else None

    def remember(self, server: str, entry: StoreEntry, reason: str, seconds: float) -> None:
        """Notes that the file is not to be had there for so many seconds; a folder that takes no file is no harm."""
        if self._folder is None:
            return
        note = f"{time.time() + seconds}\n{reason}".encode()[:MAX_NOTE_BYTES]
        try:
            write_whole(self._note(self._folder, server, entry), [note])
        except OSError:
            return

    @staticmethod
    def _note(folder: Path, server: str, entry: StoreEntry) -> Path:
        return folder / entry.name / f"{entry.key}.{zlib.crc32(server.lower().encode()):08x}"
