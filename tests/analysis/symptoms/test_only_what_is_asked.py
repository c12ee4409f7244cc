"""Each question about what went on reads what it needs and no more, which is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from livedump.analysis.symptoms.asking import (
    find_memory,
    find_requests,
    find_running,
    find_stacks_of_threads,
    find_waits,
)
from livedump.analysis.symptoms.reporting import report_dump
from livedump.dumpfile.source import FileSource
from livedump.engines.native import NativeEngine
from tests.engines.test_contract import system_or_skip

PARTS = ("waits", "memory_use", "requests", "thread_stack", "regions")
"""Questions of the engine of which each costs reads of its own; the last is what tells whether a dump is complete."""
ASKED: dict[str, tuple[Callable[[NativeEngine], Any], set[str]]] = {
    "running": (find_running, set()),
    "stacks": (find_stacks_of_threads, {"thread_stack", "waits"}),
    "waits": (find_waits, {"waits", "requests", "thread_stack"}),
    "memory": (find_memory, {"memory_use"}),
    "requests": (find_requests, {"requests", "thread_stack"}),
}
"""A wait that is too long names what is waited for; work queues stand among the requests; of a head, and of a thread
whose request is pending, the stack is looked at."""


class CountedSource(FileSource):
    """A file that counts what is read of it."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.pieces: Counter[tuple[int, int]] = Counter()

    def read_at(self, offset: int, size: int) -> bytes:
        self.pieces[offset, size] += 1
        return super().read_at(offset, size)


def asked(question: Callable[[NativeEngine], Any], monkeypatch: pytest.MonkeyPatch) -> tuple[Counter[str], int]:
    """How often which part was asked for, and how many pieces of the file were read."""
    built = system_or_skip("storage-stall")
    source, parts = CountedSource(str(built.path)), Counter[str]()
    with closing(NativeEngine(str(built.path), symbols=str(built.symbols), source=source)) as engine:
        for part in PARTS:
            monkeypatch.setattr(engine, part, counted(part, getattr(engine, part), parts))
        question(engine)
    return parts, sum(source.pieces.values())


def counted(name: str, question: Callable[..., Any], calls: Counter[str]) -> Callable[..., Any]:
    def ask(*arguments: Any) -> Any:
        calls[name] += 1
        return question(*arguments)

    return ask


@pytest.mark.parametrize("name", ASKED)
def test_a_question_asks_for_its_own_parts_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    question, needed = ASKED[name]
    parts, _ = asked(question, monkeypatch)
    assert set(parts) == needed


def test_the_stacks_of_all_threads_are_read_where_all_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    every, _ = asked(find_stacks_of_threads, monkeypatch)
    behind, _ = asked(find_waits, monkeypatch)
    assert behind["thread_stack"] < every["thread_stack"]


@pytest.mark.parametrize("name", ASKED)
def test_one_question_reads_less_than_the_report(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    question, _ = ASKED[name]
    _, reads = asked(question, monkeypatch)
    parts, whole = asked(report_dump, monkeypatch)
    assert set(parts) == set(PARTS)
    assert reads < whole
