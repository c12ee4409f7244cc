"""The rules on who took a live dump, in the order in which they are asked.

A rule is a function of the facts that yields claims; its name is what the report shows, its docstring is its manual.
Code and parameters of a live dump are free text of the caller, so a code alone never makes a verdict certain unless
the caller is a part of Windows that others have no reason to imitate, and what contradicts it is always said.
"""

from __future__ import annotations

from collections.abc import Iterator

from livedump.analysis.facts import LIVE_SYSTEM_DUMP, TASK_MANAGER_PARAMETER, Facts
from livedump.analysis.origin import TITLES, Claim, Rule
from livedump.model.addresses import format_address
from livedump.model.findings import Confidence, OriginKind
from livedump.model.frames import Frame
from livedump.reference.codes import find_live_code
from livedump.reference.origins import find_origin
from livedump.reference.processes import find_known_process

CERTAIN, LIKELY, POSSIBLE = Confidence.CERTAIN, Confidence.LIKELY, Confidence.POSSIBLE

_CAPTURE_METHOD = "CLogCollectionServer::CaptureLiveDump"
_REQUEST = "NtSystemDebugControl"
_TOOLS = (OriginKind.LIVEKD_OR_SYSTEM_INFORMER, OriginKind.SYSTEM_DEBUG_CONTROL)


def task_manager_parameter(facts: Facts) -> Iterator[Claim]:
    """0x161 with the text Taskmgr in parameter 1 is what Task Manager passes."""
    if _is_task_manager(facts):
        value = format_address(TASK_MANAGER_PARAMETER)
        fact = f"code 0x161 and parameter 1 = {value}, the text 'Taskmgr'"
        yield Claim(OriginKind.TASK_MANAGER, CERTAIN, fact, f".bugcheck; .formats {value}")


def task_manager_process(facts: Facts) -> Iterator[Claim]:
    """The requesting process supports or contradicts the parameter, which any caller can forge."""
    if not _is_task_manager(facts) or facts.process_name is None:
        return
    if facts.process_name.lower() == "taskmgr.exe":
        fact = "the requesting process is Taskmgr.exe"
        yield Claim(OriginKind.TASK_MANAGER, LIKELY, fact, "!process -1 0")
    else:
        fact = f"the requesting process is {facts.process_name}, not Taskmgr.exe: parameter 1 can be forged"
        yield Claim(OriginKind.TASK_MANAGER, LIKELY, fact, "!process -1 0", against=True)


def task_manager_stack(facts: Facts) -> Iterator[Claim]:
    """Task Manager asks through NtSystemDebugControl, so a stack with names shows that call."""
    if not _is_task_manager(facts) or not facts.has_symbols:
        return
    frame = facts.find_frame("nt", _REQUEST)
    if frame:
        yield Claim(OriginKind.TASK_MANAGER, LIKELY, f"requested through {frame.call_site}", "k")
    else:
        fact = "nt!NtSystemDebugControl, through which Task Manager asks, is not on the stack"
        yield Claim(OriginKind.TASK_MANAGER, LIKELY, fact, "k", against=True)


def storage_diagnostics_frame(facts: Facts) -> Iterator[Claim]:
    """0x161, parameter 1 null and the storage provider's CaptureLiveDump on the stack: the PowerShell cmdlet."""
    frame = facts.find_frame("mispace", _CAPTURE_METHOD) or facts.find_frame("mispace")
    if not _is_null_request(facts) or frame is None:
        return
    named = (frame.symbol or "").startswith(_CAPTURE_METHOD)
    fact = f"code 0x161, parameter 1 null and {frame.call_site} on the stack"
    doubt = "" if named else " (no symbol names the function)"
    yield Claim(OriginKind.POWERSHELL_STORAGE_DIAGNOSTICS, CERTAIN if named else LIKELY, fact + doubt, ".bugcheck; k")


def storage_diagnostics_process(facts: Facts) -> Iterator[Claim]:
    """Without the frame, the process that hosts the storage provider is a hint; parameter 1 null alone is none."""
    if not _is_null_request(facts) or facts.process_name is None:
        return
    known = find_known_process(facts.process_name)
    if known and known.origin is OriginKind.POWERSHELL_STORAGE_DIAGNOSTICS:
        fact = f"the requesting process is {facts.process_name}, the host of the storage management provider"
        yield Claim(OriginKind.POWERSHELL_STORAGE_DIAGNOSTICS, POSSIBLE, fact, "!process -1 0")


def known_tool(facts: Facts) -> Iterator[Claim]:
    """A requesting process that is known to take live dumps names the tool when code and parameters are plain."""
    known = find_known_process(facts.process_name) if facts.process_name else None
    if known is None or known.origin not in _TOOLS or not _is_plain(facts):
        return
    zero = facts.bug_check is not None and facts.bug_check.code == 0
    code = "code and parameters at zero" if zero else "code 0x161 with null parameters"
    fact = f"the requesting process is {facts.process_name} and {code}"
    yield Claim(known.origin, CERTAIN if zero else LIKELY, fact, "!process -1 0; .bugcheck", known.tool)


