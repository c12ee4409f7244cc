"""The line that like dumps have in common, and how it came about."""

from __future__ import annotations

from typing import NamedTuple

from livedump.model.text_kinds import SymbolText


class SignatureStep(NamedTuple):
    """What one rule did."""

    rule: str
    old: SymbolText
    """The line before; empty at the start."""
    new: SymbolText
    """The line after; equal to ``old`` where the rule only had something to say."""
    remarks: tuple[str, ...]
    """Why, for people: what was skipped and which list says so."""


class Signature(NamedTuple):
    """Equal for dumps that belong together. Never empty, without addresses and offsets, plainly visible, bounded."""

    text: SymbolText
    steps: tuple[SignatureStep, ...]
    """In the order in which the rules were asked."""
