"""The list of aliases, as both engines print it while a script file runs."""

from __future__ import annotations

from livedump.engines.text.aliases import parse_script_arguments

SAID = r"""  Alias            Value
 -------          -------
 !livedumpcodes   $$>a<"Z:\x\livedumpask.wds" codes
 $arg0            Z:\x\livedumpask.wds
 $arg1            codes
 $arg10           *x
 $arg2            a b
 $arg3            [1]
 $arg4            {x}
 $arg5            (y)
 $arg6            @$ip
 $arg7            poi(5)
 $arg8            %TEMP%
 $arg9            ${foo}
"""


def printed(text: str) -> list[str]:
    """The lines as the engines end them, with a blank."""
    return [f"{line} " for line in text.splitlines()]


def test_arguments_of_a_script_file_come_in_their_order() -> None:
    words = ("codes", "a b", "[1]", "{x}", "(y)", "@$ip", "poi(5)", "%TEMP%", "${foo}", "*x")
    assert parse_script_arguments(printed(SAID)) == (r"Z:\x\livedumpask.wds", *words)


def test_without_a_script_file_there_are_none() -> None:
    assert parse_script_arguments(printed(SAID)[:3]) == ()
    assert parse_script_arguments(["No aliases"]) == ()
