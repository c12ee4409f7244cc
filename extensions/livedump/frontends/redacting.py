"""The options that take names out of whatever a command says, and the key to what was taken out."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from livedump.report.redaction import Redactor

REDACT, REDACT_KEY = "--redact", "--redact-key"
PRIVATE = 0o600
"""Rights of a key: it tells everything that was taken out."""
WHAT_IS_REPLACED = "replace names of users, hosts, programs and files, and network addresses"
"""Addresses of memory stay."""


def add_redaction(group: argparse._ActionsContainer) -> None:
    """Declares the options."""
    group.add_argument(REDACT, action="store_true", help=WHAT_IS_REPLACED)
    group.add_argument(
        REDACT_KEY, metavar="FILE", help="the same, and write there what each replacement stands for (JSON)"
    )


def wants_redaction(words: Iterable[str]) -> bool:
    """Whether words of a line may ask for it, in short too, and in a line that nobody understands."""
    options = (word.partition("=")[0] for word in words if word.startswith("--r"))
    return any(REDACT_KEY.startswith(option) or option.startswith(REDACT) for option in options)


def redactor_of(options: argparse.Namespace) -> Redactor | None:
    """What takes names out; None where nobody asked for it."""
    if not (options.redact or options.redact_key):
        return None
    from livedump.report.redaction import Redactor

    return Redactor()


def write_key(path: str, redactor: Redactor) -> None:
    """Writes what each replacement stands for, for its owner's eyes alone.

    Raises:
        OSError: it cannot be written.
    """
    import json

    from livedump.frontends.output_file import output_path

    key = {each.replacement: each.original for each in redactor.key}
    with output_path(path) as place:
        if place.is_file():
            os.chmod(place, PRIVATE)  # noqa: PTH101
        place.write_text(json.dumps(key, indent=2, ensure_ascii=True) + "\n", "utf-8")
