"""A list that knows whether it is whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

Item_co = TypeVar("Item_co", covariant=True)


class Listing(Sequence[Item_co]):
    """Items in their own order, and why there may be more. It reads like a tuple; ``problem`` must not be dropped."""

    # Written out: to import data classes takes longer than to judge many a dump.

    def __init__(self, items: tuple[Item_co, ...], problem: str | None = None) -> None:
        self._items = items
        self._problem = problem

    @property
    def items(self) -> tuple[Item_co, ...]:
        """Those that are known."""
        return self._items

    @property
    def problem(self) -> str | None:
        """Why these may not be all, for people; None when they are."""
        return self._problem

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Listing) and (self.items, self.problem) == (other.items, other.problem)

    def __hash__(self) -> int:
        return hash((self.items, self.problem))

    def __repr__(self) -> str:
        return f"Listing(items={self.items!r}, problem={self.problem!r})"

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]


class ListProblem(NamedTuple):
    """Why a list of the dump may not be whole."""

    what: str
    """The question that the list answers: ``modules``."""
    message: str


def joined_problems(*problems: str | None) -> str | None:
    """The problems in one line, each once; None when there is none."""
    return "; ".join(dict.fromkeys(filter(None, problems))) or None


def bounded(items: Iterable[Item_co], limit: int) -> Listing[Item_co]:
    """The items of a reader that stops at ``limit`` of them: as many as that may not be all."""
    found = tuple(items)
    return Listing(found, f"{limit} are listed: there may be more" if len(found) >= limit else None)
