"""The HTML report as text: well formed, self-contained, inert whatever a dump holds, and small enough for thousands."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timezone
from html.parser import HTMLParser

import pytest

from livedump.model.frames import Frame, Role, Stack, Trust
from livedump.model.report import Report
from livedump.report.dump_row import dump_row, path_of, split_path
from livedump.report.html import format_html, write_html
from livedump.report.html_digest import MAX_NAME, Digest
from livedump.report.html_document import MAX_LINES
from livedump.report.html_summary import MAX_BARS, grouped
from livedump.report.html_timeline import format_timeline
from livedump.report.markup import Markup, element, joined
from tests.report.reports import failed, hostile_report

VOID = {"meta", "link", "input", "wbr"}
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></title><svg onload=alert(1)>",
    "&lt;script&gt; &#x3c;b&#x3e;",
    "javascript:alert(1)",
    "\u202egpj.exe \ud800 \x00\x1b[31m",
    "</details></main>" * 50,
)


class Page(HTMLParser):
    """The page's elements; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.content: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self.content.setdefault(self._open[-1], []).append(data)

    def values(self, attribute: str) -> list[str]:
        return [value for _, attributes in self.elements if (value := attributes.get(attribute))]


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=timezone.utc)


def at(report: Report, moment: datetime) -> Report:
    assert report.dump is not None
    return report._replace(dump=report.dump._replace(captured_at=moment))


def signed(report: Report, signature: str) -> Report:
    return report._replace(signature=signature)


def several() -> list[Report]:
    calm = hostile_report("calm")
    return [signed(at(calm, utc(2026, 5, 1 + day)), f"signature {day % 3}") for day in range(9)] + [failed()]


@pytest.mark.parametrize("count", [0, 1, 2, 10])
def test_the_page_is_well_formed_for_any_number_of_dumps(count: int) -> None:
    page = Page(format_html(several()[:count]))
    names = Counter(tag for tag, _ in page.elements)
    assert (names["head"], names["main"], names["h1"]) == (1, 1, 1)
    assert names["details"] == count


def test_every_id_is_there_once_and_every_link_leads_to_one() -> None:
    page = Page(format_html(several()))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    targets = [value for value in page.values("href") if value != "data:,"]
    assert {target[:1] for target in targets} == {"#"}
    assert {target[1:] for target in targets} <= set(ids)
    assert set(page.values("aria-labelledby")) | set(page.values("for")) | set(page.values("data-section")) <= set(ids)


def test_nothing_can_be_loaded_and_only_its_own_style_and_script_run() -> None:
    page = Page(format_html(several()))
    used = {key for _, attributes in page.elements for key in attributes}
    assert not {"src", "srcset", "action", "style", "background", "poster"} & used
    assert not [key for key in used if key.startswith("on")]
    policy = next(a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy") or ""
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for name in ("style", "script"):
        # The hash that CSP level 2 demands: base64 of SHA-256 over the element's text.
        digest = hashlib.sha256("".join(page.content[name]).encode()).digest()
        assert f"{name}-src 'sha256-{base64.b64encode(digest).decode()}'" in policy
    assert not re.search(r"url\(|@import|https?:", "".join(page.content["style"] + page.content["script"]))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_adds_no_element_and_no_attribute(text: str) -> None:
    calm, evil = (format_html([signed(hostile_report(word), word), signed(failed(), word)]) for word in ("calm", text))
    shapes = [[(tag, sorted(attributes)) for tag, attributes in Page(page).elements] for page in (calm, evil)]
    assert shapes[0] == shapes[1]
    evil.encode("utf-8")
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e\ud800]", evil)


def test_what_a_hostile_name_says_can_still_be_read() -> None:
    page = Page(format_html([hostile_report("<b>&amp;")]))
    assert any("<b>&amp;!<b>&amp;+0xd9" in piece for pieces in page.content.values() for piece in pieces)


def test_one_dump_is_shown_unfolded_without_table_and_charts() -> None:
    page = Page(format_html(several()[:1]))
    assert [attributes for tag, attributes in page.elements if tag == "details"] == [{"open": ""}]
    assert "calm.dmp" in page.content["p"]
    assert "form" not in page.content


def test_the_page_says_what_was_found() -> None:
    page = Page(format_html(several()))
    assert "9 live dumps, 1 could not be judged" in page.content["p"]
    assert page.content["dd"][:2] == ["10", "9"]
    assert {"2026-05-01", "2026-05-09"} <= set(page.content["dd"])


def test_what_may_be_live_or_a_crash_counts_as_neither() -> None:
    page = Page(format_html([*several(), hostile_report("x")._replace(live=None)]))
    assert "9 live dumps, 1 live or crash (not known), 1 could not be judged" in page.content["p"]


def test_the_page_is_accessible_by_its_markup() -> None:
    page = Page(format_html(several()))
    assert ("html", {"lang": "en"}) in page.elements
    assert {"header", "main", "footer"} <= {tag for tag, _ in page.elements}
    heads = [attributes for tag, attributes in page.elements if tag == "th"]
    assert all(attributes.get("scope") in {"row", "col"} for attributes in heads)
    assert sum(tag == "caption" for tag, _ in page.elements) == sum(tag == "table" for tag, _ in page.elements)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:]))


def test_reports_are_let_go_one_by_one() -> None:
    alive: list[int] = []

    class Counted(Report):
        def __del__(self) -> None:
            alive.pop()

    def reports() -> Iterator[Report]:
        for _ in range(50):
            report = Counted(*hostile_report("x"))
            alive.append(1)
            assert len(alive) <= 3
            yield report

    write_html(reports(), io.StringIO())


