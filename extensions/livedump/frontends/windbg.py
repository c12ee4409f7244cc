"""The WinDbg commands: each is about the dump that the debugger has open, and prints.

They come here by one of two roads, which ``livedump.wds`` chooses:

* pykd runs them inside of the debugger (``run``). It redirects standard output, so printing is enough where no links
  are shown. ``pykd.pyd`` loaded without its bootstrapper loses the arguments of a script. So the commands run a script
  file of the debugger's own, ``livedumpask.wds``, with their name and what was typed: the debugger keeps these words as
  aliases while the file runs, and there they are read.
* without pykd the debugger's ``.shell`` runs ``livedump windbg ask NAME`` (``answer_piped``), in any Python, and pipes
  its own answers into it. Nothing is loaded, and arguments arrive by themselves; there are no links through a pipe.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from livedump.frontends.questions import FORMATS, QUESTIONS, Question, ask, find_question, shown_options
from livedump.frontends.redacting import redactor_of, write_key
from livedump.model.errors import DumpError, error_text
from livedump.model.patience import INTERRUPTIONS, Patience, patience_of

if TYPE_CHECKING:
    from typing import Protocol

    from livedump.engines.debugger_session import DebuggerSession
    from livedump.model.engine import Engine
    from livedump.report.answers import Answer
    from livedump.report.document import Document
    from livedump.report.redaction import Redactor

    class Session(Protocol):
        """The debugger's session that a command is about."""

        in_two_parts: bool
        """Whether what costs seconds is shown apart from what costs none."""

        def engine(self) -> Engine:
            """What answers about the open dump; raises a DumpError where none is open."""

        def thread(self, engine: Engine) -> int | None:
            """ETHREAD that the session looks at."""

        def symbols(self) -> str | None:
            """The session's symbol path; None where it is not known. Asked when the engine is open."""

        def show(self, document: Document) -> None:
            """Shows an answer."""


ANY_SERVER = "srv*"
"""The session's symbol path may name one: there is time for it."""
HELP, OVERVIEW = "help", "overview"
"""The two that are no questions of their own; the second is what ``!livedump`` alone answers."""
INFO = "info"
OTHER = "OTHER.DMP"
"""What other dumps are called in the usage of a command that compares the open one with them."""
PREFIX = "!livedump"
CARRIER = "livedumpask.wds"
"""The debugger's script file through which arguments arrive."""
HELP_WORDS = frozenset({"-?", "/?", "-h", "--help"})
ARGUMENTS_LOST = (
    "what was typed behind the script was lost on the way here: pykd.pyd passes nothing on when it is loaded without "
    "its bootstrapper; run livedump.wds and use its commands, whose arguments arrive"
)
INTERRUPTED = "interrupted; what was not printed was not looked at"
BROKEN_OFF = "interrupted; what was seen until then stands above, with what was not looked at"


class UsageError(Exception):
    """What was typed is nothing that the command takes."""


def run(name: str) -> None:
    """Answers the question of that name about the open dump, by pykd; ``help`` lists the commands."""
    _in_words(name, lambda: _answer(_PykdSession(), name, typed_words(name)))


def answer_piped(name: str, words: Sequence[str]) -> None:
    """The same from outside of the debugger, whose answers are on standard input."""
    from livedump.engines.run.own_limits import limited
    from livedump.frontends.limits import default_limits

    def work() -> None:
        with limited(default_limits(ANY_SERVER)):
            _answer(_PipedSession(), name, words)

    _in_words(name, work)


def _in_words(name: str, work: Callable[[], None]) -> None:
    try:
        work()
    except UsageError as error:
        print(f"livedump: {error}\n{command_of(name)} -? tells what it takes")
    except (DumpError, OSError) as error:
        print(f"livedump: {error_text(error)}")
    except INTERRUPTIONS:
        print(f"livedump: {INTERRUPTED}")


