"""A parser of a command's words whose errors say in one line what is right."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from livedump.frontends.questions import OptionKind, parse_value
from livedump.frontends.redacting import wants_redaction

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

DONE, SOME_FAILED, USAGE = 0, 1, 2
"""Exit statuses."""


class Parser(argparse.ArgumentParser):
    """One that does not hide that its help could not be written."""

    places_anywhere = False
    """Whether options may stand between the file and a place behind it, which argparse takes for left out then."""

    redacts = False
    """Whether errors tell no names."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """The options, and what is none of them."""
        self.redacts = self.redacts or wants_redaction(args or ())
        if not self.places_anywhere:
            return super().parse_known_args(args, namespace)
        self.places_anywhere = False  # it asks for this method itself
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self.places_anywhere = True

    def refuse(self, words: Sequence[str]) -> NoReturn:
        """Says which words mean nothing here, and what they may have meant."""
        known = [flag for action in self._actions for flag in action.option_strings]
        unknown = next((word for word in words if word.startswith("-") and word != "-"), words[0])
        flag = unknown.partition("=")[0]
        if flag in known:
            self.error(f"{flag} needs its value right behind it")
        what = "no option" if flag.startswith("-") else "nothing that this command takes"
        self.error(f"{flag} is {what}{did_you_mean(flag, known)}")

    def error(self, message: str) -> NoReturn:
        """Ends the program: one line, and where to read more."""
        from livedump.model.text import clean_text

        if self.redacts:
            from livedump.report.redaction import Redactor

            message = Redactor().text(message)
        self.exit(USAGE, f"{self.prog}: {clean_text(message)}; '{self.prog} --help' tells what there is\n")

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        (file or sys.stderr).write(message)


def one_of(*names: str) -> Callable[[str], str]:
    """The type of an option that takes one of these names."""

    def parse(text: str) -> str:
        if text in names:
            return text
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(names)}{did_you_mean(text, names)}")

    return parse


def add_choice(group: argparse._ActionsContainer, flag: str, names: Sequence[str], **told: Any) -> None:
    """Declares an option that takes one of these names; the rest as argparse wants it."""
    added = group.add_argument(flag, type=one_of(*names), metavar=f"{{{','.join(names)}}}", **told)
    added.completer = lambda **_: names  # type: ignore[attr-defined]  # argcomplete asks for it


def add_verbosity(group: argparse._ActionsContainer) -> None:
    """Declares how much is said beside the answer."""
    group.add_argument("-q", "--quiet", action="store_true", help="the answer and errors alone")
    group.add_argument(
        "-v", "--verbose", action="store_true", help="say on stderr who reads, where symbols are, how long"
    )


def option_type(kind: OptionKind) -> Callable[[str], int | str]:
    """The type of an option that is written so."""

    def parse(text: str) -> int | str:
        try:
            return parse_value(kind, text)
        except ValueError:
            example = "hexadecimal code such as 161 or 0x161" if kind is OptionKind.HEXADECIMAL else "whole number"
            raise argparse.ArgumentTypeError(f"{text!r} is not a {example}") from None

    return parse


def some_of(names: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """The type of an option that takes several of these names, divided by commas."""
    known = one_of(*names)

    def parse(text: str) -> tuple[str, ...]:
        return tuple(known(each.strip()) for each in text.split(","))

    return parse


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """``; did you mean --format?`` for the known name that is most like the text; empty where none is."""
    from difflib import get_close_matches

    near = get_close_matches(text.lower(), list(known), 1, 0.6)
    return f"; did you mean {near[0]}?" if near else ""


def positive(text: str) -> int:
    """A number of at least 1, as argparse wants it."""
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of at least 1")
    return int(text)


def seconds(text: str) -> float:
    """A number of seconds above 0, as argparse wants it."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return number
