"""Documents in each format: what is a link, what is escaped, and that formats know nothing but documents."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import livedump
from livedump.report import dml, html_document, markdown, plain
from livedump.report.document import (
    Cell,
    Document,
    EvidenceRow,
    Fact,
    Facts,
    Kind,
    Line,
    Paragraph,
    Table,
    Verbatim,
    address,
)

REPORT = Path(livedump.__file__).parent / "report"
FORMATS = ("plain", "dml", "markdown", "html_document", "html_pictures", "html_trends")
DOCUMENT = Document(
    title="a.dmp",
    headline="what it says",
    blocks=(
        Facts((Fact("Kind", Cell("full"), "||"), Fact("Process", Cell("a.exe")))),
        Table(("Module", "Start"), ((Cell("nt"), address(0xFFFFF80000000000)), (Cell("lm"), address(None)))),
        Verbatim((Line("00 a", "capture", "capture"), Line("01 bb")), "Stack"),
        Paragraph("first\nsecond"),
    ),
    evidence=(EvidenceRow("+", "a fact", "k"),),
    appendix=lambda: (Paragraph("kept"),),
    limits=("not all modules may be known",),
)


def test_plain_text_is_aligned_and_has_no_appendix() -> None:
    assert plain.format_document(DOCUMENT).split("\n\n") == [
        "what it says",
        "Kind     full\nProcess  a.exe",
        "Module    Start\n--------  -----------------\nnt        fffff800`00000000\nlm",
        "Stack\n00 a   [capture]\n01 bb",
        "first\nsecond",
        "Evidence (+ for, - against; the WinDbg command that checks it)\n+  a fact  k",
        "Limits\n  not all modules may be known\n",
    ]


def test_a_title_and_colours_are_there_when_they_are_asked_for() -> None:
    assert plain.format_document(DOCUMENT, color=True, titled=True).startswith("a.dmp\n\x1b[1mwhat it says\x1b[0m\n\n")


def test_links_are_made_of_commands_alone() -> None:
    # A module may be called like a command: it is no link for that.
    said = dml.format_document(DOCUMENT)
    assert '<link cmd="||">||</link>' in said
    assert '<link cmd="k">k</link>' in said
    assert said.count("<link ") == 2
    assert said.startswith("<b>what it says</b>\n\n")


@pytest.mark.parametrize("text", ["k; .shell calc", "K", "$><a.txt", '" onclick', "lm\x07"])
def test_what_is_no_command_of_ours_runs_nothing(text: str) -> None:
    table = Table((), ((Cell("x"), Cell(text, Kind.COMMAND)),))
    links = dml.format_document(Document("a.dmp", (table,))).count("<link ")
    assert links == (1 if text == "k; .shell calc" else 0)  # which only our own code can write


def test_markdown_and_html_have_the_appendix() -> None:
    assert "kept" in markdown.format_document(DOCUMENT)
    assert "kept" in "".join(html_document.format_content(DOCUMENT, "a.dmp"))
    assert "kept" not in plain.format_document(DOCUMENT) + dml.format_document(DOCUMENT)


def test_markdown_rows_have_as_many_cells_as_their_heads() -> None:
    lines = [line for line in markdown.format_document(DOCUMENT).splitlines() if line.startswith("|")]
    assert [line.count("|") for line in lines] == [3] * 4 + [3] * 4 + [4] * 3


@pytest.mark.parametrize("form", FORMATS)
def test_formats_know_nothing_but_documents(form: str) -> None:
    known = {"livedump.report.document", "livedump.report.escape", "livedump.report.markup", "livedump.report.plain",
             "livedump.report", "livedump.model.text", "livedump.report.html_pictures", "livedump.report.html_trends",
             "livedump.report.amounts", "livedump.report.fitting", "livedump.report.pictures"}  # fmt: skip
    assert imports_of(REPORT / f"{form}.py") <= known


@pytest.mark.parametrize("path", sorted((REPORT / "sections").glob("*.py")), ids=lambda path: path.stem)
def test_sections_know_no_format(path: Path) -> None:
    formats = {f"livedump.report.{form}" for form in (*FORMATS, "escape", "markup", "html", "answers", "codec")}
    assert not formats & imports_of(path)


def imports_of(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    names = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name for name in names if name.startswith("livedump")}
