"""``livedump windbg``: what has to do with WinDbg and is done from outside of it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from livedump.frontends.parsing import DONE, SOME_FAILED, USAGE
from livedump.frontends.questions import QUESTIONS
from livedump.frontends.redacting import add_redaction, redactor_of, write_key
from livedump.model.errors import error_text
from livedump.model.symbol_places import symbol_places

Say = Callable[[str], object]

_PYKD = "pykd.dll"
_PYKD_PLACES = (
    ("LOCALAPPDATA", "Dbg\\EngineExtensions"),
    ("ProgramFiles(x86)", "Windows Kits\\10\\Debuggers\\x64\\winext"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command can do."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for name, help_text, run in (
        ("install", "put livedump's commands where WinDbg finds them when it starts", _install),
        ("uninstall", "take them away", _uninstall),
        ("check", "say what is there and what is missing", _check),
    ):
        action = actions.add_parser(name, help=help_text, description=f"{help_text[:1].upper()}{help_text[1:]}.")
        usual = "default: Dbg\\UserExtensions of this user"
        action.add_argument("--folder", type=Path, metavar="DIR", help=f"WinDbg's folder UserExtensions ({usual})")
        add_redaction(action)
        action.set_defaults(run=_told(run))
    _add_ask(actions.add_parser("ask", help="answer a command of WinDbg, which pipes its session in", add_help=False))


def _add_ask(parser: argparse.ArgumentParser) -> None:
    from livedump.frontends.windbg import HELP, OVERVIEW

    parser.add_argument("name", choices=[OVERVIEW, *(question.name for question in QUESTIONS), HELP])
    parser.add_argument("words", nargs=argparse.REMAINDER)
    parser.set_defaults(run=_ask)


def _ask(options: argparse.Namespace) -> int:
    from livedump.frontends.windbg import answer_piped

    answer_piped(options.name, options.words)
    return DONE


def _told(run: Callable[[Path, Say], int]) -> Callable[[argparse.Namespace], int]:
    def told(options: argparse.Namespace) -> int:
        from livedump.frontends.gallery import InstallError, user_extensions

        redactor = redactor_of(options)

        def shown(line: str) -> str:
            return redactor.text(line) if redactor else line

        try:
            status = run(options.folder or user_extensions(os.environ), lambda line: print(shown(line)))
            if redactor and options.redact_key:
                write_key(options.redact_key, redactor)
        except (InstallError, OSError, UnicodeError) as error:
            sys.stderr.write(f"livedump windbg: {shown(error_text(error))}\n")
            return USAGE
        return status

    return told


def _install(extensions: Path, say: Say) -> int:
    from livedump.frontends.gallery import install

    say(f"installed {install(extensions)}")
    _say_facts(say)
    say("next: open a kernel dump in WinDbg and type !livedumpinfo; a WinDbg that runs must be started again")
    return DONE


def _uninstall(extensions: Path, say: Say) -> int:
    from livedump.frontends.gallery import NAME, uninstall

    there = uninstall(extensions)
    say(f"{extensions / NAME}: {'taken away' if there else 'there was nothing of livedump'}")
    return DONE


def _check(extensions: Path, say: Say) -> int:
    from livedump.frontends.gallery import MANIFEST, NAME, manifest

    path = extensions / NAME / MANIFEST
    found = path.read_text(encoding="utf-8") if path.is_file() else None
    state = "not installed: livedump windbg install" if found is None else "of another version: livedump windbg install"
    say(f"package   {path.parent}: {'installed' if found == manifest() else state}")
    _say_facts(say)
    return DONE if found == manifest() else SOME_FAILED


def _say_facts(say: Say) -> None:
    for line in _facts():
        say(line)


def _facts() -> Iterator[str]:
    version = ".".join(map(str, sys.version_info[:3]))
    places = [Path(os.environ[name], rest, _PYKD) for name, rest in _PYKD_PLACES if os.environ.get(name)]
    pykd = next((place for place in places if place.is_file()), None)
    if pykd is None:
        yield f"pykd      {_PYKD} is in none of WinDbg's folders: the commands run in the Python below, without links"
    else:
        yield f"pykd      {pykd}; its Python, 3.9 at the most, needs tabulate: py -3.9 -m pip install tabulate"
    yield f"Python    {version}, {sys.executable}"
    path = symbol_places(None, os.environ)
    if not path:
        yield "symbols   _NT_SYMBOL_PATH is not set; .symfix in WinDbg sets Microsoft's server for one session"
    else:
        from livedump.model.secrets import without_secrets

        yield f"symbols   {without_secrets(path)}"
