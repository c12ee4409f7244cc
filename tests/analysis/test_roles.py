"""Roles of frames, and the one that a dump is about."""

from __future__ import annotations

import pytest

from livedump.analysis.roles import find_reporter, with_roles
from livedump.model.frames import Frame, Role, Stack, Trust
from tests.analysis.test_signature import REPORTING, START, stack_of


def roles(*sites: str) -> list[Role | None]:
    return [frame.role for frame in with_roles(stack_of(*sites)).frames]


def test_the_way_into_a_system_call_asks_for_a_dump_only_behind_the_capture_machinery() -> None:
    assert roles("nt!NtSystemDebugControl", "nt!MmDuplicateMemory", "nt!NtSystemDebugControl") == [
        Role.OTHER,
        Role.CAPTURE,
        Role.REQUEST,
    ]


@pytest.mark.parametrize(
    ("sites", "reporter"),
    [
        ((*REPORTING, "a!b", "c!d"), "a!b+0x10"),
        # what the machinery itself calls is inside of it, by whatever name
        (("livedrv!LiveDrvCallback", "nt!KeFoo", *REPORTING, "a!b"), "a!b+0x10"),
        ((*REPORTING, "user:ntdll!NtFoo"), "ntdll!NtFoo+0x10"),
        # an address in no module is nobody, nor is who called from there
        ((*REPORTING, "user:-", "user:ntdll!NtFoo"), None),
        ((*REPORTING, *START[1:]), None),
        # a crash: those that stop the system are passed over
        (("nt!KeBugCheckEx", "nt!KiBugCheckDispatch", "a!b"), "a!b+0x10"),
        (("-", "a!b"), "a!b+0x10"),
        ((), None),
    ],
)
def test_the_reporter_is_the_first_frame_outside(sites: tuple[str, ...], reporter: str | None) -> None:
    found = find_reporter(with_roles(stack_of(*sites)).frames)
    assert (found.call_site if found else None) == reporter


@pytest.mark.parametrize(
    ("symbol", "broken"),
    [("KiStartSystemThread", False), ("KiIdleLoop", False), ("KiSystemServiceCopyEnd", True), (None, False)],
)
def test_a_return_address_of_0_ends_a_stack_only_where_a_thread_starts(symbol: str | None, broken: bool) -> None:
    # Without its name nobody knows what a function is.
    last = Frame(0, 0xFFFFBD09A2116270, 0, 0xFFFFF80178156000, "nt", symbol, 0x25, Trust.UNWIND)
    found = with_roles(Stack((last,), None))
    assert ("broken off" in str(found.stop_reason)) is broken
