"""A decorated name while it is read: the cursor, the numbers, and the names it can refer back to."""

from __future__ import annotations

from collections.abc import Iterable

MAX_TEXT = 4096
"""Characters of a name before or after; references back can make a short name explode."""
MAX_DEPTH = 24
"""Levels of nesting: templates in templates, symbols in symbols. Deeper ones are shown as they are."""
MAX_REFERENCES = 10


class NotUnderstood(Exception):
    """The name is not decorated in a way known here."""


class DecoratedText:
    """The text and how far it has been read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._names: list[str] = []
        """Up to ten names that a digit can stand for."""

    def at(self, prefix: str) -> bool:
        """Whether ``prefix`` comes next."""
        return self._text.startswith(prefix, self._at)

    def take(self, prefix: str) -> bool:
        """Reads ``prefix`` if it comes next."""
        found = self.at(prefix)
        self._at += len(prefix) if found else 0
        return found

    def need(self, prefix: str) -> None:
        """Reads ``prefix``, which has to come next."""
        if not self.take(prefix):
            raise NotUnderstood

    def take_any(self, codes: Iterable[str]) -> str | None:
        """Reads the first of the codes that comes next."""
        return next((code for code in codes if self.take(code)), None)

    def character(self) -> str:
        """Reads one character."""
        if self._at >= len(self._text):
            raise NotUnderstood
        self._at += 1
        return self._text[self._at - 1]

    def until(self, end: str) -> str:
        """Reads up to ``end`` and over it."""
        stop = self._text.find(end, self._at)
        if stop <= self._at:
            raise NotUnderstood
        piece, self._at = self._text[self._at : stop], stop + len(end)
        return piece

    def digit(self) -> int | None:
        """Reads a digit if one comes next."""
        next_one = self._text[self._at : self._at + 1]
        if not "0" <= next_one <= "9":
            return None
        self._at += 1
        return int(next_one)

    def number(self) -> int:
        """Reads a number: 0 to 9 mean one to ten, A to P are hex digits that end with @."""
        sign = -1 if self.take("?") else 1
        digit = self.digit()
        if digit is not None:
            return sign * (digit + 1)
        letters = "" if self.take("@") else self.until("@")
        if len(letters) > 16 or not all("A" <= letter <= "P" for letter in letters):
            raise NotUnderstood
        return sign * int("".join(f"{ord(letter) - ord('A'):x}" for letter in letters) or "0", 16)

    def remember(self, name: str) -> str:
        """Gives the next free digit to the name."""
        if len(self._names) < MAX_REFERENCES and name not in self._names:
            self._names.append(name)
        return name

    def recall(self, digit: int) -> str:
        """The name that the digit stands for."""
        if digit >= len(self._names):
            raise NotUnderstood
        return self._names[digit]

    def deeper(self) -> None:
        """Enters one more level of nesting."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotUnderstood

    def back(self) -> None:
        """Leaves a level of nesting."""
        self._depth -= 1


def bounded(text: str) -> str:
    """The text, unless it has grown out of all proportion."""
    if len(text) > MAX_TEXT:
        raise NotUnderstood
    return text
