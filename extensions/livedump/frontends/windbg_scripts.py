r"""The script files that WinDbg, cdb and kd run, from the list of questions.

What the engine's language asks for: a comment ends at a semicolon; so does ``aS``, but not inside of quotes, and a
blank before a brace belongs to the alias. A name that may be an alias already stands as ``${/v:name}``. Aliases are
put in where a block begins, so that a line that uses one stands in a ``.block``. ``${$arg0}`` is the file that runs,
so that ``${$arg0}\..\`` is its folder. ``.foreach`` takes what a command prints away.
"""

from __future__ import annotations

from livedump.frontends.questions import QUESTIONS, find_question
from livedump.frontends.windbg import CARRIER, HELP, OVERVIEW, PREFIX, command_of

PROGRAM = "livedump"
"""The command line, where it is on PATH."""
_ROAD, _PYKD = "livedump_road", "livedump_pykd"

_OWN_MODULES = """\
import sys

sys.path[:] = [place for place in sys.path if place not in ("", ".")]  # the debugger may stand in a folder of evidence

"""
_HEAD = r"""$$ livedump for WinDbg, cdb and kd. Run it once in a session:
$$
$$     $$><C:\path\to\livedump\extensions\livedump.wds
$$
$$ It gives the session !livedumpinfo and its sisters, see !livedumphelp. They run inside of the debugger where pykd is
$$ loaded or can be, else in the installed livedump, into which the debugger pipes its answers. It says which.
"""
_CARRIER = r"""$$ Runs a command of livedump by pykd: $$>a<...\livedumpask.wds NAME WHAT-WAS-TYPED
$$
$$ livedump.wds makes the commands. Python reads what was typed from the debugger, which keeps it while this file runs.
!py -l "${$arg0}\..\livedump${$arg1}.py"
"""


def command_names() -> tuple[str, ...]:
    """Every command by name: what stands behind ``!livedump``, but for the overview, behind which nothing stands."""
    return (OVERVIEW, *(question.name for question in QUESTIONS), HELP)


def start_script(program: str = PROGRAM) -> str:
    """``livedump.wds``, which defines the commands; ``program`` runs livedump from the debugger's shell."""
    from livedump.engines.debugger_session import session_commands

    loaded = f'$sicmp("${{{_PYKD}}}", "loaded")'
    find = f'.foreach (word {{ .chain }}) {{ .if ($spat("${{word}}", "*pykd*:")) {{ aS ${{/v:{_PYKD}}} loaded; }} }}'
    by_pykd = _taken(f'$$>a<"${{$arg0}}\\..\\{CARRIER}"', "by pykd")
    by_shell = _taken(
        f'.shell -ci "{session_commands()}" {program} windbg ask', "without pykd, by the installed program"
    )
    lines = (
        f"ad /q {_PYKD}",
        find,
        f".block {{ .if ({loaded} != 0) {{ .foreach (word {{ .load pykd }}) {{ }} }} }}",
        find,
        f".block {{ .if ({loaded} == 0) {{ {by_pykd} }} .else {{ {by_shell} }} }}",
        *(f".block {{ aS ${{/v:{command_of(name)}}} ${{{_ROAD}}} {name} }}" for name in command_names()),
        f"ad /q ${{/v:{_PYKD}}}",
        f"ad /q ${{/v:{_ROAD}}}",
    )
    return _HEAD + "".join(f"{line}\n" for line in lines)


def _taken(road: str, words: str) -> str:
    # Where a bracket stands behind it, it is no alias.
    return f"aS ${{/v:{_ROAD}}} {road}; .echo livedump: {words} (all commands: {PREFIX}{HELP})"


def carrier_script() -> str:
    """``livedumpask.wds``, through which arguments arrive in pykd's Python."""
    return _CARRIER


def command_script(name: str) -> str:
    """``livedumpNAME.py``, which pykd runs."""
    own = {HELP: "the commands of livedump", OVERVIEW: "what is to be known first, and how to go on"}
    what = own.get(name) or find_question(name).what
    return (
        f'#!python3\n"""{command_of(name)}: {what}."""\n\n{_OWN_MODULES}from livedump.frontends.windbg import run'
        + (f'  # noqa: E402 - only now\n\nrun("{name}")\n')
    )


def shell_script() -> str:
    """What an installed package runs in place of the program ``livedump``."""
    return (
        f'"""livedump, from the modules beside this file."""\n\n{_OWN_MODULES}'
        "from livedump.frontends.command_line import main  # noqa: E402 - only now\n\nsys.exit(main())\n"
    )
