"""Programs that ask for live dumps, from ``known_processes.txt``."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from livedump.model.findings import OriginKind
from livedump.reference.entries import Entry, iter_sections

KEPT = 128
"""Names, known or not, for which the file is not read again."""
_SHORTENED = (14, 15)
"""Bytes of EPROCESS.ImageFileName that hold the name: with and without a zero behind it."""


class KnownProcess(NamedTuple):
    """A program and whom its presence hints at. The name of a process proves nothing: anybody can take it."""

    name: str
    """The full file name."""
    origin: OriginKind
    tool: str
    """For people: ``System Informer``."""


@lru_cache(maxsize=KEPT)
def find_known_process(name: str) -> KnownProcess | None:
    """The program of that file name, whole or as shortened by the kernel, whatever its case; None: not a known one.

    Raises:
        BadEntry: the data file is damaged; names the line.
    """
    return _by_name().get(name.lower())


def read_known_processes(path: Path) -> tuple[KnownProcess, ...]:
    """All programs of a file in the format of ``known_processes.txt``, in file order.

    Raises:
        BadEntry: names the line and what was expected there.
    """
    seen: dict[str, KnownProcess] = {}
    for origin, entry in _iter_origins(path):
        process = _parse(origin, entry)
        if seen.setdefault(process.name.lower(), process) is not process:
            raise entry.bad(f"{process.name} stands above already")
    return tuple(seen.values())


_ORIGINS = {kind.value: kind for kind in OriginKind}


def _by_name() -> dict[str, KnownProcess]:
    processes = read_known_processes(Path(__file__).with_name("known_processes.txt"))
    shortened = {process.name[:size].lower(): process for process in processes for size in _SHORTENED}
    return {**shortened, **{process.name.lower(): process for process in processes}}


def _iter_origins(path: Path) -> Iterator[tuple[OriginKind, Entry]]:
    for section in iter_sections(path):
        origin = _ORIGINS.get(section.title.text)
        if origin is None:
            raise section.title.bad(f"expected an origin of {', '.join(_ORIGINS)}, got {section.title.text!r}")
        for entry in section.entries():
            yield origin, entry


def _parse(origin: OriginKind, entry: Entry) -> KnownProcess:
    name, _, tool = entry.text.partition("  ")
    if not tool.strip():
        raise entry.bad(f"expected a file name, two spaces and a tool, got {entry.text!r}")
    return KnownProcess(name, origin, tool.strip())
