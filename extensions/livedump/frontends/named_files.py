"""The files that words of a line stand for: patterns, which not every shell replaces, and lists in files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator

from livedump.model.errors import UnreadableFile

LIST = "@"
"""In front of the name of a file that lists files; ``@-`` is a list on standard input."""
MAX_LIST = 64 << 20
"""Bytes of a list."""


def named_files(words: Iterable[str], patterns: bool = True) -> list[str]:
    """The files in the order in which they are named. A pattern that nothing fits stays as it is.

    Without ``patterns`` all of them do.

    Raises:
        UnreadableFile: a list cannot be read.
    """
    return [path for word in words for path in _of_word(word, patterns)]


def _of_word(word: str, patterns: bool) -> Iterator[str]:
    if os.path.lexists(word):
        yield word
    elif word.startswith(LIST) and len(word) > 1:
        yield from _listed(word[1:])
    elif patterns:
        yield from _matching(word)
    else:
        yield word


def _matching(word: str) -> list[str]:
    if not any(mark in word for mark in "*?["):
        return [word]
    import glob

    return sorted(glob.glob(word)) or [word]  # noqa: PTH207 - the pattern may be absolute


def _listed(name: str) -> list[str]:
    try:
        if name == "-":
            data = sys.stdin.buffer.read(MAX_LIST + 1)
        else:
            with open(name, "rb") as file:  # noqa: PTH123
                data = file.read(MAX_LIST + 1)
    except (OSError, ValueError) as error:
        raise UnreadableFile(f"{name}: the list cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > MAX_LIST:
        raise UnreadableFile(f"{name}: a list of more than {MAX_LIST >> 20} MiB is none of files")
    return [line for line in map(str.strip, _text(data).splitlines()) if line]


def _text(data: bytes) -> str:
    # PowerShell redirects as UTF-16; names that are no text come back as os.fsdecode gives them.
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
