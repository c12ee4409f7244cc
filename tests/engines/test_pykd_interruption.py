"""A session that was broken off reads nothing more, which must not be taken for pages that are missing."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from livedump.engines.pykd import PykdEngine
from livedump.model.errors import MemoryGap

THERE, MISSING = 0xFFFFF80000001000, 0xFFFFF80000009000


class Session(ModuleType):
    """What pykd does of it, as the engine of 2017 was seen to: after a break no read succeeds."""

    class DbgException(Exception):
        """Any failure."""

    class MemoryException(DbgException):
        """No memory, or no session."""

    SymbolException = TypeException = DbgException

    def __init__(self) -> None:
        super().__init__("pykd")
        self.broken_off = False
        vars(self).update(
            isDumpAnalyzing=lambda: True, isKernelDebugging=lambda: True, isValid=self.holds, loadBytes=self.load
        )

    def holds(self, address: int) -> bool:
        return address == THERE and not self.broken_off

    def load(self, address: int, size: int, *_: Any) -> list[int]:
        if not self.holds(address):
            raise self.MemoryException
        return [0] * size


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Session:
    session = Session()
    monkeypatch.setitem(sys.modules, "pykd", session)
    return session


def test_a_page_that_is_missing_is_a_gap(session: Session) -> None:
    engine = PykdEngine("x.dmp")
    assert engine.read(THERE, 8) == bytes(8)
    with pytest.raises(MemoryGap):
        engine.read(MISSING, 8)
    assert not session.broken_off


def test_a_read_that_fails_where_another_had_not_is_an_interruption(session: Session) -> None:
    engine = PykdEngine("x.dmp")
    engine.read(THERE, 8)
    session.broken_off = True
    with pytest.raises(KeyboardInterrupt):
        engine.read(MISSING, 8)


def test_where_nothing_was_read_before_a_page_is_missing(session: Session) -> None:
    session.broken_off = True
    with pytest.raises(MemoryGap):
        PykdEngine("x.dmp").read(THERE, 8)
