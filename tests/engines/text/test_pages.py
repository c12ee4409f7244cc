"""Pages of documentation: their forms with words of our own, counted as ``pages`` counts real ones."""

from __future__ import annotations

import pytest

from tests.engines.text.pages import Outcome, judged

HEADING = "DPC_WATCHDOG_VIOLATION (133)\nThe words below are made up.\nArguments:\nArg1: 0000000000000001, made up.\n"
ROWS = (
    "ffffd000`224b4c88 fffff800`02d96834 : 00000000`00000133 00000000`00000001 00000000`00001e00 0 : nt!KeBugCheckEx\n"
    "ffffd000`224b4c90 fffff800`02dfef17 : 00000000`00000000 00000000`00000000 00000000`00000000 0 : lab!Wait+0x1\n"
)
PAGES = {
    "!analyze": (
        f"```dbgcmd\n0: kd> !analyze -v\n{HEADING}Arg2: 0000000000001e00\n\nSTACK_TEXT:  \n{ROWS}```\n",
        "RIGHT",
    ),
    "indented": (f"1. Do this:\n\n   ```console\n{HEADING.replace(chr(10), chr(10) + '   ')}\n   ```\n", "RIGHT"),
    "short form": ("```\nBugCheck 133, {1, 1e00, 0, 0}\n\nProbably caused by : lab.sys ( lab!Wait+1 )\n```\n", "RIGHT"),
    "looked up": (f"```\n1: kd> !analyze -show 0x133 0x1\n\n{HEADING}Arg2: 0000000000000000\n```\n", "LOOKED_UP"),
    "stack alone": (
        "```\n0: kd> k\nChild-SP          RetAddr           Call Site\n"
        "ffffd000`224b4c88 fffff800`02d96834 nt!KiSwapContext\nffffd000`224b4c90 00000000`00000000 lab!Wait+0x1\n```\n",
        "BY_STACK",
    ),
    "a process": (
        "```\n0:000> k\nChild-SP          RetAddr           Call Site\n"
        "00000054`b71ffb78 00007ffe`1ee672ae ntdll!NtWaitForSingleObject\n"
        "00000054`b71ffb80 00000000`00000000 lab!main\n```\n",
        "REFUSED",
    ),
    "parameters alone": ("```\nArguments:\nArg1: 00000018940ffbe8\nArg2: 0000000000000003\n```\n", "REFUSED"),
}


@pytest.mark.parametrize(("page", "outcome"), PAGES.values(), ids=PAGES)
def test_output_on_a_page_is_judged_by_what_it_holds(page: str, outcome: str) -> None:
    assert [found for found, _ in judged(page)] == [Outcome[outcome]]


def test_other_blocks_of_a_page_are_no_output() -> None:
    assert list(judged("```c\nint main(void);\n```\n```\nlm\n```\n")) == []
