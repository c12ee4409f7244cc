"""Hostile text in each output."""

from __future__ import annotations

import csv
import io

import pytest

from livedump.report import escape
from livedump.report.dml import link

CONTROL = "a\x1b[31mb\u202ec\ud800"


def test_dml_cannot_be_given_a_tag() -> None:
    assert escape.dml('<link cmd="q">&') == "&lt;link cmd=&quot;q&quot;&gt;&amp;"


@pytest.mark.parametrize("form", [escape.dml, escape.csv_cell, escape.markdown])
def test_no_format_lets_control_characters_through(form: object) -> None:
    shown = form(CONTROL)  # type: ignore[operator]
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    shown.encode("utf-8")


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0"])
def test_a_spreadsheet_never_sees_a_formula(cell: str) -> None:
    assert escape.csv_cell(cell) == "'" + cell


def test_a_tab_or_return_before_a_formula_does_not_hide_it() -> None:
    for cell in ("\t=1", "\r=1", "\n=1"):
        text = io.StringIO()
        csv.writer(text).writerow([escape.csv_cell(cell)])
        assert text.getvalue().lstrip('"')[0] not in "=\t\r\n"


def test_markdown_has_no_link_tag_or_column() -> None:
    assert escape.markdown("[a](b)|<c>`d`") == "\\[a\\](b)\\|\\<c\\>\\`d\\`"


@pytest.mark.parametrize("command", [".bugcheck; k", "!process -1 0", ".formats 00546173`6b6d6772", "||"])
def test_our_own_commands_become_links(command: str) -> None:
    assert link(command) == f'<link cmd="{command}">{command}</link>'


@pytest.mark.parametrize("command", ['.shell "calc"', "!py C:\\evil.py", "$$><x", "k\n.kill", ""])
def test_nothing_else_becomes_a_link(command: str) -> None:
    assert "<link" not in link(command)
