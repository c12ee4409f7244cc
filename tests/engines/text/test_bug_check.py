"""The bug check in debugger text."""

from __future__ import annotations

import pytest

from livedump.engines.text.bug_check import Analysis, parse_analysis, parse_bug_check
from livedump.engines.text.lines import split_lines
from livedump.model.bug_check import BugCheck
from livedump.model.told import Blame

TASK_MANAGER = BugCheck(0x161, (0x005461736B6D6772, 0, 0, 0))


def told_by_analysis(text: str) -> BugCheck:
    """Code and parameters as !analyze and its like name them."""
    found = parse_analysis(split_lines(text))
    assert found is not None
    assert found.code is not None
    first, second, third, fourth = found.parameters
    return BugCheck(found.code, (first, second, third, fourth))


# Listing 1 of LP2142.
BUGCHECK = """\
0: kd> .bugcheck
Bugcheck code 00000161
Arguments 00546173`6b6d6772 00000000`00000000 00000000`00000000 00000000`00000000
"""

# The shape of !analyze -v, with the values of listing 1.
ANALYZE = """\
LIVE_SYSTEM_DUMP (161)
The system administrator requested a live kernel dump.
(This code can never be used for a real bug check; it is used to identify live dumps.)
Arguments:
Arg1: 005461736b6d6772, text
Arg2: 0000000000000000
Arg3: 0000000000000000, Reserved.
Arg4: 0000000000000000, Reserved.
"""

LISTED = """\
BUGCHECK_CODE:  161
BUGCHECK_P1: 5461736b6d6772
BUGCHECK_P2: 0
BUGCHECK_P3: 0
BUGCHECK_P4: 0
"""


def bug_check_in(text: str) -> BugCheck | None:
    return parse_bug_check(split_lines(text))


def analysis_in(text: str) -> Analysis:
    found = parse_analysis(split_lines(text))
    assert found is not None
    return found


def test_bugcheck_prints_code_and_arguments() -> None:
    assert bug_check_in(BUGCHECK) == TASK_MANAGER


def test_a_warning_between_the_two_lines_does_no_harm() -> None:
    noisy = BUGCHECK.replace("Arguments", "*** WARNING: Unable to verify checksum\nArguments")
    assert bug_check_in(noisy) == TASK_MANAGER


def test_a_32_bit_system_has_short_arguments() -> None:
    text = "Bugcheck code 00000050\nArguments e8fc0000 00000000 8053ac60 00000001\n"
    assert bug_check_in(text) == BugCheck(0x50, (0xE8FC0000, 0, 0x8053AC60, 1))


@pytest.mark.parametrize(
    "text",
    [
        "Bugcheck code 00000161\n",
        "Bugcheck code 00000161\nArguments 00546173`6b6d6772 00000000`00000000\n",
        "Bugcheck code\nArguments 1 2 3 4\n",
        "Bugcheck code xyz\nArguments 1 2 3 4\n",
        "Arguments 1 2 3 4\n",
        "",
    ],
)
def test_half_a_bug_check_is_none(text: str) -> None:
    assert bug_check_in(text) is None


@pytest.mark.parametrize("text", [ANALYZE, LISTED, ANALYZE + LISTED])
def test_analyze_prints_it_twice(text: str) -> None:
    assert told_by_analysis(text) == TASK_MANAGER


def test_analyze_knows_no_name_for_code_zero() -> None:
    text = ANALYZE.replace("LIVE_SYSTEM_DUMP (161)", "Unknown bugcheck code (0)").replace("005461736b6d6772", "0" * 16)
    assert told_by_analysis(text) == BugCheck(0, (0, 0, 0, 0))


def test_older_versions_print_it_in_one_line() -> None:
    text = "BugCheck 1000007E, {ffffffffc0000005, fffff8048b58334c, ffff850429891ee8, ffff850429891720}\n"
    expected = BugCheck(0x1000007E, (0xFFFFFFFFC0000005, 0xFFFFF8048B58334C, 0xFFFF850429891EE8, 0xFFFF850429891720))
    assert told_by_analysis(text) == expected


def test_looking_a_code_up_says_nothing_about_the_dump() -> None:
    # !analyze -show explains any code in the same words
    assert parse_analysis(split_lines("0: kd> !analyze -show 161 5461736b6d6772\n" + ANALYZE)) is None


def test_a_missing_parameter_is_not_known() -> None:
    # of listing 1's four parameters the last was left out
    assert told_by_analysis(ANALYZE.replace("Arg4:", "Arg:")) == BugCheck(0x161, (0x005461736B6D6772, 0, 0, None))


def test_the_rest_of_an_analysis() -> None:
    text = """\
    Key  : Dump.Attributes.AsUlong
    Value: 0x18

FILE_IN_CAB:  WATCHDOG-20250521-2202.dmp
DUMP_FILE_ATTRIBUTES: 0x18
  Kernel Generated Triage Dump
  Live Generated Dump
PROCESS_NAME:  System
IMAGE_NAME:  nvlddmkm.sys
STACK_COMMAND: .process /r /p 0xffffa705dc563040; .thread /r /p 0xffffa70615d06140 ; kb
FAILURE_BUCKET_ID:  LKD_0x141_IMAGE_nvlddmkm.sys
"""
    assert analysis_in(text) == Analysis(
        code=0x141,
        parameters=(None, None, None, None),
        attributes=0x18,
        process_name="System",
        process_address=0xFFFFA705DC563040,
        dump_name="WATCHDOG-20250521-2202.dmp",
        blame=Blame(image_name="nvlddmkm.sys", bucket="LKD_0x141_IMAGE_nvlddmkm.sys"),
        live_words="the bucket LKD_0x141_IMAGE_nvlddmkm.sys is one of live dumps",
        doubts=("the code follows from the bucket LKD_0x141_IMAGE_nvlddmkm.sys",),
    )


def test_attributes_stand_among_the_keys_as_well() -> None:
    # samples/logs/32: AsUlong is hexadecimal even without 0x
    assert analysis_in("Key  : Dump.Attributes.AsUlong\nValue: 21808\n").attributes == 0x21808


def test_text_without_an_analysis_has_none() -> None:
    assert parse_analysis(["0: kd> vertarget", "Windows 10 Kernel Version 26100 MP (4 procs) Free x64"]) is None
