"""Which records a file or a text holds, told by what is in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain

from livedump.companions.event_text import iter_text_records
from livedump.companions.event_xml import iter_records
from livedump.companions.merging import merge_records
from livedump.companions.wer import parse_report
from livedump.model.records import Record

_WORDS = (
    "LiveKernelEvent", "BlueScreen", "BugcheckCode", "SystemErrorReporting", "Kernel-LiveDump", "Bug Check Code",
    "Kernel-Dump",
)  # fmt: skip
"""One of these stands in every text that holds a record, but for one in another language about a bug check:"""
_MESSAGE = re.compile(r"0x[0-9a-fA-F]{8}\s{1,4}\(0x")


def read_records(lines: Sequence[str]) -> tuple[Record, ...]:
    """The records in a text, one for each dump; empty where it holds none."""
    report = parse_report(lines)
    if report:
        return (report,)
    text = "\n".join(lines)
    if not any(word in text for word in _WORDS) and not _MESSAGE.search(text):
        return ()
    marked = iter_records(text) if "<EventID" in text or "<Data" in text else ()
    return merge_records(chain(marked, iter_text_records(lines)))
