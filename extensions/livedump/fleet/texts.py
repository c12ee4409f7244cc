"""Texts and records in a batch: each dump that one tells of is a target, and what tells of none is passed over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from livedump.engines.texts import read_texts
from livedump.fleet.target import Target, TargetKind
from livedump.model.errors import DumpError, EngineUnavailable, NotAKernelDump

if TYPE_CHECKING:
    from livedump.model.engine import Engine


class TextContents(NamedTuple):
    """What a text tells of."""

    engines: Sequence[Engine]
    """Of the kinds that are wanted, one for each dump."""
    parts: tuple[int, ...]
    """Their places among all that the text tells of, from 1."""
    remark: str | None = None
    """Why it was passed over, where somebody should know."""


def read_contents(path: Path, target: Target, kinds: Sequence[str]) -> TextContents:
    """What the text tells of; of a file that was found and not named it may be nothing.

    Raises:
        DumpError: a file that was named tells of no dump, or cannot be read.
    """
    try:
        engines = read_texts(str(path), target.name)
    except EngineUnavailable as error:
        if target.kind is not TargetKind.TEXT_IN_FOLDER:
            raise
        return TextContents((), (), str(error))
    except NotAKernelDump:
        if target.kind is not TargetKind.TEXT_IN_FOLDER:
            raise
        return TextContents((), ())
    chosen = [number for number, engine in enumerate(engines, 1) if kind_of(engine) in kinds]
    return TextContents([engines[number - 1] for number in chosen], tuple(chosen))


def open_part(path: Path, target: Target) -> Engine:
    """The engine of one of several dumps that a text tells of.

    Raises:
        DumpError: the text cannot be read, or tells of fewer by now.
    """
    engines = read_texts(str(path), target.name)
    number = target.part or 1
    if number > len(engines):
        raise DumpError(f"{target.name}: the text was changed while it was read")
    return engines[number - 1]


def kind_of(engine: Engine) -> str:
    """``record`` for what Windows wrote, ``log`` for a debugger's text."""
    return "record" if engine.name == "record" else "log"