def _answer(session: Session, name: str, words: Sequence[str]) -> None:
    if name == HELP:
        session.show(help_document())
        return
    question = find_question(INFO if name == OVERVIEW else name)
    parser = options_for(question, command_of(name))
    if not HELP_WORDS.isdisjoint(words):
        print(parser.format_help(), end="")
        return
    options = parser.parse_args(words)
    redactor = redactor_of(options)
    try:
        _show(session, name, question, options, redactor)
    except (DumpError, OSError) as error:
        said = error_text(error)
        print(f"livedump: {redactor.text(said) if redactor else said}")
    if redactor and options.redact_key:
        write_key(options.redact_key, redactor)


def typed_words(name: str) -> list[str]:
    """What was typed behind a command: from the script file that carries it, else as pykd gives it."""
    carried = _carried_words()
    if carried[:1] == [name]:
        return carried[1:]
    words = sys.argv[1:]
    if all(word and word.isprintable() for word in words):
        return words
    print(f"livedump: {ARGUMENTS_LOST}")
    return []


def _carried_words() -> list[str]:
    from livedump.engines.pykd import script_arguments

    try:
        path, *words = script_arguments() or ("",)
    except DumpError:  # without pykd nothing else will be answered either, and says so
        return []
    return words if path.replace("/", "\\").rpartition("\\")[2].lower() == CARRIER else []


class _Parser(argparse.ArgumentParser):
    """One that does not end the script of a debugger."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def command_of(name: str) -> str:
    """What is typed for a question, for help or for the overview."""
    return PREFIX if name == OVERVIEW else f"{PREFIX}{name}"


def options_for(question: Question, command: str = "") -> argparse.ArgumentParser:
    """What understands the words behind a command; raises UsageError where it does not."""
    from livedump.frontends.command_line import add_options, add_others

    parser = _Parser(
        prog=command or command_of(question.name), description=f"Answers: {question.what}.", add_help=False
    )
    if question.others:
        add_others(parser, OTHER, "*")
    add_options(parser, question)
    parser.add_argument(
        "--assistant", action="store_true", help="the text that the MCP server gives: marked as data, in pages"
    )
    parser.add_argument("--cursor", metavar="CURSOR", help="with --assistant: next_cursor of the page before")
    return parser


def help_document() -> Document:
    """What each command does, each a link where links are shown."""
    from livedump.report.document import Cell, Document, Kind, Paragraph, Table

    rows = [(command, " ".join(_places(question)), question.what) for command, question in _commands()]
    rows.insert(0, (PREFIX, "", "what is to be known first, and how to go on"))
    rows.append((command_of(HELP), "", "this text"))
    cells = tuple((Cell(command, Kind.COMMAND), Cell(places), Cell(what)) for command, places, what in rows)
    return Document(
        title=HELP,
        headline="livedump: what this dump is, who took it and why, whether it is complete",
        blocks=(Table((), cells), Paragraph("Each answers -? with what it takes.")),
    )


def overview(answer: Answer, shown: Mapping[str, Any]) -> Document:  # noqa: ARG001 - as any document
    """What ``!livedump`` alone shows of a report."""
    from livedump.report.sections.info import overview_document

    commands = [(command, question.what) for command, question in _commands() if not question.others]
    return overview_document(answer.record, answer.path, (*commands, (command_of(HELP), "all commands")))


def _commands() -> list[tuple[str, Question]]:
    return [(command_of(question.name), question) for question in QUESTIONS]


def _places(question: Question) -> list[str]:
    places = [f"[{option.value.lower()}]" for option in question.options if not option.flag.startswith("-")]
    return [*places, *([OTHER.lower()] if question.others else [])]


def usage_of(question: Question) -> str:
    """How a command is typed: its name and what may be told by its place."""
    return " ".join((command_of(question.name), *_places(question)))


def _show(
    session: Session, name: str, question: Question, options: argparse.Namespace, redactor: Redactor | None
) -> None:
    from livedump.report.answers import document_of

    values = values_of(question, options)
    plain = options.format == FORMATS[0] and options.output is None
    if plain and not options.assistant and session.in_two_parts and name == INFO and not values.get("no_symptoms"):
        _show_in_two_parts(session, question, values, redactor)
        return
    patience = _with_patience(question, values)
    answers = (
        _compared(session, question, options, values)
        if question.others
        else [_asked(session, question, options, values)]
    )
    if redactor is not None and question.needs_dump:
        from livedump.frontends.answering import program_of

        redactor.learn_program(program_of(session.engine()))
        answers = [
            each._replace(record=redactor.record(each.record), path=redactor.path(each.path)) for each in answers
        ]
    shown = shown_options(question, values)
    if options.assistant:
        _print_for_assistant(answers, options.cursor)
    elif plain:
        for answer in answers:
            session.show((overview if name == OVERVIEW else document_of)(answer, shown))
    else:
        _write(answers, options, shown)
    _say_if_broken_off(patience)


def _print_for_assistant(answers: Sequence[Answer], cursor: str | None) -> None:
    from livedump.frontends.mcp_answers import BadCursor, said_of

    try:
        for answer in answers:
            print(said_of(answer, cursor).text)
    except BadCursor as error:
        raise UsageError(str(error)) from error


def _with_patience(question: Question, values: dict[str, Any]) -> Patience | None:
    # Ctrl+Break ends the pass over the kernel, and what was seen until then is shown.
    if not any(option.keyword == "time" for option in question.options):
        return None
    values["time"] = patience = patience_of(values.get("time"), heeds=True)
    return patience


def _say_if_broken_off(patience: Patience | None) -> None:
    if patience is not None and patience.interrupted:
        print(f"livedump: {BROKEN_OFF}")


def values_of(question: Question, options: argparse.Namespace) -> dict[str, Any]:
    """The question's options: what was typed, else what holds inside of WinDbg."""
    said = {option.keyword: getattr(options, option.keyword) for option in question.options}
    usual = {option.keyword: option.in_windbg for option in question.options if option.in_windbg is not None}
    return {**usual, **{keyword: value for keyword, value in said.items() if value not in (None, False)}}


