"""Signatures: tables of stacks and the line that they give, and real logs."""

from __future__ import annotations

from pathlib import Path

import pytest

from livedump.analysis import signature as module_under_test
from livedump.analysis.roles import with_roles
from livedump.analysis.signature import MAX_LENGTH, REQUESTED, RULES, signature_of
from livedump.analysis.signature_names import stable_name
from livedump.engines.text.stack import find_stack
from livedump.model.bug_check import BugCheck
from livedump.model.dump import Dump
from livedump.model.findings import Confidence, Origin, OriginKind
from livedump.model.frames import Frame, Stack, Trust
from livedump.model.images import Module
from livedump.model.listing import Listing
from livedump.model.report import Problem, Report
from livedump.report.plain import format_document
from livedump.report.sections.signature import document

LOGS = Path(__file__).parents[2].parent / "shared" / "samples" / "logs"
KERNEL, USER = 0xFFFFF80178156000, 0x7FFCD2563000
DRIVER = Module("nvlddmkm", "nvlddmkm.sys", 0xFFFFF80765D30000, 0x3A00000, None)
DUMP = Dump("a.dmp", 1, 6, "x64", 0x10, None, None, None)


def stack_of(*sites: str, offset: int = 0x10) -> Stack:
    """A stack of ``module!function``; ``user:`` in front for user mode, ``-`` for a frame without a module."""
    frames = []
    for index, site in enumerate(sites):
        module, _, symbol = site[5:].partition("!") if site.startswith("user:") else site.partition("!")
        place = (USER if site.startswith("user:") else KERNEL) + index
        known = None if module == "-" else module
        frames.append(Frame(index, 0, 0, place, known, symbol or None, offset, Trust.UNWIND))
    return Stack(tuple(frames), None)


def report_of(
    code: int | None,
    stack: Stack | None = None,
    *,
    origin: OriginKind = OriginKind.WINDOWS_ERROR_REPORTING,
    p2: int = 0,
) -> Report:
    return Report(
        engine="native",
        path="a.dmp",
        size=1,
        dump=DUMP,
        bug_check=None if code is None else BugCheck(code, (0, p2, 0, 0)),
        modules=Listing((DRIVER,)),
        stack=with_roles(stack) if stack else None,
        origin=Origin(origin, "somebody", Confidence.LIKELY, ()),
    )


def text_of(code: int | None, *sites: str) -> str:
    return signature_of(report_of(code, stack_of(*sites))).text


REPORTING = ("nt!DbgkpWerCaptureLiveTriageDump", "nt!DbgkWerCaptureLiveKernelDump")
START = ("nt!ExpWorkerThread", "nt!PspSystemThreadStartup", "nt!KiStartSystemThread")


@pytest.mark.parametrize(
    ("sites", "frames"),
    [
        # the first frame behind the capture machinery, and no more than that
        ((*REPORTING, "netft!NetftProcessWatchdogEvent", "netft!NetftTimer", *START),
         "netft!NetftProcessWatchdogEvent"),
        # whatever the machinery itself calls is inside of it, by whatever name
        (("livedrv!LiveDrvCallback", "nt!KeFoo", *REPORTING, "a!b"), "a!b"),
        # a request in the middle of the stack is skipped by its role, watchdog!WdDbg* by that of the capture
        ((*REPORTING, "watchdog!WdDbgReportCreate", "dxgkrnl!DxgCreateLiveDumpWithWdLogs2", "dxgkrnl!DpiAddDevice"),
         "dxgkrnl!DpiAddDevice"),
        # a crash: the machinery of exceptions is plumbing
        (("nt!KeBugCheckEx", "nt!KiBugCheckDispatch", "nt!KiPageFault", "livedrv!LiveDrvReadRegister"),
         "livedrv!LiveDrvReadRegister"),
        # Driver Verifier speaks for the driver below it
        ((*REPORTING, "VerifierExt!SLIC_abort", "nt!VfIoCallDriver", "nt!IofCallDriver", "livedrv!Work"),
         "livedrv!Work"),
        # freeing memory fails on behalf of somebody
        (("nt!KeBugCheckEx", "nt!ExFreeHeapPool", "nt!ExFreePoolWithTag", "livedrv!Unload", "nt!Later"),
         "nt!ExFreeHeapPool | nt!ExFreePoolWithTag | livedrv!Unload"),
        # a joined frame with nothing behind it
        (("nt!ExFreePool", *START), "nt!ExFreePool"),
        # plumbing between joined frames goes, and a recursion counts once
        (("nt!ExFreePool", "nt!ExFreePool", "nt!memcpy", "livedrv!Work"), "nt!ExFreePool | livedrv!Work"),
        # without symbols: the module alone; Windows' own say nothing
        (("nt", "nt", "storport", "stornvme", "nt"), "stornvme"),
        # spelled differently from system to system
        (("nt!KeBugCheckEx", "CLFS!ClfsLog"), "clfs!ClfsLog"),
        # user mode is not in every dump, and a frame outside of any module has no name
        (("nt!KeBugCheckEx", "-", "nt!KiSystemServiceCopyEnd", "user:ntdll!NtClose", "user:evil!Main"), None),
        # handlers that the compiler moved out of a function belong to it
        (("nt!KeBugCheckEx", "livedrv!Work$filt$0"), "livedrv!Work"),
        # no more than five frames, however long the chain
        (("nt!ExAcquireA", "nt!ExAcquireB", "nt!ExAcquireC", "nt!ExAcquireD", "nt!ExAcquireE", "a!b"),
         "nt!ExAcquireA | nt!ExAcquireB | nt!ExAcquireC | nt!ExAcquireD | nt!ExAcquireE"),
    ],
)  # fmt: skip
def test_frames_of_a_signature(sites: tuple[str, ...], frames: str | None) -> None:
    assert text_of(0xDEAD, *sites) == " | ".join(("0xdead", *([frames] if frames else [])))


