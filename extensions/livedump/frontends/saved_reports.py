"""Reports that were saved before: by ``info --format json`` or ``jsonl``, or as results of ``triage --save``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livedump.model.errors import DamagedDump, LimitReached, NotKnown, UnreadableFile

if TYPE_CHECKING:
    from livedump.model.report import Report

DATABASE = b"SQLite format 3\0"
MAX_JSON = 512 << 20
"""Bytes; a report on a server with thousands of threads has two million."""
CHOSEN = "#"
"""Divides a file from the name of the one report in it that is meant."""


def saved_reports(path: str) -> tuple[Report, ...] | None:
    """The reports in a file, in its order; ``FILE#NAME`` those whose path ends in NAME. None: it holds no reports.

    Raises:
        DumpError: it cannot be read, or is damaged.
    """
    file, chosen = _divided(path)
    head = _head(file)
    if head.startswith(DATABASE):
        found = tuple(_reports(file, _of_results(file)))
    elif head.lstrip()[:1] in (b"[", b"{") and b'"schema"' in head:
        found = tuple(_reports(file, _of_json(file)))
    else:
        return None
    if chosen:
        found = tuple(report for report in found if _is_called(report.path, chosen))
    if not found:
        raise NotKnown(
            f"{path}: no report of {chosen} is saved there" if chosen else f"{path}: no report is saved there"
        )
    return found


def _divided(path: str) -> tuple[str, str]:
    file, mark, name = path.rpartition(CHOSEN)
    return (file, name) if mark and not Path(path).exists() and Path(file).is_file() else (path, "")


def _is_called(path: str, name: str) -> bool:
    whole, wanted = path.replace("\\", "/"), name.replace("\\", "/")
    return whole == wanted or whole.endswith(f"/{wanted}")


def _head(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(256)
    except (OSError, ValueError):  # whoever reads dumps says what is wrong with it
        return b""


def _reports(path: str, objects: Iterable[Any]) -> Iterator[Report]:
    from livedump.report.json_report import read_report

    for each in objects:
        try:
            report = read_report(each)
        except ValueError as error:
            raise DamagedDump(f"{path}: no saved report, or one of another version: {error}") from error
        snapshot = report.symptoms.snapshot if report.symptoms else None
        if snapshot is not None and not snapshot.whole:
            raise DamagedDump(f"{path}: the counts of {report.path} contradict each other")
        yield report


def _of_json(path: str) -> Iterator[Any]:
    import json

    from livedump.report.json_report import SCHEMA

    try:
        if Path(path).stat().st_size > MAX_JSON:
            raise LimitReached(f"{path}: more than {MAX_JSON >> 20} MiB of JSON are not read")
        text = Path(path).read_text(encoding="utf-8")
        # An array is one value; else each line is one.
        objects = json.loads(text) if text.lstrip()[:1] == "[" else list(map(json.loads, text.splitlines()))
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise DamagedDump(f"{path}: no JSON: {error}") from error
    for each in objects:
        if not isinstance(each, dict) or each.get("schema") != SCHEMA:
            raise DamagedDump(f"{path}: holds something else than reports; 'livedump info --format json' saves them")
        yield each


def _of_results(path: str) -> Iterator[Any]:
    import json

    from livedump.fleet.journal import kept_reports

    return map(json.loads, kept_reports(path))
