"""Who took the dump: one test for each rule and for what contradicts it."""

from __future__ import annotations

import pytest

from livedump.analysis.facts import Facts
from livedump.analysis.origin import Claim, judge_origin
from livedump.analysis.origin_rules import RULES
from livedump.analysis.roles import with_roles
from livedump.model.bug_check import BugCheck
from livedump.model.findings import Confidence, Origin, OriginKind, Sign
from livedump.model.frames import Frame, Stack, Trust
from livedump.model.processors import Process

TASKMGR = 0x005461736B6D6772  # shared by the paper and Microsoft's page on 0x161
KERNEL, USER = 0xFFFFF80178156000, 0x7FFCD2563000


def stack_of(*sites: str) -> Stack:
    frames = []
    for index, site in enumerate(sites):
        module, _, symbol = site.partition("!")
        user = module in {"ntdll", "mispace"}
        place = (USER if user else KERNEL) + index
        frames.append(Frame(index, 0, 0, place, module, symbol or None, 0x10, Trust.UNWIND))
    return Stack(tuple(frames), None)


REQUEST = ("nt!IopLiveDumpCollectPages", "nt!MmDuplicateMemory", "nt!IoCaptureLiveDump",
           "nt!DbgkCaptureLiveKernelDump", "nt!NtSystemDebugControl", "nt!KiSystemServiceCopyEnd")  # fmt: skip
REPORTING = ("nt!DbgkpWerCaptureLiveTriageDump", "nt!DbgkpWerProcessPolicyResult", "nt!DbgkWerCaptureLiveKernelDump2",
             "nt!DbgkWerCaptureLiveKernelDump", "dxgmms2!VidSchiResetEngine", "nt!PspSystemThreadStartup")  # fmt: skip


def judged(code: int, p1: int = 0, *, sites: tuple[str, ...] = (), process: str | None = None, p2: int = 0) -> Origin:
    stack = stack_of(*sites) if sites else None
    facts = Facts(
        dump=None,
        bug_check=BugCheck(code, (p1, p2, 0, 0)),
        stack=with_roles(stack) if stack else None,
        process=Process(None, process, None, None) if process else None,
        modules=None,
        live=True,
        build=26100,
        two_requesters=False,
    )
    return judge_origin(facts, RULES).origin


def test_the_parameter_alone_makes_task_manager_likely_and_says_what_was_not_asked() -> None:
    origin = judged(0x161, TASKMGR)
    assert (origin.kind, origin.confidence) == (OriginKind.TASK_MANAGER, Confidence.LIKELY)
    assert {evidence.rule for evidence in origin.unasked} == {"task_manager_process", "task_manager_stack"}
    assert {evidence.sign for evidence in origin.unasked} == {Sign.AGAINST}


def test_task_manager_is_certain_by_parameter_process_and_stack() -> None:
    origin = judged(0x161, TASKMGR, sites=REQUEST, process="Taskmgr.exe")
    assert (origin.confidence, origin.contradictions, origin.unasked) == (Confidence.CERTAIN, (), ())


@pytest.mark.parametrize("two", [True, None])
def test_two_traces_that_do_not_agree_take_certainty_away(two: bool | None) -> None:
    stack = with_roles(stack_of(*REQUEST))
    process = Process(None, "Taskmgr.exe", None, None)
    check = BugCheck(0x161, (TASKMGR, 0, 0, 0))
    facts = Facts(None, check, stack, process, None, True, 26100, two)
    assert judge_origin(facts, RULES).origin.confidence is Confidence.LIKELY


def test_a_guessed_frame_is_no_evidence() -> None:
    frames = [frame._replace(trust=Trust.SCAN) for frame in stack_of(*REQUEST).frames]
    facts = Facts(None, BugCheck(0x161, (TASKMGR, 0, 0, 0)), Stack(tuple(frames), None), None, None, True)
    assert "task_manager_stack" in {evidence.rule for evidence in judge_origin(facts, RULES).origin.unasked}


def test_a_stack_that_breaks_off_contradicts_nothing() -> None:
    stack = stack_of(*REPORTING)._replace(stop_reason="a page is missing")
    facts = Facts(None, BugCheck(0x161, (TASKMGR, 0, 0, 0)), with_roles(stack), None, None, True)
    origin = judge_origin(facts, RULES).origin
    assert "task_manager_stack" in {evidence.rule for evidence in origin.unasked}


def test_a_name_of_a_process_and_a_code_are_no_certainty() -> None:
    assert judged(0, process="livekd64.exe").confidence is Confidence.LIKELY


