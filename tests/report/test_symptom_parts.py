"""Findings as sentences."""

from __future__ import annotations

import pytest

from livedump.model.findings import Confidence, Evidence
from livedump.model.symptoms import Symptom, SymptomKind
from livedump.report.sections.symptom_parts import findings_block


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("svchost.exe (id 4) has 9 handles", "1. svchost.exe (id 4) has 9 handles (likely)."),
        ("thread 4.8 waits", "1. Thread 4.8 waits (likely)."),
    ],
)
def test_a_sentence_begins_large_but_names_are_written_as_they_are(text: str, sentence: str) -> None:
    finding = Symptom(SymptomKind.HANDLES, text, Confidence.LIKELY, (Evidence("handles", "9 handles", "!handle"),))
    assert findings_block((finding,)).text == sentence
