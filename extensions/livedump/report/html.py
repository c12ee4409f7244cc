"""Reports as one self-contained HTML file that asks for nothing, from one dump to thousands.

Everything that a dump can choose is escaped, and the page forbids itself whatever it does not need: its own style and
script are named by their hashes, so that nothing else would run. Of some hundred dumps it shows the same without
scripts; with them the table is sorted and filtered. Of more, rows are drawn as they are seen and sections are made when
they are opened: a browser takes seconds for five thousand of them.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from livedump.model.report import Report
from livedump.model.series import Series
from livedump.report.document import Document
from livedump.report.dump_row import dump_row, split_path
from livedump.report.html_digest import Digest
from livedump.report.html_document import format_content
from livedump.report.html_incidents import format_incidents
from livedump.report.html_packed import Sections, iter_section_templates, order_of, rows_template
from livedump.report.html_section import format_section
from livedump.report.html_series import format_series
from livedump.report.html_summary import format_bars, format_tiles, grouped, headline
from livedump.report.html_table import fields_of, iter_table
from livedump.report.html_timeline import format_timeline
from livedump.report.markup import Markup, element, joined

TITLE = "Kernel live dumps"
MOST_DRAWN = 300
"""Dumps of a page that has all rows and sections in it as they are."""
SPOOL_BYTES = 8 << 20
"""Sections are kept in memory up to this size, then in a temporary file: they are written behind the summary."""


def format_html(reports: Iterable[Report], title: str = TITLE, series: Sequence[Series] = ()) -> str:
    """The page as text: reports in the order in which they are shown."""
    stream = io.StringIO()
    write_html(reports, stream, title, series)
    return stream.getvalue()


def write_html(reports: Iterable[Report], stream: TextIO, title: str = TITLE, series: Sequence[Series] = ()) -> None:
    """Writes the page, as UTF-8 if the stream is to a file. ``series`` are those of the reports that are of one boot.

    Each report is let go once its section is made: memory grows by a row of the table for each dump.
    """
    from tempfile import SpooledTemporaryFile  # noqa: PLC0415 - no other format needs it

    with SpooledTemporaryFile(SPOOL_BYTES) as file:
        sections = Sections(file)
        digests: list[Digest] = []
        links = {each.path: "" for told in series for each in told.dumps}
        for number, report in enumerate(reports, 1):
            digests.append(Digest(number, dump_row(report)))
            if report.path in links:
                links[report.path] = digests[-1].anchor
            sections.add(format_section(report, digests[-1]) + "\n")
        stream.writelines(_top(title, digests))
        if len(digests) == 1:
            stream.write('<section aria-labelledby="main-title"><h2 id="main-title" class="hidden">The dump</h2>\n')
            stream.write(sections.read(0).replace("<details>", '<details open="">', 1))
        else:
            stream.writelines(_overview(digests, format_series(series, links) if series else None, sections))
        stream.write("</section>\n")
        stream.writelines(_bottom())


def format_documents(documents: Sequence[Document], title: str) -> str:
    """A page of documents, one below the other."""
    said = documents[0].title if len(documents) == 1 else f"{len(documents):,} files"
    return "".join((*_head(title, said), *map(_document, documents), *_bottom()))


def _document(document: Document) -> str:
    name = split_path(document.title)[1]
    heading = element("h2", name)
    return element("section", heading, element("div", *format_content(document, name), class_="dump")) + "\n"


def _top(title: str, digests: Sequence[Digest]) -> Iterator[str]:
    yield from _head(title, headline(digests))


def _head(title: str, said: str) -> Iterator[str]:
    yield '<!DOCTYPE html>\n<html lang="en">\n'
    yield element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy()),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("link", rel="icon", href="data:,"),
        element("title", f"{title}: {said}"),
        element("style", _asset(_STYLE)),
    )
    skip = element("a", "Skip to the dumps", href="#main", class_="skip")
    header = element("header", element("h1", title), element("p", said, class_="headline"))
    yield joined(Markup("\n<body>\n"), skip, header, Markup('\n<main id="main">\n'))


def _overview(digests: Sequence[Digest], told: Markup | None, sections: Sections) -> Iterator[str]:
    yield _section("summary", "Summary", format_tiles(digests))
    if told:
        yield _section("series", "What became of one machine", told)
    timeline = format_timeline(digests)
    if timeline:
        yield _section("timeline", "Captures by origin", timeline)
    by_signature = format_bars("By signature", grouped(digest.signature for digest in digests))
    by_code = format_bars(
        "By bug check", grouped(digest.bug_check for digest in digests if digest.row.code is not None)
    )
    yield _section("groups", "Groups", element("div", by_signature, by_code, class_="charts"))
    told_together = format_incidents(digests)
    if told_together:
        yield _section("incidents", "Dumps of one incident", told_together)
    yield '<section id="dumps" aria-labelledby="dumps-title">\n<h2 id="dumps-title">Dumps</h2>\n'
    yield _filter(len(digests))
    few = len(digests) <= MOST_DRAWN
    order, fields = order_of(digests), fields_of(digests)
    yield rows_template(digests, fields, order)
    yield from iter_table(digests, fields, few)
    if not few:
        yield element("noscript", element("p", "A table of so many dumps is drawn by the page's script: allow it."))
    yield '</section>\n<section id="details" aria-labelledby="details-title">\n'
    yield '<h2 id="details-title">Dump by dump</h2>\n'
    if few:
        yield from map(sections.read, range(len(digests)))
    else:
        yield element("p", "The section of a dump is made when its name in the table is followed.", class_="remark")
        yield from iter_section_templates(sections, order)


def _bottom() -> Iterator[str]:
    remark = "Made by livedump. This page is complete in itself: it loads and sends nothing."
    yield joined(Markup("</main>\n"), element("footer", element("p", remark)), Markup("\n"))
    yield joined(element("script", _asset(_SCRIPT)), Markup("\n</body>\n</html>\n"))


def _section(name: str, title: str, content: Markup) -> Markup:
    heading = element("h2", title, id=f"{name}-title")
    return joined(element("section", heading, content, id=name, aria_labelledby=f"{name}-title"), Markup("\n"))


def _filter(count: int) -> Markup:
    """The controls that only a script can serve: it shows them."""
    hint = 'Words of a row or its path; "a phrase", -without, origin:wer, code:0x1a8, symptom:blocked'
    buttons = {"copy": "Copy rows", "print": "Print summary and table"}
    folds = {"open": "Unfold all", "": "Fold all"} if count <= MOST_DRAWN else {"": "Fold all"}
    return element(
        "form",
        element("label", "Filter ", element("input", type="search", id="filter", placeholder=hint, autocomplete="off")),
        element("output", f"{count:,} of {count:,} dumps", for_="filter"),
        *(element("button", text, type="button", data_do=name) for name, text in buttons.items()),
        *(element("button", text, type="button", data_fold=name) for name, text in folds.items()),
        element("div", id="chips"),
        element("p", "More columns to the right: scroll the table.", id="more-columns", class_="remark", hidden=""),
        role="search",
        hidden="",
    )


_STYLE, _SCRIPT = "html_report.css", "html_report.js"


def _asset(name: str) -> Markup:
    return Markup(Path(__file__).with_name(name).read_text("utf-8"))


def _policy() -> str:
    allowed = f"style-src {_hash(_asset(_STYLE))}; script-src {_hash(_asset(_SCRIPT))}; img-src data:"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    from base64 import b64encode  # noqa: PLC0415
    from hashlib import sha256  # noqa: PLC0415

    return f"'sha256-{b64encode(sha256(text.encode('utf-8')).digest()).decode('ascii')}'"