def test_powershell_in_a_strange_process_is_contradicted() -> None:
    sites = (*REQUEST, "ntdll!NtSystemDebugControl", "mispace!CLogCollectionServer::CaptureLiveDump")
    origin = judged(0x161, sites=sites, process="evil.exe")
    assert (origin.kind, origin.confidence) == (OriginKind.POWERSHELL_STORAGE_DIAGNOSTICS, Confidence.LIKELY)
    assert any("evil.exe" in evidence.fact for evidence in origin.contradictions)


def test_code_zero_with_a_parameter_is_no_error_reporting() -> None:
    origin = judged(0, 5)
    assert (origin.kind, origin.confidence) == (OriginKind.SYSTEM_DEBUG_CONTROL, Confidence.POSSIBLE)


def test_error_reporting_under_the_code_of_a_request_is_a_contradiction() -> None:
    origin = judged(0x161, sites=REPORTING, process="System")
    assert (origin.kind, origin.confidence) == (OriginKind.WINDOWS_ERROR_REPORTING, Confidence.LIKELY)
    assert any("0x161" in evidence.fact for evidence in origin.contradictions)


def test_error_reporting_under_an_unknown_code_says_that_it_might_have_been_a_request() -> None:
    stack = with_roles(stack_of(*REPORTING))
    origin = judge_origin(Facts(None, None, stack, None, None, True), RULES).origin
    assert origin.kind is OriginKind.WINDOWS_ERROR_REPORTING
    assert any("the code" in evidence.fact for evidence in origin.unasked)


def test_a_program_that_passes_the_code_of_a_component_is_seen_by_its_call() -> None:
    origin = judged(0x141, 0xFFFFA70647D06060, sites=REQUEST, process="dumper.exe")
    assert (origin.kind, origin.confidence) == (OriginKind.SYSTEM_DEBUG_CONTROL, Confidence.LIKELY)
    assert "dumper.exe" in origin.title
    assert any("0x141" in evidence.fact for evidence in origin.contradictions)


def test_stack_and_process_support_task_manager() -> None:
    origin = judged(0x161, TASKMGR, sites=REQUEST, process="Taskmgr.exe")
    rules = {evidence.rule for evidence in origin.evidence}
    assert {"task_manager_parameter", "task_manager_process", "task_manager_stack"} <= rules
    assert origin.contradictions == ()


def test_another_process_contradicts_the_parameter_and_says_that_it_can_be_forged() -> None:
    origin = judged(0x161, TASKMGR, sites=REQUEST, process="evil.exe")
    assert (origin.kind, origin.confidence) == (OriginKind.TASK_MANAGER, Confidence.LIKELY)
    assert any("forged" in evidence.fact and "evil.exe" in evidence.fact for evidence in origin.contradictions)


def test_a_stack_without_the_system_call_contradicts_task_manager() -> None:
    origin = judged(0x161, TASKMGR, sites=REPORTING)
    assert origin.confidence is Confidence.LIKELY
    assert any("NtSystemDebugControl" in evidence.fact for evidence in origin.contradictions)


def test_powershell_is_certain_by_the_frame() -> None:
    sites = (*REQUEST, "ntdll!NtSystemDebugControl", "mispace!CLogCollectionServer::CaptureLiveDump")
    origin = judged(0x161, sites=sites, process="WmiPrvSE.exe")
    assert (origin.kind, origin.confidence) == (OriginKind.POWERSHELL_STORAGE_DIAGNOSTICS, Confidence.CERTAIN)


def test_mispace_without_symbols_is_only_likely() -> None:
    origin = judged(0x161, sites=(*REQUEST, "ntdll!NtSystemDebugControl", "mispace"))
    assert (origin.kind, origin.confidence) == (OriginKind.POWERSHELL_STORAGE_DIAGNOSTICS, Confidence.LIKELY)


def test_parameter_null_alone_does_not_name_powershell() -> None:
    origin = judged(0x161)
    assert origin.kind is OriginKind.SYSTEM_DEBUG_CONTROL
    assert origin.confidence is Confidence.POSSIBLE


def test_the_provider_host_makes_powershell_possible() -> None:
    origin = judged(0x161, sites=REQUEST, process="WmiPrvSE.exe")
    assert (origin.kind, origin.confidence) == (OriginKind.POWERSHELL_STORAGE_DIAGNOSTICS, Confidence.POSSIBLE)