@pytest.mark.parametrize(
    ("symbol", "stable"),
    [
        ("Plain", "Plain"),
        ("Class::Method", "Class::Method"),
        ("Work$fin$12", "Work"),
        ("List<int>::Add", "List<T>::Add"),
        ("Map<int,List<char> >::Find<long>", "Map<T>::Find<T>"),
        ("<lambda_9873d6f1aa0>::operator()", "<lambda>::operator()"),
        ("Wrap<<lambda_01ab>>::Call", "Wrap<T>::Call"),
        ("A0x1234abcd::Hidden", "`anonymous namespace'::Hidden"),
        # these brackets are no template's
        ("Class::operator<", "Class::operator<"),
        ("Class::operator->", "Class::operator->"),
        # cut short: left alone
        ("List<int", "List<int"),
        ("List>int<", "List>int<"),
    ],
)
def test_names_without_what_differs_from_build_to_build(symbol: str, stable: str) -> None:
    assert stable_name(symbol) == stable


@pytest.mark.parametrize("kind", sorted(REQUESTED, key=str))
def test_requested_dumps_go_by_origin_whatever_the_stack(kind: OriginKind) -> None:
    stack = stack_of("nt!IopLiveDumpCollectPages", "nt!NtSystemDebugControl", "a!b")
    assert signature_of(report_of(0x161, stack, origin=kind)).text == kind.value


def test_the_code_s_name_is_part_of_it() -> None:
    # bugcodes.h: VIDEO_ENGINE_TIMEOUT_DETECTED is 0x141
    assert text_of(0x141, "a!b") == "0x141 VIDEO_ENGINE_TIMEOUT_DETECTED | a!b"


def test_the_mark_of_the_kernel_debugger_makes_no_second_group() -> None:
    assert text_of(0x1000007E, "a!b") == text_of(0x7E, "a!b")


def test_the_driver_that_the_bug_check_points_to_is_named() -> None:
    inside = DRIVER.base + 0x1986740
    assert signature_of(report_of(0x141, p2=inside)).text == "0x141 VIDEO_ENGINE_TIMEOUT_DETECTED | nvlddmkm"
    assert "nvlddmkm" not in signature_of(report_of(0x141, p2=DRIVER.end)).text


def test_a_driver_that_stands_on_the_stack_is_not_named_twice() -> None:
    report = report_of(0x117, stack_of("nvlddmkm!Reset"), p2=DRIVER.base)
    assert signature_of(report).text == "0x117 VIDEO_TDR_TIMEOUT_DETECTED | nvlddmkm!Reset"


def test_the_kernel_is_no_driver() -> None:
    kernel = Module("nt", "ntoskrnl.exe", 0xFFFFF80000000000, 0x1000000, None)
    check = BugCheck(0xD1, (0, 0, 0, kernel.base))
    report = report_of(0xD1, stack_of("a!b"))._replace(modules=Listing((kernel,)), bug_check=check)
    assert signature_of(report).text == "0xd1 DRIVER_IRQL_NOT_LESS_OR_EQUAL | a!b"


def test_the_component_stands_in_where_nothing_else_is_known() -> None:
    # live_dump_codes.txt: 0x193 is reported by dxgkrnl (video miniport)
    assert text_of(0x193) == "0x193 VIDEO_DXGKRNL_LIVEDUMP | dxgkrnl"


def test_offsets_and_addresses_make_no_difference() -> None:
    near, far = (stack_of(*REPORTING, "a!b", offset=offset) for offset in (0x10, 0x1234))
    assert signature_of(report_of(0x141, near)) == signature_of(report_of(0x141, far))


def test_an_empty_report_gets_a_signature() -> None:
    assert signature_of(Report("native", "", None)).text == "not judged"
    bare = report_of(None)._replace(modules=None, origin=None)
    assert signature_of(bare).text == "no bug check"


def test_a_file_that_could_not_be_judged_goes_by_what_is_wrong_with_it() -> None:
    report = Report("native", "x", 3, problems=(Problem("damaged", "at 0x17"), Problem("gap", "")))
    assert signature_of(report).text == "not judged | damaged"


