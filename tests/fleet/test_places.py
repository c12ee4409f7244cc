"""Windows' own places for dumps. Source: Windows documentation of Task Manager's live dumps and of CrashControl."""

from __future__ import annotations

import sys

import pytest

from livedump.fleet.places import default_places

ENVIRONMENT = {"SystemRoot": r"D:\Windows", "LOCALAPPDATA": r"C:\Users\a\AppData\Local"}


@pytest.mark.skipif(sys.platform == "win32", reason="the registry adds places of its own")
def test_places_follow_the_environment() -> None:
    assert [place.path for place in default_places(ENVIRONMENT)] == [
        r"C:\Users\a\AppData\Local\Microsoft\Windows\TaskManager\LiveKernelDumps",
        r"D:\Windows\LiveKernelReports",
        r"D:\Windows\Minidump",
        r"D:\Windows\MEMORY.DMP",
    ]


def test_without_a_user_there_is_no_task_manager() -> None:
    assert not any("TaskManager" in place.path for place in default_places({}))
