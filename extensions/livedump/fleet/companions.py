"""Records of Windows beside the dumps of a batch: evidence of the dump's report, or a row where there is no dump.

Windows registers one dump again and again: it counts once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from livedump.fleet.journal import Known
from livedump.model.findings import Confidence, Evidence, Finding
from livedump.model.told import Told
from livedump.report.codec import encode
from livedump.report.dump_row import DumpRow

RULE = "record"
LATEST = timedelta(days=30)
"""After the capture: reports wait until they are sent."""
CLOCKS = timedelta(minutes=10)
"""Before it, for clocks that were set."""
POINTER = 1 << 32
"""From here on a value is no number that many dumps share."""
SHARED_NAMES = frozenset({"memory.dmp", "livekernel.dmp"})
"""Files that the next dump writes over."""


class Sighting(NamedTuple):
    """One record, as its row and its report tell it."""

    id: int
    source: str
    words: str
    dump_name: str | None
    code: int | None
    parameters: tuple[int | None, ...]
    recorded_at: datetime | None


def is_record(known: Known) -> bool:
    """Whether the result is of a record and not of a dump or a log."""
    return _saved(known).get("engine") == "record" if known.row.type is None and known.report else False


class Companions:
    """The records of a batch, found by the dump that they are about."""

    def __init__(self, sightings: Iterable[Sighting]) -> None:
        """Keeps of each what finding needs."""
        self._by_name: dict[str, list[Sighting]] = {}
        self._by_values: dict[tuple[int, tuple[int | None, ...]], list[Sighting]] = {}
        self.paired: set[int] = set()
        """Records whose dump was seen, by their numbers."""
        for sighting in sightings:
            if sighting.dump_name:
                self._by_name.setdefault(sighting.dump_name, []).append(sighting)
            if sighting.code is not None:
                self._by_values.setdefault((sighting.code, sighting.parameters), []).append(sighting)

    def attach(self, known: Known) -> Known:
        """The dump's result with what the records say of it as evidence; the records count as paired."""
        found = self.findings_on(known.row)
        if not found or known.report is None:
            return known
        saved = _saved(known)
        findings = [each for each in saved["findings"] if all(item["rule"] != RULE for item in each["evidence"])]
        findings += [encode(finding) for finding in found]
        return known._replace(report=json.dumps({**saved, "findings": findings}, ensure_ascii=True))

    def findings_on(self, row: DumpRow) -> tuple[Finding, ...]:
        """What the records say of the dump in that row; they count as paired."""
        found = self._find(row)
        self.paired.update(sighting.id for sighting, _ in found)
        return tuple(_finding(sighting, confidence) for sighting, confidence in found)

    def _find(self, row: DumpRow) -> list[tuple[Sighting, Confidence]]:
        values = _parameters(row)
        by_name = self._by_name.get(row.name.lower(), []) if row.name.lower() not in SHARED_NAMES else []
        found = {each.id: (each, _sureness(each, row.code, values)) for each in by_name if _fits(each, row.code)}
        if row.code is not None and any(value is not None and value >= POINTER for value in values):
            for each in self._by_values.get((row.code, values), []):
                if each.id not in found and _in_time(each, row):
                    found[each.id] = (each, Confidence.LIKELY)
        return list(found.values())


def _fits(sighting: Sighting, code: int | None) -> bool:
    return None in (sighting.code, code) or sighting.code == code


def _sureness(sighting: Sighting, code: int | None, values: tuple[int | None, ...]) -> Confidence:
    # The name of a file is given again on another machine; with code and parameters it is not.
    same = sighting.code is not None and sighting.code == code and sighting.parameters == values
    return Confidence.CERTAIN if same and None not in values else Confidence.LIKELY


def _in_time(sighting: Sighting, row: DumpRow) -> bool:
    if sighting.dump_name and sighting.dump_name not in SHARED_NAMES and sighting.dump_name != row.name.lower():
        return False
    if sighting.recorded_at is None or row.captured_at is None:
        return True
    return -CLOCKS <= sighting.recorded_at - row.captured_at <= LATEST


def _finding(sighting: Sighting, confidence: Confidence) -> Finding:
    evidence = Evidence(RULE, f"{sighting.source}: {sighting.words}", "")
    return Finding(f"known to {sighting.source}", confidence, (evidence,))


def sighting_of(known: Known) -> Sighting:
    """What is looked for of a record that was kept."""
    saved = _saved(known).get("told") or {}
    recorded = saved.get("recorded_at")
    told = Told(
        source=saved.get("source") or "",
        live_words=saved.get("live_words"),
        dump_path=saved.get("dump_path"),
        recorded_at=datetime.fromisoformat(recorded.replace("Z", "+00:00")) if recorded else None,
    )
    return sighting(known.id, known.row, told)


def sighting(identity: int, row: DumpRow, told: Told) -> Sighting:
    """What is looked for of a record with that row."""
    return Sighting(
        id=identity,
        source=told.source or "a record",
        words=told.live_words or "the dump was recorded",
        dump_name=told.dump_path.replace("/", "\\").rpartition("\\")[2].lower() if told.dump_path else None,
        code=row.code,
        parameters=_parameters(row),
        recorded_at=told.recorded_at,
    )


def _parameters(row: DumpRow) -> tuple[int | None, ...]:
    texts = (row.parameter_1, row.parameter_2, row.parameter_3, row.parameter_4)
    return tuple(None if text is None else int(text, 16) for text in texts)


def _saved(known: Known) -> dict[str, Any]:
    saved: dict[str, Any] = json.loads(known.report) if known.report else {}
    return saved