def test_a_hostile_name_is_written_out_and_cut() -> None:
    text = text_of(0xDEAD, "a!\u202e\x1b[31m" + "x" * 100_000)
    assert text.startswith(r"0xdead | a!\u202e\x1b[31mxxx")
    assert len(text) == MAX_LENGTH
    assert text.endswith("...")


def test_a_stack_without_roles_is_no_trouble() -> None:
    report = report_of(0xDEAD)._replace(stack=stack_of("a!b"))
    assert signature_of(report).text == "0xdead | a!b"


def test_the_report_stays_as_it_was() -> None:
    report = report_of(0x141, stack_of(*REPORTING, "a!b"))
    before = repr(report)
    signature_of(report)
    assert repr(report) == before


def test_every_change_is_told_with_the_rule_that_made_it() -> None:
    steps = signature_of(report_of(0x141, stack_of(*REPORTING, "nt!ExFreePool", "a!b"), p2=DRIVER.base)).steps
    assert [(step.rule, step.new) for step in steps] == [
        ("bug_check", "0x141 VIDEO_ENGINE_TIMEOUT_DETECTED"),
        ("first_frames", "0x141 VIDEO_ENGINE_TIMEOUT_DETECTED | nt!ExFreePool | a!b"),
        ("driver", "0x141 VIDEO_ENGINE_TIMEOUT_DETECTED | nvlddmkm | nt!ExFreePool | a!b"),
    ]
    assert all(step.old == before.new for before, step in zip(steps, steps[1:]))
    assert "joined nt!ExFreePool with the next: signature_join.txt" in steps[1].remarks
    assert f"skipped {REPORTING[0]}: inside of the capture machinery" in steps[1].remarks


def test_every_rule_has_a_manual_and_the_last_two_stay_last() -> None:
    assert all(rule.__doc__ for rule in RULES)
    assert RULES[-2:] == (module_under_test.cleaned, module_under_test.shortened)


def test_the_explanation_names_rule_change_and_reason() -> None:
    signature = signature_of(report_of(0x141, p2=DRIVER.base))
    line = format_document(document(signature, "a\tb.dmp"))
    assert line == "0x141 VIDEO_ENGINE_TIMEOUT_DETECTED | nvlddmkm\ta\\x09b.dmp\n"
    assert format_document(document(signature, "b.dmp", explain=True)).splitlines()[1:] == [
        "  bug_check",
        "    (nothing) -> 0x141 VIDEO_ENGINE_TIMEOUT_DETECTED",
        "  driver",
        "    0x141 VIDEO_ENGINE_TIMEOUT_DETECTED -> 0x141 VIDEO_ENGINE_TIMEOUT_DETECTED | nvlddmkm",
        "    parameter 2 lies inside nvlddmkm: signature_drivers.txt",
    ]


def of_log(name: str, code: int, p2: int = 0) -> str:
    path = next(LOGS.glob(name), None) if LOGS.is_dir() else None
    if path is None:
        pytest.skip("the logs of real debuggers are not here")
    stack = find_stack(path.read_text(encoding="utf-8", errors="replace").splitlines())
    assert stack is not None
    return signature_of(report_of(code, stack, p2=p2)).text


@pytest.mark.parametrize("name", ["01-*.txt", "09-*.txt", "31-*.txt"])
def test_timeouts_of_one_driver_s_engine_are_one_group(name: str) -> None:
    # Three logs, three paths on which the timeout was noticed; all say LKD_0x141_IMAGE_nvlddmkm.sys or mean it.
    # Parameter 2 as log 01 prints it.
    assert of_log(name, 0x141, 0xFFFFF807676B6740) == "0x141 VIDEO_ENGINE_TIMEOUT_DETECTED | nvlddmkm"


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        # the watchdog's own thread reports: no frame says for whom
        ("15-*.txt", 0x193, "0x193 VIDEO_DXGKRNL_LIVEDUMP | dxgkrnl"),
        # FAILURE_BUCKET_ID names dxgkrnl!DxgCreateLiveDumpWithWdLogs2, which only asks for the dump
        ("33-*.txt", 0x193, "0x193 VIDEO_DXGKRNL_LIVEDUMP | dxgkrnl!DpiAddDevice"),
        ("17-*.txt", 0x1B0, "0x1b0 VIDEO_MINIPORT_FAILED_LIVEDUMP | dxgkrnl!DpiFdoStartAdapter"),
        ("36-*.txt", 0x117, "0x117 VIDEO_TDR_TIMEOUT_DETECTED | dxgkrnl"),
        ("03-*.txt", 0x113, "0x113 VIDEO_DXGKRNL_FATAL_ERROR | dxgkrnl!DXGDEVICE::DestroyAllDeviceState"),
        ("32-*.txt", 0x4A, "0x4a IRQL_GT_ZERO_AT_SYSTEM_SERVICE"),
    ],
)
def test_real_logs(name: str, code: int, text: str) -> None:
    assert of_log(name, code) == text
