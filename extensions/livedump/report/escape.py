"""Text from a dump comes from strangers: each output gets it in a form that can do nothing there."""

from __future__ import annotations

from livedump.model.text import clean_text


def dml(text: str) -> str:
    """The text for Debugger Markup Language, where it would otherwise make links that run commands."""
    escaped = clean_text(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace('"', "&quot;")


def html(text: str) -> str:
    """The text for HTML, inside of an element or of an attribute in quotes."""
    return dml(text).replace("'", "&#39;")


def csv_cell(text: str) -> str:
    """The text for a spreadsheet cell: one that would be taken for a formula gets an apostrophe in front."""
    shown = clean_text(text)
    return f"'{shown}" if shown[:1] in "=+-@" and shown else shown


def markdown(text: str) -> str:
    """The text for a Markdown table cell: no tag, link, emphasis or column break."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#~&!" else c for c in clean_text(text))
