"""Options of ``triage`` that choose rows, order them and say which of their columns are shown."""

from __future__ import annotations

import argparse
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from livedump.frontends.parsing import add_choice, option_type, positive, some_of
from livedump.frontends.questions import OptionKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from livedump.fleet.output import Choice

GROUPS = ("signature", "origin", "code", "day", "incident", "symptom", "series")
SORTS = {
    "found": (),
    "name": ("name",),
    "time": ("captured_at",),
    "code": ("code", "captured_at"),
    "origin": ("origin", "captured_at"),
    "signature": ("signature", "captured_at"),
    "symptom": ("symptoms", "captured_at"),
}
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_MOMENTS = "2026-05-14, 2026-05-14T11:18, today, yesterday, 90m, 12h, 7d or 2w (ago)"


def add_choosing(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    group = parser.add_argument_group("choosing")
    group.add_argument("--origin", metavar="TEXT", help="only dumps whose origin has this text in its name")
    group.add_argument(
        "--code",
        type=option_type(OptionKind.HEXADECIMAL),
        metavar="CODE",
        help="only dumps with this bug check code, hexadecimal",
    )
    group.add_argument("--process", metavar="TEXT", help="only dumps that such a process asked for, or a finding names")
    group.add_argument("--driver", metavar="NAME", help="only dumps whose reporter, signature or findings name it")
    group.add_argument("--symptom", metavar="TEXT", help="only dumps with such a finding: deadlock, pool-tag:Leak")
    group.add_argument(
        "--since", type=moment(), metavar="TIME", help=f"only dumps captured then or later: {_MOMENTS}; UTC"
    )
    group.add_argument("--until", type=moment(last=True), metavar="TIME", help="only dumps captured then or earlier")
    add_choice(group, "--sort", tuple(SORTS), help="order of the rows (default: as they are judged)")
    add_choice(group, "--by", GROUPS, help="a line for each group")
    group.add_argument("--summary", action="store_true", help="all dumps in sixteen lines")
    group.add_argument("--top", type=positive, metavar="N", help="not more than N rows, or the N largest groups")
    group.add_argument("--columns", type=_columns, metavar="A,B,...", help="these columns, by their names in CSV")
    group.add_argument("--wide", action="store_true", help="all columns, though lines are wider than the terminal")


def choice_of(options: argparse.Namespace) -> Choice:
    """What was chosen."""
    from livedump.fleet.output import Choice

    return Choice(**{name: getattr(options, name) for name in Choice._fields})


def order_of(options: argparse.Namespace) -> tuple[str, ...]:
    """The columns by which rows are ordered."""
    by_group = {"day": "time", "incident": "time", "series": "time", None: "found"}
    return SORTS[options.sort or by_group.get(options.by, options.by)]


def moment(last: bool = False) -> Callable[[str], datetime]:
    """The type of an option that takes a time; ``last`` takes a day for its end."""

    def parse(text: str) -> datetime:
        try:
            return _moment(text.strip().lower(), datetime.now(timezone.utc), last)
        except (ValueError, OverflowError):
            raise argparse.ArgumentTypeError(f"{text!r} is no time such as {_MOMENTS}") from None

    return parse


def _moment(text: str, now: datetime, last: bool) -> datetime:
    if text[-1:] in _UNITS and text[:-1].isdecimal():
        return now - timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
    days = {"today": 0, "yesterday": 1}
    day = (now - timedelta(days=days[text])).strftime("%Y-%m-%d") if text in days else text
    found = datetime.fromisoformat(day.upper().replace("Z", "+00:00"))
    found = found if found.tzinfo else found.replace(tzinfo=timezone.utc)
    whole_day = last and len(day) == len("2026-05-14")
    return found + timedelta(days=1, microseconds=-1) if whole_day else found


def _columns(text: str) -> tuple[str, ...]:
    from livedump.report.dump_row import DumpRow

    return some_of(DumpRow._fields)(text)
