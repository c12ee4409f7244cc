"""The command ``livedump share``: what may be given to a stranger of a dump, in one file."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from livedump.frontends.limits import add_limits, add_symbols_retry
from livedump.frontends.parsing import USAGE
from livedump.frontends.redacting import add_redaction, write_key

if TYPE_CHECKING:
    from livedump.report.answers import Answer
    from livedump.report.redaction import Redactor

NAME = "livedump-share.zip"
LEFT_OUT = "left-out.txt"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""When the files of every zip were made: when somebody shared something is nobody's business."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("files", nargs=1, metavar="FILE", help="kernel dump, or a saved WinDbg or cdb log")
    parser.add_argument("-o", dest="output", default=NAME, metavar="FILE", help=f"write there (default: {NAME})")
    add_redaction(parser)
    parser.add_argument("--no-symptoms", action="store_true", help="do not look at what was going on in the machine")
    parser.add_argument("-y", "--symbols", dest="symbol_path", metavar="PATH", help="symbol path in WinDbg's syntax")
    add_symbols_retry(parser)
    add_limits(parser)
    parser.set_defaults(run=run, redact=True, engine="auto", cdb=None, format="json", time=None, verbose=0, quiet=False)


def run(options: argparse.Namespace) -> int:
    """Runs the command and returns the exit status."""
    from livedump.frontends.answering import answers_to, complain
    from livedump.frontends.questions import find_question

    answers = answers_to(find_question("info"), options)
    shared = list(answers)
    if all(answer.problem is not None for answer in shared):
        return answers.status
    try:
        said = _write(options, shared)
        if options.redact_key:
            write_key(options.redact_key, options.redactor)
    except OSError as error:
        complain(error.filename or options.output, error, options.redactor)
        return USAGE
    sys.stdout.write(f"{options.output}: report.html, report.json, {LEFT_OUT}\n\n{said}")
    return answers.status


def _write(options: argparse.Namespace, answers: list[Answer]) -> str:
    from livedump.frontends.output_file import output_path
    from livedump.report.answer_texts import iter_text

    said = _left_out(options.redactor, Path(options.files[0]))
    files = {
        "report.html": "".join(iter_text("html", answers, "info", {})),
        "report.json": "".join(iter_text("json", answers, "info", {})),
        LEFT_OUT: said,
    }
    with output_path(options.output) as path, ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(ZipInfo(name, _LONG_AGO), text.encode("utf-8", "backslashreplace"), ZIP_DEFLATED)
    return said


def _left_out(redactor: Redactor, path: Path) -> str:
    replaced = Counter(each.replacement.rpartition("-")[0] for each in redactor.key)
    names = ", ".join(f"{what} {count}" for what, count in sorted(replaced.items()))
    size = f", {path.stat().st_size:,} bytes" if path.is_file() else ""
    return (
        f"Left out: the dump itself{size}, and with it all memory of the machine; symbols; the lists of modules and\n"
        "processes but for what the report names; the key to what was replaced.\n"
        f"Replaced, and how many of each: {names or 'nothing'}.\n"
        "Kept: modules, functions, codes, addresses, times, the signature. Read it before you send it: report.html\n"
        "opens in any browser and loads nothing.\n"
    )