def zero_code(facts: Facts) -> Iterator[Claim]:
    """Code and parameters at zero are what LiveKd and System Informer leave: a request, not an unknown failure."""
    if facts.bug_check is not None and facts.bug_check.code == 0 and _is_plain(facts):
        fact = "code and all parameters are zero: the caller asked for a dump and gave no reason"
        yield Claim(OriginKind.LIVEKD_OR_SYSTEM_INFORMER, POSSIBLE, fact, ".bugcheck")


def system_debug_control(facts: Facts) -> Iterator[Claim]:
    """Any other program that asks through NtSystemDebugControl is named by its process, if that is known."""
    if (facts.bug_check and not _is_plain(facts)) or facts.find_frame("mispace"):
        return
    if facts.bug_check and facts.process_name and not _is_known(facts.process_name):
        title = f"{facts.process_name} through NtSystemDebugControl"
        fact = f"the requesting process is {facts.process_name}, not a tool that is known to take live dumps"
        yield Claim(OriginKind.SYSTEM_DEBUG_CONTROL, LIKELY, fact, "!process -1 0", title)
    frame = facts.find_frame("nt", _REQUEST)
    if frame:
        yield Claim(OriginKind.SYSTEM_DEBUG_CONTROL, POSSIBLE, f"requested through {frame.call_site}", "k")
    elif _is_null_request(facts):
        fact = "code 0x161 with parameter 1 null, which several callers use: alone it names none"
        yield Claim(OriginKind.SYSTEM_DEBUG_CONTROL, POSSIBLE, fact, ".bugcheck")


def named_by_code(facts: Facts) -> Iterator[Claim]:
    """Some codes name who asked: power button, hotkey, cluster, storport, Driver Verifier."""
    kind = find_origin(facts.bug_check) if facts.bug_check else None
    if kind is None or facts.bug_check is None:
        return
    yield Claim(kind, LIKELY, f"code {_code_text(facts)} stands for it", ".bugcheck")
    frame = _reporting_frame(facts)
    if frame:
        yield Claim(kind, CERTAIN, f"written by Windows itself: {frame.call_site} is on the stack", "k")


def error_reporting(facts: Facts) -> Iterator[Claim]:
    """Any other live dump code is Windows Error Reporting on behalf of the component that the code belongs to."""
    if _is_plain(facts) or _is_task_manager(facts) or (facts.bug_check and find_origin(facts.bug_check)):
        return
    known, frame = find_live_code(facts.bug_check.code) if facts.bug_check else None, _reporting_frame(facts)
    title = f"{TITLES[OriginKind.WINDOWS_ERROR_REPORTING]} for {known.component}" if known else None
    if known and known.code != LIVE_SYSTEM_DUMP:
        fact = f"code {_code_text(facts)} belongs to {known.component}"
        yield Claim(OriginKind.WINDOWS_ERROR_REPORTING, LIKELY, fact, ".bugcheck", title)
    if frame:
        confidence = CERTAIN if known else LIKELY
        fact = f"written by Windows Error Reporting: {frame.call_site} is on the stack"
        yield Claim(OriginKind.WINDOWS_ERROR_REPORTING, confidence, fact, "k", title)
    if frame and facts.reporter:
        fact = f"first frame outside of the capture machinery: {facts.reporter.call_site}"
        yield Claim(OriginKind.WINDOWS_ERROR_REPORTING, LIKELY, fact, "k")


RULES: tuple[Rule, ...] = (
    task_manager_parameter,
    task_manager_process,
    task_manager_stack,
    storage_diagnostics_frame,
    storage_diagnostics_process,
    known_tool,
    named_by_code,
    error_reporting,
    system_debug_control,
    zero_code,
)
"""Asked in this order; of equally strong claims the earlier wins, so the general ones stand last."""


def _is_task_manager(facts: Facts) -> bool:
    check = facts.bug_check
    return check is not None and check.code == LIVE_SYSTEM_DUMP and check.parameters[0] == TASK_MANAGER_PARAMETER


def _is_null_request(facts: Facts) -> bool:
    check = facts.bug_check
    return check is not None and check.code == LIVE_SYSTEM_DUMP and check.parameters[0] == 0


def _is_plain(facts: Facts) -> bool:
    check = facts.bug_check
    return check is not None and check.code in {0, LIVE_SYSTEM_DUMP} and check.all_zero


def _is_known(process_name: str) -> bool:
    # A service host says nothing of who asked; the storage provider may live in one.
    return process_name.lower() == "svchost.exe" or find_known_process(process_name) is not None


def _reporting_frame(facts: Facts) -> Frame | None:
    names = (("nt", "DbgkWer"), ("nt", "DbgkpWer"), ("watchdog", "WdDbg"), ("watchdog", "WdpDbg"))
    return next((frame for module, symbol in names if (frame := facts.find_frame(module, symbol))), None)


def _code_text(facts: Facts) -> str:
    assert facts.bug_check is not None  # noqa: S101 - callers looked
    known = find_live_code(facts.bug_check.code)
    return f"{facts.bug_check.code:#x} {known.name}" if known else f"{facts.bug_check.code:#x}"
