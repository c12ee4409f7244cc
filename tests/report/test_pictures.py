"""Pictures in pages: what they show can be read too, and nothing of a dump becomes an element."""

from __future__ import annotations

import shutil

import pytest

from livedump.analysis.symptoms.reporting import report_dump
from livedump.engines.native import NativeEngine
from livedump.report.html_pictures import format_picture
from livedump.report.pictures import Bar, Bars, Part, Paths, Step
from livedump.report.sections.info import document
from tests.synth.kernel.scenarios import build

pytestmark = pytest.mark.skipif(shutil.which("clang") is None, reason="needs clang, lld-link")


def test_a_stall_is_drawn_from_those_who_wait_to_the_one_who_holds() -> None:
    built = build("storage-stall")
    report = report_dump(NativeEngine(str(built.path), str(built.symbols)), time=60)
    waits, processors, memory, tags = document(report, "stall").pictures()
    assert isinstance(waits, Paths)
    (path,) = waits.paths
    assert path[0].lines == ("40 threads in all",)
    assert path[-1].lines == ("8a8.8fc clussvc.exe", "stands in", "Ntfs!NtfsWaitSync")
    assert isinstance(processors, Bars)
    assert len(processors.bars) == 4
    assert (memory.title, tags.title) == ("Memory", "Largest pool tags")


def test_without_symptoms_there_is_no_picture() -> None:
    built = build("quiet")
    report = report_dump(NativeEngine(str(built.path), str(built.symbols)), no_symptoms=True)
    assert document(report, "quiet").pictures() == ()


def test_bars_are_never_longer_than_the_whole() -> None:
    markup = format_picture(Bars("Shares", (Bar("one", (Part("a", 0.7), Part("b", 0.9)), "too much"),)))
    assert 'x="70.00%" width="30.00%"' in markup


def test_names_from_a_dump_are_text() -> None:
    step = Step(("<script>alert(1)</script>",), onward="<b>")
    markup = format_picture(Paths("<i>", ((step, Step(("end",))),)))
    assert "<script>" not in markup
    assert "<b>" not in markup
    assert "&lt;script&gt;" in markup
