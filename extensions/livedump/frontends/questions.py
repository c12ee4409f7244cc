"""The list of all questions: the subcommands, their formats, the WinDbg commands and their help come from it.

To add one, write

1. a record for the answer, frozen, in ``model`` (lists are ``Listing``, addresses ``Address``): JSON, its schema and
   CSV follow from the fields;
2. a function ``f(engine, **options) -> record`` in ``analysis`` or wherever it belongs: it raises a DumpError when the
   question cannot be answered at all, and puts everything less into the record;
3. ``report/sections/NAME.py`` with ``document(record, title) -> Document``, ``rows(record)`` and its ``row_type()``;
4. one line in ``QUESTIONS`` below;

and run ``pytest tests/golden --refresh-golden``, which writes what follows from the list: the script
``extensions/livedumpNAME.py``, the aliases in ``livedump.wds``, the table in README and the schema of answers.
Nothing here is imported before it is asked: the start of every command is on the way.
"""

from collections.abc import Mapping
from enum import Enum
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Union

if TYPE_CHECKING:
    from livedump.model.engine import Engine
    from livedump.model.errors import DumpError


FORMATS = ("table", "json", "jsonl", "csv", "markdown", "html")
"""Of every question; the first is for people and the default."""


class OptionKind(Enum):
    """How an option is written."""

    SWITCH = "switch"
    """It is there or not."""
    NUMBER = "number"
    """A decimal number follows."""
    HEXADECIMAL = "hexadecimal"
    """A hexadecimal number, with or without 0x, follows."""
    TEXT = "text"
    """A word follows."""


class Option(NamedTuple):
    """Something that a question may be told."""

    flag: str
    """``--all``; without dashes it is a place of its own, that may be left empty."""
    help: str
    kind: OptionKind = OptionKind.SWITCH
    value: str = ""
    """What stands for its value in a usage line."""
    name: str = ""
    """Keyword of the function, where that is not the flag."""
    shows: bool = False
    """Whether it changes what is shown and not what is asked: it goes to the section."""
    in_windbg: Any = None
    """What it is inside of WinDbg, unless something is said."""

    @property
    def keyword(self) -> str:
        """The name of the argument that it becomes."""
        return self.name or self.flag.lstrip("-").replace("-", "_")


class Question(NamedTuple):
    """One question."""

    name: str
    """The subcommand; ``!livedump`` in front makes the WinDbg command."""
    what: str
    """What it answers, in one line without a full stop."""
    function: str
    """``module:function`` that answers; below ``livedump``."""
    options: tuple[Option, ...] = ()
    exclusive: frozenset[str] = frozenset()
    """Flags of which only one may be given."""
    needs_dump: bool = True
    """Else the function is given no engine."""
    names_file: bool = False
    """Whether its document says of which file it is."""
    lines: bool = False
    """Whether answers are lines that follow each other, also for files that could not be judged."""
    exact: bool = False
    """Whether its text is what a debugger prints: limits are told apart from it."""
    failure: str = ""
    """``module:function`` that makes a record of a file that could not be judged; empty: there is none."""
    signed: bool = False
    """Whether formats for programs, and pages, have the signature too."""
    pairs_records: bool = False
    """Whether records of Windows among several files are evidence of the reports on their dumps."""
    others: str = ""
    """What other dumps are called in a usage line of a question that is about several dumps together: its function is
    given their reports. Empty: each file has an answer of its own."""
    aliases: tuple[str, ...] = ()
    """What else the subcommand is called: as debuggers call it."""

    @property
    def names(self) -> tuple[str, ...]:
        """All names of the subcommand."""
        return (self.name, *self.aliases)

    @property
    def has_place(self) -> bool:
        """Whether an option is told by its place: behind a dump, of which there is one then."""
        return any(not option.flag.startswith("-") for option in self.options)

    def failed(self, engine: str, path: str, size: Optional[int], error: "DumpError") -> Any:
        """The record of a file that could not be judged; None where there is none."""
        return find_function(self.failure)(engine, path, size, error) if self.failure else None


