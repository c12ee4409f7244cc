"""The WinDbg commands: each runs on the dump that the debugger has open, and prints.

``!py`` redirects standard output to the debugger, so printing is enough where no links are shown. Arguments can be lost
or garbled on the way (``pykd.pyd`` loaded directly passes none), so every command is useful without, and an argument
counts only when it is one the command knows.
"""

from __future__ import annotations

import sys
from typing import Callable

from livedump.model.errors import DumpError

_HELP = """\
livedump: what this dump is, who took it and why, whether it is complete

  !livedumpinfo          verdict, triage table, evidence with the command that checks it
  !livedumpstack         the stack, with the part each frame played: capture, request, user
  !livedumpcontents      which structures of the kernel the dump holds
  !livedumpcodes [code]  live dump codes; without one, the code of this dump
  !livedumphelp          this text

Each command also runs as !py <folder>\\<command>.py, and answers -? with its help."""


def livedumpinfo() -> None:
    """The triage report of the open dump."""
    _run(_show_info)


def livedumpstack() -> None:
    """The stack of the open dump, with the role of each frame."""
    _run(_show_stack)


def livedumpcontents() -> None:
    """Which structures that a live dump captures are in the open dump."""
    _run(_show_contents)


def livedumpcodes() -> None:
    """One live dump code: that of the argument, else that of the open dump, else all."""
    _run(_show_codes)


def livedumphelp() -> None:
    """The list of commands."""
    print(_HELP)


def _run(command: Callable[[], None]) -> None:
    if any(argument in {"-?", "/?", "-h", "--help"} for argument in _arguments()):
        print(_HELP)
        return
    try:
        command()
    except DumpError as error:
        print(f"livedump: {error}")


def _show_info() -> None:
    from livedump.analysis.triage import triage
    from livedump.engines.pykd import PykdEngine, print_dml, shows_links

    report = triage(PykdEngine())
    if shows_links():
        from livedump.report.dml import format_report as as_dml

        print_dml(as_dml(report))
    else:
        from livedump.report.text import format_report

        print(format_report(report), end="")


def _show_stack() -> None:
    from livedump.analysis.roles import with_roles
    from livedump.engines.pykd import PykdEngine
    from livedump.report.stack_text import format_end, format_stack

    stack = with_roles(PykdEngine().stack())
    print(format_stack(stack) + format_end(stack), end="")


def _show_contents() -> None:
    from livedump.analysis.contents import inspect_contents
    from livedump.engines.pykd import PykdEngine
    from livedump.report.contents_text import format_contents

    print(format_contents(inspect_contents(PykdEngine())), end="")


def _show_codes() -> None:
    from livedump.report.codes_text import format_code, format_codes

    code = _code_argument()
    if code is None:
        code = _code_of_dump()
    text = format_code(code) if code is not None else None
    print(text if text is not None else format_codes(), end="")


def _code_of_dump() -> int | None:
    from livedump.engines.pykd import PykdEngine

    try:
        return PykdEngine().bug_check().code
    except DumpError:
        return None


def _code_argument() -> int | None:
    for argument in _arguments()[:1]:
        try:
            return int(argument, 16)
        except ValueError:
            print("livedump: not a hexadecimal code such as 161 or 0x161; showing what fits the dump")
    return None


def _arguments() -> list[str]:
    return [argument for argument in sys.argv[1:] if argument and argument.isascii() and argument.isprintable()]