def test_the_page_grows_by_the_same_for_each_dump() -> None:
    sizes = [len(Page(format_html([hostile_report("x")] * count)).elements) for count in (100, 200, 300)]
    assert sizes[2] - sizes[1] == sizes[1] - sizes[0]


def test_a_long_stack_and_a_long_name_are_shown_in_part() -> None:
    frame = Frame(0, 1, 1, 1, "a", "b", 0, Trust.SCAN, Role.OTHER)
    report = hostile_report("x")._replace(stack=Stack((frame,) * 5000, None))
    page = Page(format_html([report._replace(path="C:\\" + "n" * 5000)]))
    assert f"{5001 - MAX_LINES} more frames" in page.content["span"]
    assert max(len(name) for name in page.content["h3"]) == MAX_NAME + 1


@pytest.mark.parametrize(
    ("path", "folder", "name"),
    [
        ("C:\\a\\b.dmp", "C:\\a", "b.dmp"),
        ("/a/b.dmp", "/a", "b.dmp"),
        ("/b.dmp", "/", "b.dmp"),
        ("C:\\b.dmp", "C:", "b.dmp"),
        ("C:\\a\\b.zip!/c.dmp", "C:\\a\\b.zip!", "c.dmp"),
        ("D:\\a/b.zip!/c/d.dmp", "D:\\a/b.zip!/c", "d.dmp"),
        ("b", "", "b"),
        ("/", "", "/"),
        ("a/b/", "a", "b/"),
        ("", "", ""),
    ],
)
def test_folders_and_file_names_of_both_worlds(path: str, folder: str, name: str) -> None:
    assert split_path(path) == (folder, name)
    assert path_of(dump_row(Report("native", path, None))) == path


def test_groups_are_ordered_by_size_then_name_and_the_rest_is_counted() -> None:
    assert [(group.label, group.dumps) for group in grouped("cabab")] == [("a", 2), ("b", 2), ("c", 1)]
    judged = [signed(hostile_report("x"), f"signature {number}") for number in range(MAX_BARS + 3)]
    assert "and 3 more groups of 3 dumps" in Page(format_html(judged)).content["p"]


def timeline_of(*moments: datetime) -> Page | None:
    digests = [Digest(number, dump_row(at(hostile_report("x"), moment))) for number, moment in enumerate(moments, 1)]
    drawn = format_timeline(digests)
    return None if drawn is None else Page(drawn)


@pytest.mark.parametrize(
    ("moments", "ticks"),
    [
        # a quarter of an hour, some days, some years, and the first and last that there are
        ((utc(2026, 5, 1, 10, 1), utc(2026, 5, 1, 10, 14)), ["10:05", "10:10"]),
        ((utc(2026, 5, 1), utc(2026, 5, 5)), ["01 May", "02 May", "03 May", "04 May", "05 May"]),
        ((utc(2026, 1, 5), utc(2026, 7, 5)), ["Feb 2026", "Mar 2026", "Apr 2026", "May 2026", "Jun 2026", "Jul 2026"]),
        ((utc(2019, 6, 1), utc(2026, 6, 1)), ["2020", "2021", "2022", "2023", "2024", "2025", "2026"]),
        ((utc(1, 1, 1), utc(9999, 12, 31)), ["1000", "2000", "3000", "4000", "5000", "6000", "7000", "8000", "9000"]),
    ],
)
def test_the_timeline_has_a_few_round_ticks(moments: tuple[datetime, datetime], ticks: list[str]) -> None:
    page = timeline_of(*moments)
    assert page is not None
    assert [text for text in page.content["text"] if text not in {"Task Manager", "2"}] == ticks


def test_a_timeline_needs_two_moments_and_does_not_grow_with_the_dumps() -> None:
    assert timeline_of(utc(2026, 5, 1), utc(2026, 5, 1)) is None
    many = timeline_of(*(utc(2026, 1 + n % 12, 1 + n % 28, n % 24, n % 60) for n in range(1500)))
    assert many is not None
    assert sum(tag == "circle" for tag, _ in many.elements) <= 90


def test_lanes_are_kinds_of_origins_called_by_what_their_titles_have_in_common() -> None:
    digests = []
    kinds = (
        ("windows-error-reporting", "Windows Error Reporting for dxgkrnl"),
        ("windows-error-reporting", "Windows Error Reporting for nt power manager"),
        *(("system-debug-control", f"{number}.exe through NtSystemDebugControl") for number in range(100)),
        ("task-manager", "Task Manager"),
        ("storport", "Storport on behalf of a storage driver"),
    )
    for number, (kind, title) in enumerate(kinds, 1):
        row = dump_row(at(hostile_report("x"), utc(2026, 5, 1, number % 24)))
        digests.append(Digest(number, row._replace(origin=kind, origin_title=title)))
    drawn = format_timeline(digests)
    assert drawn is not None
    lanes = [attributes["data-find"] for _, attributes in Page(drawn).elements if "data-find" in attributes]
    assert lanes == [
        "through NtSystemDebugControl",
        "Windows Error Reporting",
        "Storport on behalf of a storage driver",
        "Task Manager",
    ]
    assert "Storport on behalf of a stor…" in Page(drawn).content["text"]


def test_only_markup_is_left_as_it_is() -> None:
    assert element("b", "<", Markup("<i></i>"), None, class_="a\"'<", aria_label=None) == (
        '<b class="a&quot;&#39;&lt;">&lt;<i></i></b>'
    )
    assert joined("&", Markup("&")) == "&amp;&"
