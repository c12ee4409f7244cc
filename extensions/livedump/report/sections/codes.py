"""Live dump codes and bug checks."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from livedump.reference.code_list import CodeList
from livedump.reference.codes import LiveCode
from livedump.report.document import Block, Document, Fact, Facts, Paragraph, Table, text

_CRASH = {
    True: "also a real bug check",
    False: "never a real bug check",
    None: "not known whether it can be a bug check",
}


def document(record: CodeList, title: str) -> Document:
    """All codes, one line each, by number; of a single one its meaning and parameters."""
    if record.bug_check is not None:
        sentence = "A bug check; it is not known to mark live dumps."
        return Document(title, (Paragraph(sentence),), f"{record.bug_check.name} ({record.bug_check.code:x})")
    if len(record.codes) == 1:
        return _one(record.codes[0], title)
    rows_ = tuple((text(f"{code.code:#x}"), text(code.name), text(code.component)) for code in record.codes)
    return Document(title, (Table(("Code", "Name", "Component"), rows_),))


def row_type() -> type:
    """The record that ``rows`` gives any number of."""
    return LiveCode


def rows(record: CodeList) -> Iterator[LiveCode]:
    """The live dump codes."""
    yield from record.codes


def _one(code: LiveCode, title: str) -> Document:
    meaning = [*wrap(code.meaning, 100), f"Live dump code, {_CRASH[code.can_crash]}."]
    parameters = Facts(tuple(Fact(f"Arg{index}", text(each)) for index, each in enumerate(code.parameters, 1)))
    rest = [Fact("Component", text(code.component))]
    rest += [Fact("Folder", text(f"LiveKernelReports\\{code.folder}"))] if code.folder else []
    blocks: tuple[Block, ...] = (Paragraph("\n".join(meaning)), parameters, Facts(tuple(rest)))
    return Document(title, blocks, f"{code.name} ({code.code:x})")
