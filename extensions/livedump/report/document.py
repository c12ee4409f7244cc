"""What a report says, before it has a format: sections make documents of records, formats know only documents."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Union

from livedump.model.addresses import format_address
from livedump.model.listing import Listing

if TYPE_CHECKING:
    from livedump.report.pictures import Picture


class Kind(Enum):
    """What a text is, for formats that do something with it. Names are taken out before, by the types of fields."""

    TEXT = "text"
    NUMBER = "number"
    ADDRESS = "address"
    CODE_ADDRESS = "code-address"
    COMMAND = "command"
    """Of WinDbg: shows what the rest of its row says."""
    PATH = "path"
    PROCESS = "process"


class Cell(NamedTuple):
    """One text. It may hold anything that a dump can hold: each format makes it harmless."""

    text: str
    kind: Kind = Kind.TEXT


class Fact(NamedTuple):
    """One line of what is known."""

    label: str
    value: Cell
    check: str = ""
    """The WinDbg command that shows it; empty where there is none."""


class Facts(NamedTuple):
    """Labels with what is known of each."""

    rows: tuple[Fact, ...]


class Table(NamedTuple):
    """Rows of cells under headers; without headers a plain list."""

    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""


class Line(NamedTuple):
    """One line that is shown letter by letter."""

    text: str
    remark: str = ""
    """What stands behind it."""
    mark: str = ""
    """A word for formats with colours: the role of a frame."""


class Verbatim(NamedTuple):
    """Lines whose columns matter, like those of a debugger."""

    lines: tuple[Line, ...]
    title: str = ""
    remarks_aligned: bool = True
    """Remarks stand in brackets under each other; else a tab divides them from their lines."""


class Paragraph(NamedTuple):
    """Sentences."""

    text: str


Block = Union[Facts, Table, Verbatim, Paragraph]


class EvidenceRow(NamedTuple):
    """One fact for or against what the document says."""

    sign: str
    """``+`` for, ``-`` against."""
    fact: str
    check: str


class Document(NamedTuple):
    """What is to be said about one dump, in the order in which it is read."""

    title: str
    """What it is about: the path of the dump."""
    blocks: tuple[Block, ...]
    headline: str = ""
    """The one line that says it all."""
    evidence: tuple[EvidenceRow, ...] = ()
    evidence_title: str = "Evidence (+ for, - against)"
    """What the signs mean."""
    appendix: Callable[[], tuple[Block, ...]] = tuple
    """What only a document that is kept has: at a terminal or in a debugger a command of its own shows it."""
    pictures: "Callable[[], tuple[Picture, ...]]" = tuple
    """The same for the eye, where a format has pictures."""
    limits: tuple[str, ...] = ()
    """What the answer does not rest on, or may lack; what would lift the limit."""


def text(value: object) -> Cell:
    """A cell of text or of a number; an empty one where nothing is known."""
    return Cell("" if value is None else str(value))


def number(value: Optional[int]) -> Cell:
    """A cell of a count, with thousands divided."""
    return Cell("" if value is None else f"{value:,}", Kind.NUMBER)


def address(value: Optional[int], kind: Kind = Kind.ADDRESS) -> Cell:
    """A cell of an address as WinDbg prints it."""
    return Cell("" if value is None else format_address(value), kind)


def list_doubts(lists: Mapping[str, Listing[Any]]) -> tuple[str, ...]:
    """For each list, by what it lists, why it may not be whole; nothing for one that is."""
    problems = ((what, listing.problem) for what, listing in lists.items())
    return tuple(f"not all {what} may be known: {problem}" for what, problem in problems if problem)