def _write(answers: Sequence[Answer], options: argparse.Namespace, shown: dict[str, Any]) -> None:
    from livedump.report.answer_texts import iter_text
    from livedump.report.answers import document_of

    if options.format == FORMATS[0]:
        from livedump.report.plain import format_document

        text: Iterator[str] = (format_document(document_of(answer, shown)) for answer in answers)
    else:
        text = iter_text(options.format, answers, answers[0].question, shown)
    if options.output is None:
        print(*text, sep="", end="")
        return
    from livedump.frontends.output_file import output_text

    with output_text(options.output) as file:
        file.writelines(text)
    print(f"written to {options.output}")


def _show_in_two_parts(session: Session, question: Question, values: dict[str, Any], redactor: Redactor | None) -> None:
    # The table costs no time; what was going on may cost seconds, and is behind it.
    from livedump.analysis.symptoms.reporting import with_symptoms
    from livedump.report.sections.info import document, symptoms_document

    engine = session.engine()
    report = ask(question, engine, {**values, "no_symptoms": True})
    path = redactor.path(_path(engine)) if redactor else _path(engine)
    session.show(document(redactor.record(report) if redactor else report, path))
    print("\nLooking at what was going on (Ctrl+Break ends it):", end="")
    patience = patience_of(values.get("time"), heeds=True)
    try:
        whole = with_symptoms(engine, report, patience, lambda following: print(f" {following},", end=""))
        print(" done" if not patience.interrupted else " interrupted", end="")
    finally:
        print("\n")
    session.show(symptoms_document(redactor.record(whole) if redactor else whole, path))
    _say_if_broken_off(patience)


