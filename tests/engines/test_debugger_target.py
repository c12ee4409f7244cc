"""A debugger's session as a target: which command is given, and what becomes of a complaint."""

from __future__ import annotations

from pathlib import Path

import pytest

from livedump.engines.debugger_target import DebuggerTarget
from livedump.engines.text.lines import split_lines
from livedump.model.errors import NotKnown
from livedump.model.holdings import PageTally
from livedump.model.target import HeaderFacts
from tests.symbols.pdb.shapes import SHAPES, member_lines

SAVED = Path(__file__).with_name("text") / "dt_shapes.txt"


class Session:
    """Answers with what a debugger once said, and with a complaint to everything else."""

    def __init__(self) -> None:
        said = SAVED.read_text(encoding="utf-8").split("kd> ")[1:]
        self._said = {command: text for command, _, text in (part.partition("\n") for part in said)}
        self.commands: list[str] = []

    def run(self, command: str) -> tuple[str, ...]:
        self.commands.append(command)
        return split_lines(self._said.get(command, "\nSymbol is not there.\n"))

    def read(self, address: int, size: int) -> bytes:
        return bytes(size) if address else b""

    def tally_pages(self, address: int, size: int, physical: bool = False) -> PageTally:
        return PageTally(size // 0x1000, 0, int(physical), address)


@pytest.fixture
def session() -> Session:
    return Session()


@pytest.fixture
def target(session: Session) -> DebuggerTarget:
    return DebuggerTarget(HeaderFacts("x64", 0x1000), session, session.run)


def test_layouts_and_addresses_are_asked_for(session: Session, target: DebuggerTarget) -> None:
    assert member_lines(target.layout("_SHAPES", "shapes")) == SHAPES
    assert target.layout("_SHAPES.Named.Tail.Inner", "shapes").size == 0x10
    assert target.address_of("KiProcessorBlock", "shapes") == 0x140003200
    assert session.commands == [
        "dt -v shapes!_SHAPES",
        "dt -v shapes!_SHAPES Named.Tail.Inner.",
        "? @@masm(shapes!KiProcessorBlock)",
    ]


def test_what_the_debugger_does_not_know_is_said_in_its_words(target: DebuggerTarget) -> None:
    with pytest.raises(NotKnown, match="the debugger does not show nt!_NOPE: Symbol is not there"):
        target.layout("_NOPE")
    with pytest.raises(NotKnown, match="the debugger does not show nt!nope"):
        target.address_of("nope")


def test_memory_is_the_sessions(target: DebuggerTarget) -> None:
    assert target.read(0x1000, 3) == bytes(3)
    assert target.tally_pages(5, 0x3000, physical=True) == PageTally(3, 0, 1, 5)
