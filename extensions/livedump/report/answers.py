"""What was answered about each file, and the section that says it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from livedump.model.report import Problem
from livedump.model.text_kinds import FilePath

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Protocol

    from livedump.report.document import Document

    class Section(Protocol):
        """What a module of ``report.sections`` has."""

        def document(self, record: Any, title: str, **shown: Any) -> Document:
            """What the record says."""

        def row_type(self) -> type:
            """The record that ``rows`` gives any number of; its fields are the columns of CSV."""

        def rows(self, record: Any) -> Iterable[Any]:
            """What of the record fills a table."""


class Answer(NamedTuple):
    """The answer to one question about one file."""

    question: str
    """By name, which is also that of its section."""
    engine: str
    path: FilePath
    """Empty for a question that is about no file."""
    size: int | None
    record: Any
    """None where the question could not be answered; some records say themselves that they hold nothing."""
    problem: Problem | None = None
    """Why it could not be answered."""


def find_section(question: str) -> Section:
    """The section of a question."""
    return cast("Section", import_module(f"livedump.report.sections.{question}"))


def document_of(answer: Answer, shown: Mapping[str, Any]) -> Document:
    """The document of an answer that was given."""
    return find_section(answer.question).document(answer.record, answer.path, **shown)
