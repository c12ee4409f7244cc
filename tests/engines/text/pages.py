"""Judges the debugger output that pages of documentation show, and counts what came of it.

    python -m tests.engines.text.pages FOLDER

FOLDER holds pages in Markdown, such as a copy of MicrosoftDocs/windows-driver-docs; nothing of them is kept here. What
a page's output should be judged as, is told by its own words: the heading of a bug check, ``BUGCHECK_CODE`` and so on.
Whoever looks a code up has no dump.
"""

from __future__ import annotations

import collections
import re
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

from livedump.analysis.triage import triage
from livedump.engines.texts import engines_of
from livedump.model.errors import DumpError, NotAKernelDump

_FENCE = re.compile(r"^[ \t]*```[^\n]*\n(.*?)^[ \t]*```", re.MULTILINE | re.DOTALL)
_OUTPUT = re.compile(
    r"^\s*(?:BUGCHECK_CODE:|BUGCHECK_STR:|BUGCHECK_P1:|STACK_TEXT:|FAILURE_BUCKET_ID:|Arg1: |BugCheck [0-9A-Fa-f]+, \{"
    r"|Bugcheck code [0-9A-Fa-f]|\*\*\* Fatal System Error|.*Child-?SP|.*ChildEBP)",
    re.MULTILINE,
)
_CODES = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"^\s*BUGCHECK_CODE:\s+([0-9a-f]+)",
        r"^\s*[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+ \(([0-9a-f]{1,8})\)\s*$",
        r"BugCheck ([0-9A-F]+), \{",
        r"Bugcheck code ([0-9A-Fa-f]+)",
        r"Fatal System Error: 0x([0-9a-f]+)",
    )
)
_LOOKED_UP = re.compile(r"!analyze .*-show\b")
SEEN_BY_DEBUGGER = 0x10000000


class Outcome(Enum):
    """What became of one piece of output."""

    RIGHT = "code as the page says"
    WRONG = "another code than the page says"
    NO_CODE = "no code, where the page has one"
    BY_STACK = "the page has no code; judged by its stack"
    LOOKED_UP = "a code that was looked up; refused"
    REFUSED = "no kernel dump, or no word on one; refused"
    FAILED = "an error that is no answer"


def judged(text: str) -> Iterator[tuple[Outcome, str]]:
    """Each piece of debugger output on a page, with what came of it."""
    for found in _FENCE.finditer(text):
        block = found.group(1)
        if _OUTPUT.search(block):
            yield _outcome(block), block


def _outcome(block: str) -> Outcome:
    said = {int(code, 16) & ~SEEN_BY_DEBUGGER for pattern in _CODES for code in pattern.findall(block)}
    try:
        reports = [triage(engine) for engine in engines_of(block, None, "page")]
    except NotAKernelDump:
        looked_up = said and _LOOKED_UP.search(block)
        return Outcome.LOOKED_UP if looked_up else Outcome.NO_CODE if said else Outcome.REFUSED
    except DumpError:
        return Outcome.FAILED
    found = {report.bug_check.base_code for report in reports if report.bug_check}
    if not said:
        return Outcome.BY_STACK
    return Outcome.NO_CODE if not found else Outcome.RIGHT if found == said else Outcome.WRONG


def main(folder: str) -> None:
    """Prints the table, and where what is wrong stands."""
    counted: collections.Counter[Outcome] = collections.Counter()
    pages = with_output = 0
    for path in sorted(Path(folder).rglob("*.md")):
        found = list(judged(path.read_text("utf-8", "replace")))
        pages, with_output = pages + 1, with_output + bool(found)
        for outcome, _ in found:
            counted[outcome] += 1
            if outcome in (Outcome.WRONG, Outcome.NO_CODE, Outcome.FAILED):
                print(f"{path}: {outcome.value}")
    print(f"{pages} pages, {with_output} with output of the debugger, {sum(counted.values())} pieces of it:")
    for outcome in Outcome:
        print(f"{counted[outcome]:>5}  {outcome.value}")


if __name__ == "__main__":
    main(sys.argv[1])
