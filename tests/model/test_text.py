"""Text from a dump."""

from __future__ import annotations

import pytest

from livedump.model.text import clean_text


@pytest.mark.parametrize("text", ["", "ntoskrnl.exe", r"\SystemRoot\System32\drivers\tcpip.sys", "Übung 驱动 é", "a b"])
def test_what_can_be_seen_is_kept(text: str) -> None:
    assert clean_text(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\0b\x1b[2J", r"a\x00b\x1b[2J"),
        ("exe.\u202egpj.sys", r"exe.\u202egpj.sys"),
        ("\u2066x\u2069\u200b\u2028", r"\u2066x\u2069\u200b\u2028"),
        ("\ud800.sys", r"\ud800.sys"),
        ("a\u00a0b\u3000c\td", r"a\xa0b\u3000c\x09d"),
        ("\U000f0000\ue000", r"\U000f0000\ue000"),
    ],
)
def test_what_cannot_be_seen_or_moves_its_neighbours_is_written_out(text: str, shown: str) -> None:
    assert clean_text(text) == shown
    shown.encode("utf-8")
