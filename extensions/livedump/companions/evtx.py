"""Event logs as Windows keeps them: .evtx files. The only importer of evtx, an extra."""

from __future__ import annotations

from collections.abc import Iterator

from livedump.companions.event_xml import MAX_EVENTS, iter_records
from livedump.model.errors import EngineUnavailable
from livedump.model.records import Record

MAGIC = b"ElfFile\0"
WANTED = (
    "LiveKernelEvent",
    "BlueScreen",
    "SystemErrorReporting",
    "Kernel-Power",
    "Kernel-LiveDump",
    "BugCheck",
    "Kernel-Dump",
)
"""Of each event that is read at all one of these words stands in the XML."""


def iter_evtx_records(path: str, problems: list[str]) -> Iterator[Record]:
    """The records in the file, in its order; ``problems`` gets a line when some of it cannot be read.

    Raises:
        EngineUnavailable: the extra is not installed.
    """
    try:
        from evtx import PyEvtxParser  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise EngineUnavailable(f"{path}: an event log needs evtx: pip install '.[evtx]'") from error
    unreadable = 0
    try:
        events = PyEvtxParser(path).records()
    except (RuntimeError, OSError) as error:
        problems.append(f"the event log cannot be read: {error}")
        return
    for _ in range(MAX_EVENTS):
        try:
            event = next(events)
        except StopIteration:
            break
        except RuntimeError:  # a damaged record; those behind it may be sound
            unreadable += 1
            if unreadable > MAX_EVENTS // 10:
                break
            continue
        text = str(event["data"]) if event else ""
        if any(word in text for word in WANTED):
            yield from iter_records(text)
    else:
        problems.append(f"{MAX_EVENTS} events were read; there are more")
    if unreadable:
        problems.append(f"{unreadable} events could not be read")
