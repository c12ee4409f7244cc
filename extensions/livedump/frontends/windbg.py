"""The WinDbg commands: each runs on the dump that the debugger has open, and prints.

``!py`` redirects standard output to the debugger, so printing is enough where no links are shown. Arguments can be lost
or garbled on the way (``pykd.pyd`` loaded directly passes none), so every command is useful without, and an argument
counts only when it is one the command knows.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from livedump.frontends.questions import QUESTIONS, Question, ask, find_question, shown_options, values_in
from livedump.model.errors import DumpError

if TYPE_CHECKING:
    from livedump.engines.pykd import PykdEngine
    from livedump.model.engine import Engine
    from livedump.report.document import Document

HELP = "help"
PREFIX = "!livedump"
ARGUMENTS_LOST = (
    "the arguments were lost on the way here (pykd.pyd passes none on when it is loaded without its bootstrapper); "
    "this is the thread of the session, which .thread ADDRESS changes"
)


INTERRUPTED = "interrupted; what was not printed was not looked at"
INTERRUPTIONS = (KeyboardInterrupt, SystemExit)
"""What Ctrl+Break becomes: pykd lets it end the script."""


def run(name: str) -> None:
    """Answers the question of that name about the open dump; ``help`` lists the commands."""
    if name == HELP or any(argument in {"-?", "/?", "-h", "--help"} for argument in _arguments()):
        print(help_text())
        return
    try:
        _show(find_question(name))
    except DumpError as error:
        print(f"livedump: {error}")
    except INTERRUPTIONS:
        print(f"livedump: {INTERRUPTED}")


def help_text() -> str:
    """What each command does."""
    usages = [(_usage(question), question.what) for question in QUESTIONS]
    usages.append((f"{PREFIX}{HELP}", "this text"))
    width = max(len(usage) for usage, _ in usages)
    return "\n".join(
        (
            "livedump: what this dump is, who took it and why, whether it is complete",
            "",
            *(f"  {usage:<{width}}  {what}" for usage, what in usages),
            "",
            "Each command also runs as !py <folder>\\<command>.py, and answers -? with its help.",
        )
    )


def _usage(question: Question) -> str:
    places = [option.value.lower() for option in question.options if not option.flag.startswith("-")]
    return " ".join((f"{PREFIX}{question.name}", *(f"[{place}]" for place in places)))


def _show(question: Question) -> None:
    from livedump.report.answers import find_section

    values = values_in(question, _arguments())
    if question.name == "info" and not values.get("no_symptoms"):
        _show_in_two_parts(question, values)
        return
    record, path = _answer(question, values)
    _print(find_section(question.name).document(record, path, **shown_options(question, values)))


def _show_in_two_parts(question: Question, values: dict[str, Any]) -> None:
    # The table costs no time; what was going on may cost seconds, and is behind it.
    from livedump.analysis.symptoms.reporting import with_symptoms
    from livedump.engines.pykd import PykdEngine
    from livedump.report.sections.info import document, symptoms_document

    engine = PykdEngine()
    report = ask(question, engine, {**values, "no_symptoms": True})
    path = _path(engine)
    _print(document(report, path))
    print("\nLooking at what was going on (Ctrl+Break ends it):", end="")
    try:
        whole = with_symptoms(engine, report, values.get("time"), lambda done: print(f" {done}", end=""))
    finally:
        print("\n")
    _print(symptoms_document(whole, path))


def _answer(question: Question, values: dict[str, Any]) -> tuple[Any, str]:
    from livedump.engines.pykd import PykdEngine

    if question.needs_dump:
        engine = PykdEngine()
        return ask(question, engine, _with_session(question, engine, values)), _path(engine)
    if values:
        return ask(question, None, values), ""
    try:
        return ask(question, None, {"code": PykdEngine().bug_check().code}), ""
    except DumpError:  # no dump, or a code that nobody knows
        return ask(question, None, {}), ""


def _with_session(question: Question, engine: PykdEngine, values: dict[str, Any]) -> dict[str, Any]:
    # As in the debugger's own commands: what is not said is what the session looks at.
    if question.name != "thread" or "thread" in values:
        return values
    if sys.argv[1:]:
        print(f"livedump: {ARGUMENTS_LOST}")
    thread = engine.session_thread()
    return values if thread is None else {**values, "thread": f"{thread:x}"}


def _path(engine: Engine) -> str:
    try:
        return engine.dump().path
    except DumpError:  # the answer is there all the same
        return "the open dump"


def _print(document: Document) -> None:
    from livedump.engines.pykd import print_dml, shows_links

    if shows_links():
        from livedump.report.dml import format_document as as_dml

        print_dml(as_dml(document))
    else:
        from livedump.report.plain import format_document

        print(format_document(document), end="")


def _arguments() -> list[str]:
    return [argument for argument in sys.argv[1:] if argument and argument.isascii() and argument.isprintable()]
