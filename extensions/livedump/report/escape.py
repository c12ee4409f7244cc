"""Text from a dump comes from strangers: each output gets it in a form that can do nothing there."""

from __future__ import annotations

import unicodedata

_SAFE_CATEGORIES = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd", "Nl", "No",
                              "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So"})  # fmt: skip


def printable(text: str) -> str:
    """The text with control, bidirectional, private and unpaired characters written as ``\\x1b`` or ``\\u202e``."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c == " " or unicodedata.category(c) in _SAFE_CATEGORIES else _escaped(c) for c in text)


def dml(text: str) -> str:
    """The text for Debugger Markup Language, where it would otherwise make links that run commands."""
    escaped = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace('"', "&quot;")


def csv_cell(text: str) -> str:
    """The text for a spreadsheet cell: one that would be taken for a formula gets an apostrophe in front."""
    shown = printable(text)
    return f"'{shown}" if shown[:1] in "=+-@" and shown else shown


def markdown(text: str) -> str:
    """The text for a Markdown table cell: no tag, link, emphasis or column break."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#~&!" else c for c in printable(text))


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