@pytest.mark.parametrize(("process", "tool"), [("livekd64.exe", "LiveKd"), ("SystemInformer.", "System Informer")])
def test_code_zero_names_the_tool_by_its_process(process: str, tool: str) -> None:
    # ImageFileName holds 15 bytes, so SystemInformer.exe reads SystemInformer.
    origin = judged(0, sites=REQUEST, process=process)
    assert (origin.kind, origin.confidence) == (OriginKind.LIVEKD_OR_SYSTEM_INFORMER, Confidence.CERTAIN)
    assert tool in origin.title


def test_code_zero_alone_is_a_request_by_some_tool() -> None:
    origin = judged(0)
    assert (origin.kind, origin.confidence) == (OriginKind.LIVEKD_OR_SYSTEM_INFORMER, Confidence.POSSIBLE)


def test_an_unknown_program_is_named_by_its_process() -> None:
    origin = judged(0x161, sites=REQUEST, process="dumper.exe")
    assert (origin.kind, origin.confidence) == (OriginKind.SYSTEM_DEBUG_CONTROL, Confidence.LIKELY)
    assert "dumper.exe" in origin.title


def test_error_reporting_names_component_and_reporter() -> None:
    origin = judged(0x141, 0xFFFFA70647D06060, sites=REPORTING, process="System")
    assert (origin.kind, origin.confidence) == (OriginKind.WINDOWS_ERROR_REPORTING, Confidence.CERTAIN)
    assert "dxgkrnl" in origin.title
    assert any("dxgmms2!VidSchiResetEngine" in evidence.fact for evidence in origin.evidence)


def test_a_live_code_without_a_stack_is_likely_error_reporting() -> None:
    origin = judged(0x1CC, 0xFFFF8000)
    assert (origin.kind, origin.confidence) == (OriginKind.WINDOWS_ERROR_REPORTING, Confidence.LIKELY)


@pytest.mark.parametrize(
    ("code", "p1", "kind"),
    [
        (0x11C8, 5000, OriginKind.POWER_BUTTON),
        (0x1A8, 8, OriginKind.POWER_BUTTON),
        (0x21C8, 0, OriginKind.BLACK_SCREEN_HOTKEY),
        (0x1A8, 1, OriginKind.BLACK_SCREEN_HOTKEY),
        (0x1B8, 2, OriginKind.BLACK_SCREEN_HOTKEY),
        (0x1C9, 0xFFFF8000, OriginKind.FAILOVER_CLUSTER),
        (0x165, 1234, OriginKind.FAILOVER_CLUSTER),
        (0x1E1, 1, OriginKind.STORPORT),
        (0x1C4, 0x20001, OriginKind.DRIVER_VERIFIER),
        (0x1A8, 0xA, OriginKind.WINDOWS_ERROR_REPORTING),
    ],
)
def test_codes_that_name_who_asked(code: int, p1: int, kind: OriginKind) -> None:
    origin = judged(code, p1)
    assert (origin.kind, origin.confidence) == (kind, Confidence.LIKELY)


def test_a_stack_tells_the_way_even_where_the_code_is_not_known() -> None:
    for sites, kind in ((REPORTING, OriginKind.WINDOWS_ERROR_REPORTING), (REQUEST, OriginKind.SYSTEM_DEBUG_CONTROL)):
        stack = stack_of(*sites)
        facts = Facts(None, None, with_roles(stack), None, None, True)
        assert judge_origin(facts, RULES).origin.kind is kind


def test_nothing_known_is_unknown_with_no_confidence() -> None:
    origin = judged(0xDEAD, 1)
    assert (origin.kind, origin.confidence, origin.evidence) == (OriginKind.UNKNOWN, Confidence.NONE, ())


def test_a_rule_that_raises_becomes_a_note_and_the_next_one_runs() -> None:
    def broken(_: Facts) -> list[Claim]:
        raise KeyError("boom")

    facts = Facts(None, BugCheck(0x161, (TASKMGR, 0, 0, 0)), None, None, None, True)
    judgement = judge_origin(facts, (broken, *RULES))
    assert judgement.origin.kind is OriginKind.TASK_MANAGER
    assert judgement.notes == ("rule broken failed: KeyError('boom')",)


def test_every_rule_survives_facts_that_are_all_unknown() -> None:
    facts = Facts(None, None, None, None, None, None)
    judgement = judge_origin(facts, RULES)
    assert judgement.notes == ()
    assert judgement.origin.kind is OriginKind.UNKNOWN


def test_every_rule_has_a_manual_and_every_claim_a_check() -> None:
    assert all(rule.__doc__ for rule in RULES)
    origin = judged(0x161, TASKMGR, sites=REQUEST, process="Taskmgr.exe")
    assert all(evidence.check for evidence in origin.evidence)
