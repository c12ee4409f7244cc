"""Text that fits a terminal: nothing is lost but what is said to be left out, and no line is too long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livedump.report.document import Cell, Document, EvidenceRow, Fact, Facts, Line, Paragraph, Table, Verbatim
from livedump.report.fitting import LEAST, fit_table
from livedump.report.plain import format_document

WORDS = st.lists(st.text("abc", min_size=1, max_size=12), max_size=12).map(" ".join)


@given(st.lists(st.lists(WORDS, min_size=3, max_size=3), min_size=1, max_size=5), st.integers(LEAST, 120))
def test_cells_keep_their_words_and_lines_fit(rows: list[list[str]], width: int) -> None:
    fitted = fit_table(rows, ("one", "two", "three"), width)
    kept = 3 - fitted.left_out
    for row, shown in zip(rows, fitted.rows):
        assert [cell.split() for cell in row[:kept]] == [cell.split() for cell in shown]
    lines = [[len(line) for row in fitted.rows for line in row[at].split("\n")] for at in range(kept)]
    widths = [max(len(head) + 2, *found) for head, found in zip(("one", "two", "three"), lines)]
    assert sum(widths) + 2 * (kept - 1) <= max(width, LEAST)


def test_an_address_is_not_broken() -> None:
    rows = [["ffffd237`0012bc60", "many words " * 20]]
    assert fit_table(rows, ("Process", "What"), 40).rows[0][0] == "ffffd237`0012bc60"


def test_what_fits_is_left_as_it_is() -> None:
    assert fit_table([["a  b", "c"]], (), 80) == ((("a  b", "c"),), (), 0)


DOCUMENT = Document(
    title="t",
    headline="a verdict that says a good deal more than a narrow terminal has room for",
    blocks=(
        Facts((Fact("File", Cell("a long path " * 8)), Fact("Kind", Cell("full")))),
        Paragraph("1. A finding of many words, which goes on behind the end of a line."),
        Table(tuple(f"Column {number}" for number in range(9)), (tuple(Cell("x" * 14) for _ in range(9)),)),
        Verbatim((Line("00 " + "f" * 150),)),
    ),
    evidence=(EvidenceRow("+", "a fact that takes more room than there is", ".bugcheck; .formats 00546173`6b6d6772"),),
    limits=("a limit that is told in more words than fit into the line of a terminal",),
)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_document_fits_but_for_what_is_shown_letter_by_letter(width: int) -> None:
    lines = format_document(DOCUMENT, width=width).splitlines()
    assert [line for line in lines if len(line) > width] == ["00 " + "f" * 150]
    assert any("more: --wide" in line for line in lines)


def test_without_a_width_everything_stands_in_its_line() -> None:
    text = format_document(DOCUMENT)
    assert f"\n{DOCUMENT.blocks[1].text}\n" in text  # type: ignore[union-attr]
    assert "--wide" not in text