def _asked(session: Session, question: Question, options: argparse.Namespace, values: dict[str, Any]) -> Answer:
    from livedump.frontends.answering import UNSIGNED, file_size
    from livedump.report.answers import Answer

    if not question.needs_dump:
        given = values if values or options.assistant else _of_dump(session)  # whose tool says what comes of nothing
        return Answer(question.name, "", "", None, ask(question, None, given))
    engine = session.engine()
    record = ask(question, engine, _with_thread(session, question, engine, values))
    if question.signed and options.format not in UNSIGNED:
        from livedump.analysis.signature import signed

        record = signed(record)
    path = _path(engine)
    return Answer(question.name, engine.name, path, file_size(path), record)


def _of_dump(session: Session) -> dict[str, Any]:
    """What ``codes`` is about where nothing is said: the code of the dump."""
    from livedump.reference.code_list import find_codes

    try:
        code = session.engine().bug_check().code
        find_codes(code)
    except DumpError:  # no dump, or a code that nobody knows
        return {}
    return {"code": code}


def _compared(
    session: Session, question: Question, options: argparse.Namespace, values: dict[str, Any]
) -> list[Answer]:
    """The open dump and the other files held against each other, the later of each two named beside."""
    from livedump.analysis.symptoms.reporting import report_dump
    from livedump.engines.choose import open_engines
    from livedump.frontends.answering import file_size
    from livedump.frontends.comparing import compared, read_reports
    from livedump.report.answers import Answer

    engine = session.engine()
    here = report_dump(engine, time=values["time"])

    def open_file(path: str) -> Sequence[Engine]:
        return open_engines(path, symbols=session.symbols())

    others = [report for file in options.files for report in read_reports(file, open_file, options.time)]
    found = compared([here, *others], bool(values.get("anyway")))
    pairs = [(each, each.after.path) for each in found]
    return [Answer(question.name, engine.name, path, file_size(path), each) for each, path in pairs]


def _with_thread(session: Session, question: Question, engine: Engine, values: dict[str, Any]) -> dict[str, Any]:
    # As in the debugger's own commands: what is not said is what the session looks at.
    if question.name != "thread" or "thread" in values:
        return values
    thread = session.thread(engine)
    return values if thread is None else {**values, "thread": f"{thread:x}"}


def _path(engine: Engine) -> str:
    try:
        return engine.dump().path
    except DumpError:  # the answer is there all the same
        return "the open dump"


class _PykdSession:
    # By pykd inside of the debugger.

    in_two_parts = True

    def engine(self) -> Engine:
        from livedump.engines.pykd import PykdEngine

        return PykdEngine()

    def thread(self, engine: Engine) -> int | None:
        from livedump.engines.pykd import PykdEngine

        return engine.session_thread() if isinstance(engine, PykdEngine) else None

    def symbols(self) -> str | None:
        from livedump.engines.pykd import session_symbols

        return session_symbols()

    def show(self, document: Document) -> None:
        from livedump.engines.pykd import print_dml, shows_links

        if shows_links():
            from livedump.report.dml import format_document as as_dml

            print_dml(as_dml(document))
        else:
            from livedump.report.plain import format_document

            print(format_document(document), end="")


class _PipedSession:
    # From outside: what the debugger says of itself is piped into us, and the file is read where it can be.

    in_two_parts = False

    def __init__(self) -> None:
        self._found: DebuggerSession | None = None

    def engine(self) -> Engine:
        from livedump.engines.debugger_session import open_session
        from livedump.engines.transcript import MAX_BYTES

        if self._found is None:  # what is piped in is there once
            self._found = open_session(sys.stdin.buffer.read(MAX_BYTES + 1))
        return self._found.engine

    def thread(self, engine: Engine) -> int | None:  # noqa: ARG002 - the session said it already
        return self._found.thread if self._found else None

    def symbols(self) -> str | None:
        return self._found.symbols if self._found else None

    def show(self, document: Document) -> None:
        from livedump.report.plain import format_document

        remarks = (self._found.remark,) if self._found and self._found.remark else ()
        print(format_document(document._replace(limits=(*document.limits, *remarks))), end="")
