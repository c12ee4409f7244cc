"""The report of each made-up system in JSON: the keys that scripts rely on, and the same answers as the records."""

from __future__ import annotations

import json
from typing import Any

import pytest

from livedump.analysis.symptoms.reporting import report_dump
from livedump.engines.native import NativeEngine
from livedump.report.json_report import report_object
from tests.analysis.symptoms.examined import OWN, Case, examined

FINDING = {"kind", "text", "confidence", "evidence", "threads", "objects", "modules", "processes", "processor", "count"}
KINDS = {
    "deadlock", "blocked", "orphan-lock", "long-wait", "starved", "saturated", "runaway", "dpc-time", "interrupt-time",
    "spin-lock", "work-queue", "pool-tag", "pool-size", "commit", "low-memory", "handles", "process-commit",
    "locked-pages", "system-ptes", "pending-io",
}  # fmt: skip
SHAPE: dict[str, Any] = {
    "processors": {
        "processors": [
            "number", "thread", "process", "idle", "own_frame", "dpc_percent", "interrupt_percent", "idle_percent",
            "dpc_queue_depth", "dpc_queue_modules",
        ],
        "ready": ["thread", "process", "priority", "seconds"],
        "top_threads": [],
        "top_processes": [],
    },
    "stacks": {
        "threads": None, "unique": None, "paged_out": None,
        "groups": ["frames", "count", "longest_wait_seconds", "threads"],
    },
    "waits": {
        "chains": ["head", "behind", "links"],
        "cycles": None,
        "work_queues": ["node", "index", "pending", "threads", "stuck"],
    },
    "memory": {
        "commit": {"used", "limit", "peak", "available", "physical"},
        "pools": None,
        "tags": ["tag", "nonpaged_bytes", "nonpaged_blocks", "paged_bytes", "paged_blocks", "owners"],
        "handles": ["process", "id", "count"],
        "object_types": [],
        "processes": [],
        "zombies": [],
    },
    "requests": {
        "pending": ["irp", "driver", "device", "major", "thread", "waits_seconds", "completed"],
        "by_driver": [],
    },
}  # fmt: skip
"""What scripts rely on: of a list the keys of its members, of an object those that it has."""


def json_of(case: Case) -> dict[str, Any]:
    built = examined(case).built
    engine = NativeEngine(str(built.path), str(built.symbols))
    try:
        said = json.loads(json.dumps(report_object(report_dump(engine))))
    finally:
        engine.close()
    assert isinstance(said, dict)
    return said


@pytest.mark.parametrize("case", OWN, ids=str)
def test_the_keys_that_scripts_rely_on(case: Case) -> None:
    symptoms = json_of(case)["symptoms"]
    for finding in symptoms["findings"]:
        assert finding.keys() >= FINDING
        assert finding["kind"] in KINDS
        assert all(each.startswith("0x") for each in (*finding["threads"], *finding["objects"]))
    for name, parts in SHAPE.items():
        assert symptoms[name].keys() >= {"state", "reason", *parts}, name
        assert symptoms[name]["state"] in ("found", "none", "not-captured", "not-known")
        for part, keys in parts.items():
            _has_keys(symptoms[name][part], keys)


def _has_keys(value: Any, keys: Any) -> None:
    if isinstance(keys, set):
        assert value.keys() >= keys
    elif isinstance(keys, list):
        assert all(each.keys() >= set(keys) for each in value)


def test_some_system_has_something_in_each_list() -> None:
    reports = [json_of(case)["symptoms"] for case in OWN]
    empty = [(name, part) for name, parts in SHAPE.items() for part in parts if not any(r[name][part] for r in reports)]
    assert empty == []


@pytest.mark.parametrize("case", OWN, ids=str)
def test_the_findings_are_those_of_the_records(case: Case) -> None:
    said = json_of(case)["symptoms"]["findings"]
    found = examined(case).symptoms.findings
    assert [(each["kind"], each["text"], each["processor"], each["count"]) for each in said] == [
        (each.kind.value, each.text, each.processor, each.count) for each in found
    ]
    assert [[int(one, 16) for one in each["threads"]] for each in said] == [list(each.threads) for each in found]
    assert [[int(one, 16) for one in each["objects"]] for each in said] == [list(each.objects) for each in found]
