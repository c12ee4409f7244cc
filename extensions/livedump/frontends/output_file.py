"""Files that a command writes: whole under their name or not there at all, and for nobody else to write to."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

RIGHTS = 0o644
"""At most, whatever the umask allows."""


@contextmanager
def output_path(name: str) -> Iterator[Path]:
    """A place to write to, which becomes the file ``name`` when the block ends without an error.

    What was there under the name stays until then, and stays when it fails. A device or a pipe is written to as it is.

    Raises:
        OSError: it cannot be made, written or renamed.
    """
    path = Path(name)
    try:
        if _is_special(path):
            yield path
        else:
            yield from _renamed(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, name) from error


def _renamed(path: Path) -> Iterator[Path]:
    path = path.resolve()  # of a link the file that it leads to is replaced
    beside = path.with_name(f".{path.name[:100]}.{os.getpid()}.tmp")
    os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, RIGHTS))
    try:
        yield beside
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


@contextmanager
def output_text(name: str) -> Iterator[TextIO]:
    """The same, opened for text in UTF-8; lines end as they are written.

    Raises:
        OSError: it cannot be made, written or renamed.
    """
    with output_path(name) as path, path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        yield file


def _is_special(path: Path) -> bool:
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False