class Batch(NamedTuple):
    """A command that asks no question of a dump, with arguments of its own."""

    name: str
    what: str
    arguments: str
    """``module:function`` that declares them."""
    place: str = "PATH..."
    """What stands for what it is told in a usage line."""
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All names of the subcommand."""
        return (self.name, *self.aliases)


_TIME = Option("--time", "seconds after which no more is looked at (default: 10)", OptionKind.NUMBER, "SECONDS")

QUESTIONS = (
    Question(
        "info",
        "the report: verdict, facts, evidence with the command that checks it",
        "analysis.symptoms.reporting:report_dump",
        (Option("--no-symptoms", "do not look at what was going on in the machine"), _TIME),
        names_file=True,
        failure="analysis.triage:failed_report",
        signed=True,
        pairs_records=True,
        aliases=("analyze",),
    ),
    Question(
        "stack",
        "call stacks, byte for byte as kn prints them, and what each frame did",
        "analysis.stacks:find_stacks",
        (
            Option("--processor", "of this one; default: that which wrote the dump", OptionKind.NUMBER, "N"),
            Option("--all", "of every processor", name="every"),
            Option("--roles", "add what each frame did: capture, request, user, other", shows=True, in_windbg=True),
        ),
        exclusive=frozenset({"--processor", "--all"}),
        exact=True,
        aliases=("k", "kn"),
    ),
    Question(
        "running",
        "who runs on each processor, who waits for one, and who took most time",
        "analysis.symptoms.asking:find_running",
        (_TIME,),
    ),
    Question(
        "stacks",
        "the stacks of all threads that do not run, like ones together",
        "analysis.symptoms.asking:find_stacks_of_threads",
        (
            Option("--module", "with a frame in this module", OptionKind.TEXT, "NAME"),
            Option("--process", "of processes with this name or id", OptionKind.TEXT, "NAME|ID"),
            Option("--thread", "of the thread with this address or id", OptionKind.TEXT, "ADDRESS|ID"),
            Option("--idle", "show those that have nothing to do, too", shows=True),
            _TIME,
        ),
        aliases=("uniqstack",),
    ),
    Question(
        "thread",
        "one thread as !thread shows it: state, what it waits for, times, stack",
        "analysis.threads:show_thread",
        (
            Option(
                "thread",
                "address or id (default: the thread that took the dump; in WinDbg: that of the session)",
                OptionKind.TEXT,
                "THREAD",
            ),
            _TIME,
        ),
    ),
    Question(
        "waits",
        "who waits for whom, down to the threads that everybody waits for",
        "analysis.symptoms.asking:find_waits",
        (_TIME,),
        aliases=("locks",),
    ),
    Question(
        "memory",
        "what memory is used for: commit, pools, tags and their owners, handles, processes",
        "analysis.symptoms.asking:find_memory",
        (_TIME,),
        aliases=("vm",),
    ),
    Question(
        "requests",
        "requests that drivers have not completed, by driver",
        "analysis.symptoms.asking:find_requests",
        (_TIME,),
    ),
    Question(
        "diff",
        "two dumps of one machine, or more: what grew and how fast, what never moved, who ran",
        "analysis.difference.comparing:compare",
        (Option("--anyway", "compare totals and drivers of dumps of two machines, too"), _TIME),
        names_file=True,
        others="AFTER",
    ),
    Question(
        "modules",
        "loaded and unloaded modules, with their PDBs and versions",
        "analysis.modules:list_modules",
        aliases=("lm",),
    ),
    Question(
        "symbols",
        "which PDBs were asked for, every place that was tried, and what became of it",
        "analysis.symbols:find_symbols",
        (Option("--all", "of every module, not only of the kernel and what is on the stack", name="every"),),
    ),
    Question(
        "processes",
        "processes, their threads, handles, memory and times, and which of them asked for the dump",
        "analysis.processes:list_processes",
        (_TIME,),
        aliases=("ps",),
    ),
    Question("contents", "which structures of the kernel the dump holds", "analysis.contents:inspect_contents"),
    Question(
        "signature",
        "the line that groups like dumps together",
        "analysis.signature:signature_of_dump",
        (Option("--explain", "add what each rule did and why", shows=True),),
        names_file=True,
        lines=True,
        failure="analysis.signature:failed_signature",
    ),
    Question(
        "codes",
        "live dump codes and what their parameters mean",
        "reference.code_list:find_codes",
        (Option("code", "hexadecimal; all live codes if left out", OptionKind.HEXADECIMAL, "CODE"),),
        needs_dump=False,
        names_file=True,
    ),
)


TRIAGE = Batch("triage", "one row for each dump of folders and archives", "frontends.triage_command:add_arguments")
SHARE = Batch(
    "share",
    "one zip with the redacted report of a dump as page and JSON, never the dump",
    "frontends.share_command:add_arguments",
    "FILE",
)
MCP = Batch(
    "mcp",
    "a server of the Model Context Protocol: reports for assistants, of folders that you name",
    "frontends.mcp_command:add_arguments",
    "--allow FOLDER...",
)
COMPLETION = Batch(
    "completion",
    "the script by which a shell completes these commands",
    "frontends.completion:add_arguments",
    "SHELL",
)
WINDBG = Batch(
    "windbg",
    "put the commands into WinDbg, take them out, say what is missing",
    "frontends.windbg_command:add_arguments",
    "ACTION",
)
COMMANDS: tuple[Union[Question, Batch], ...] = (*QUESTIONS, TRIAGE, SHARE, MCP, WINDBG, COMPLETION)
"""All subcommands in the order in which help names them."""


def find_question(name: str) -> Question:
    """The question of that name.

    Raises:
        KeyError: there is none.
    """
    return {question.name: question for question in QUESTIONS}[name]


def ask(question: Question, engine: "Optional[Engine]", values: Mapping[str, Any]) -> Any:
    """The record that answers the question; ``values`` are its options by keyword.

    Raises:
        DumpError: it cannot be answered.
    """
    arguments = _chosen(question, values, shows=False)
    return find_function(question.function)(*((engine,) if question.needs_dump else ()), **arguments)


def shown_options(question: Question, values: Mapping[str, Any]) -> dict[str, Any]:
    """The options that go to the section."""
    return _chosen(question, values, shows=True)


def find_function(path: str) -> Any:
    """The function that ``module:function`` names."""
    module, _, name = path.partition(":")
    return getattr(import_module(f"livedump.{module}"), name)


def parse_value(kind: OptionKind, text: str) -> Union[int, str]:
    """The value of an option.

    Raises:
        ValueError: it is no number of that kind.
    """
    if kind is OptionKind.TEXT:
        return text
    return int(text, 16 if kind is OptionKind.HEXADECIMAL else 10)


def _chosen(question: Question, values: Mapping[str, Any], shows: bool) -> dict[str, Any]:
    names = {option.keyword for option in question.options if option.shows is shows}
    return {name: value for name, value in values.items() if name in names and value is not None}
