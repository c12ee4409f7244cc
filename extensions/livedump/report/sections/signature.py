"""Signatures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from livedump.model.signature import Signature, SignatureStep
from livedump.model.text import clean_text
from livedump.report.document import Document, Line, Verbatim

_NOTHING = "(nothing)"


class SignatureRow(NamedTuple):
    """The signature of one dump."""

    signature: str


def document(record: Signature, title: str, explain: bool = False) -> Document:
    """Signature and file, divided by a tab; when ``explain``, under it each rule with what it changed and why."""
    steps = [line for step in record.steps for line in _step_lines(step)] if explain else []
    lines = (Line(record.text, title), *map(Line, steps))
    return Document(title, (Verbatim(lines, remarks_aligned=False),))


def row_type() -> type:
    """The record that ``rows`` gives any number of."""
    return SignatureRow


def rows(record: Signature) -> Iterator[SignatureRow]:
    """The one signature."""
    yield SignatureRow(record.text)


def _step_lines(step: SignatureStep) -> list[str]:
    lines = [f"  {step.rule}"]
    if step.new != step.old:
        lines.append(f"    {clean_text(step.old) or _NOTHING} -> {clean_text(step.new) or _NOTHING}")
    return lines + [f"    {remark}" for remark in step.remarks]
