"""The tools that assistants get, from the list of questions: our own MCP server and WinDbg's declare the same ones.

A tool is a question with the options that are worth an assistant's while. Names, descriptions and arguments come from
here for both, and both give ``mcp_answers``; inside of WinDbg the dump is the one that is open, so that arguments which
name files fall away.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from livedump.frontends.questions import QUESTIONS, Option, OptionKind, Question, find_question

PREFIX = "livedump_"
"""Before the names in every list of tools: WinDbg's is one for all extensions, and shows one tool of each name."""
TRIAGE = "triage"
"""The one tool that is about a folder, and no question."""


class Argument(NamedTuple):
    """Something that a tool is told."""

    name: str
    what: str
    number: bool = False
    """Else it is text."""
    required: bool = False
    option: Option | None = None
    """That of the question, where it is one; else the server needs it, and WinDbg does not."""


CURSOR = Argument("cursor", "next_cursor of the answer before, for what follows")


class Tool(NamedTuple):
    """One tool."""

    name: str
    """Without the prefix."""
    what: str
    """For whoever chooses a tool, in a sentence or two."""
    question: str
    """The question that it asks, by name; empty for that about a folder."""
    arguments: tuple[Argument, ...]
    in_windbg: bool
    """Whether it makes sense of the one dump that is open."""

    @property
    def listed_name(self) -> str:
        """What it is called where tools are listed."""
        return f"{PREFIX}{self.name}"

    @property
    def options(self) -> tuple[Argument, ...]:
        """The arguments that a question about an open dump has."""
        return tuple(each for each in self.arguments if each.option is not None)

    @property
    def in_open_dump(self) -> tuple[Argument, ...]:
        """The arguments where no file need be named."""
        return tuple(each for each in self.arguments if each.option is not None or each is CURSOR)


class _Chosen(NamedTuple):
    """A question as a tool."""

    name: str
    question: str
    options: tuple[str, ...] = ()
    """By keyword."""
    files: tuple[str, ...] = ("path",)
    more: str = ""
    """What an assistant should know beside what the question answers."""
    in_windbg: bool = True


_CHOSEN = (
    _Chosen("report", "info", more="Begin with it for a single dump."),
    _Chosen("stacks", "stacks", ("module", "process", "thread")),
    _Chosen("waits", "waits"),
    _Chosen("memory", "memory"),
    _Chosen("diff", "diff", files=("old", "new"), in_windbg=False),
    _Chosen("codes", "codes", ("code",), files=()),
    _Chosen("symbols", "symbols", more="Ask it where names are missing.", in_windbg=False),
)
_FILES = {
    "path": "the dump, or a saved debugger log",
    "old": "the dump that was taken first",
    "new": "the later dump of the same machine",
}


def all_tools() -> tuple[Tool, ...]:
    """Every tool, in the order in which they are listed: that about a folder, then the questions that there are."""
    known = {question.name for question in QUESTIONS}
    return (_triage(), *(_tool(each) for each in _CHOSEN if each.question in known))


def windbg_tools() -> tuple[Tool, ...]:
    """Those about the open dump; their arguments are ``in_open_dump``."""
    return tuple(tool for tool in all_tools() if tool.in_windbg)


def _triage() -> Tool:
    what = (
        "What was wrong with each dump of a folder or archive: a row each with verdict, code, first finding, signature."
        " Begin with it for several dumps."
    )
    folder = Argument("path", "the folder, archive or file", required=True)
    return Tool(TRIAGE, what, "", (folder, CURSOR), in_windbg=False)


def _tool(chosen: _Chosen) -> Tool:
    question = find_question(chosen.question)
    said = f"{question.what[:1].upper()}{question.what[1:]}."
    files = tuple(Argument(name, _FILES[name], required=True) for name in chosen.files)
    options = tuple(_argument(option) for option in _options(question, chosen.options))
    what = f"{said} {chosen.more}".rstrip()
    return Tool(chosen.name, what, question.name, (*files, *options, CURSOR), chosen.in_windbg)


def _options(question: Question, names: Sequence[str]) -> list[Option]:
    by_name = {option.keyword: option for option in question.options}
    return [by_name[name] for name in names]


def _argument(option: Option) -> Argument:
    return Argument(option.keyword, option.help, option.kind is OptionKind.NUMBER, option=option)
