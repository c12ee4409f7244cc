"""The rules on who took a live dump, in the order in which they are asked.

A rule is a function of the facts that yields claims; its name is what the report shows, its docstring is its manual.
Code and parameters of a live dump are free text of the caller, and so is the name of a process: each alone never makes
a verdict certain. What contradicts a verdict is always said, and so is what could not be asked and might have done so.
"""

from __future__ import annotations

from collections.abc import Iterator

from livedump.analysis.facts import TASK_MANAGER_PARAMETER, Facts
from livedump.analysis.origin import TITLES, Bearing, Claim, Rule, Source
from livedump.model.addresses import format_address
from livedump.model.dump import DumpKind
from livedump.model.findings import Confidence, OriginKind
from livedump.model.frames import Frame
from livedump.model.outside import LIVE_SYSTEM_DUMP
from livedump.reference.codes import find_live_code
from livedump.reference.origins import find_origin
from livedump.reference.processes import find_known_process

CERTAIN, LIKELY, POSSIBLE = Confidence.CERTAIN, Confidence.LIKELY, Confidence.POSSIBLE
AGAINST, OPEN = Bearing.AGAINST, Bearing.OPEN

ELF2DMP_COMMENT = "Hello from elf2dmp!"
_CAPTURE_METHOD = "CLogCollectionServer::CaptureLiveDump"
_REQUEST = "NtSystemDebugControl"
_TOOLS = (OriginKind.LIVEKD_OR_SYSTEM_INFORMER, OriginKind.SYSTEM_DEBUG_CONTROL)
_PROCESS_CHECK = "!process -1 0"


def task_manager_parameter(facts: Facts) -> Iterator[Claim]:
    """0x161 with the text Taskmgr in parameter 1 is what Task Manager passes."""
    if _is_task_manager(facts):
        value = format_address(TASK_MANAGER_PARAMETER)
        fact = f"code 0x161 and parameter 1 = {value}, the text 'Taskmgr'"
        yield Claim(OriginKind.TASK_MANAGER, CERTAIN, fact, f".bugcheck; .formats {value}")
        yield from _written_by_windows(facts, OriginKind.TASK_MANAGER)


def task_manager_process(facts: Facts) -> Iterator[Claim]:
    """The requesting process supports or contradicts the parameter, which any caller can forge."""
    kind = OriginKind.TASK_MANAGER
    if not _is_task_manager(facts):
        return
    if facts.process_name is None:
        fact = "the requesting process is not known: nothing but parameter 1, which can be forged, names Task Manager"
        yield _open(kind, fact, _PROCESS_CHECK, Source.PROCESS)
    elif facts.process_name.lower() == "taskmgr.exe":
        yield Claim(kind, LIKELY, "the requesting process is Taskmgr.exe", _PROCESS_CHECK, Source.PROCESS)
    else:
        fact = f"the requesting process is {facts.process_name}, not Taskmgr.exe: parameter 1 can be forged"
        yield _against(kind, fact, _PROCESS_CHECK, Source.PROCESS)
    yield from _traces(facts, kind)


def task_manager_stack(facts: Facts) -> Iterator[Claim]:
    """Task Manager asks through NtSystemDebugControl, so a stack with names shows that call."""
    if _is_task_manager(facts):
        yield from _request_on_stack(facts, OriginKind.TASK_MANAGER, "Task Manager asks")


def storage_diagnostics_frame(facts: Facts) -> Iterator[Claim]:
    """0x161, parameter 1 null and the storage provider's CaptureLiveDump on the stack: the PowerShell cmdlet."""
    kind = OriginKind.POWERSHELL_STORAGE_DIAGNOSTICS
    frame = facts.find_frame("mispace", _CAPTURE_METHOD) or facts.find_frame("mispace")
    if not _is_null_request(facts) or frame is None:
        return
    named = (frame.symbol or "").startswith(_CAPTURE_METHOD)
    fact = f"code 0x161, parameter 1 null and {frame.call_site} on the stack"
    doubt = "" if named else " (no symbol names the function)"
    yield Claim(kind, CERTAIN if named else LIKELY, fact + doubt, ".bugcheck; k", Source.STACK)
    yield from _request_on_stack(facts, kind, "the storage provider asks")


def storage_diagnostics_process(facts: Facts) -> Iterator[Claim]:
    """The process that hosts the storage provider: beside the frame it must be one; alone it is a hint.

    Parameter 1 null alone is none.
    """
    kind = OriginKind.POWERSHELL_STORAGE_DIAGNOSTICS
    framed = facts.find_frame("mispace") is not None
    if not _is_null_request(facts):
        return
    if facts.process_name is None:
        if framed:
            fact = "the requesting process is not known: whether it can host the storage management provider neither"
            yield _open(kind, fact, _PROCESS_CHECK, Source.PROCESS)
        return
    known = find_known_process(facts.process_name)
    if known and known.origin is kind:
        fact = f"the requesting process is {facts.process_name}, the host of the storage management provider"
        yield Claim(kind, LIKELY if framed else POSSIBLE, fact, _PROCESS_CHECK, Source.PROCESS)
        if not framed:
            fact = "no frame of the storage management provider is known on the stack"
            yield _open(kind, fact, "k", Source.STACK)
    elif framed and facts.process_name.lower() == "svchost.exe":
        fact = f"the requesting process is {facts.process_name}, which may host the storage management provider"
        yield Claim(kind, POSSIBLE, fact, _PROCESS_CHECK, Source.PROCESS)
    elif framed:
        fact = f"the requesting process is {facts.process_name}, no host of the storage management provider"
        yield _against(kind, fact, _PROCESS_CHECK, Source.PROCESS)
    if framed:
        yield from _traces(facts, kind)


def known_tool(facts: Facts) -> Iterator[Claim]:
    """A requesting process that is known to take live dumps names the tool when code and parameters are plain."""
    known = find_known_process(facts.process_name) if facts.process_name else None
    if known is None or known.origin not in _TOOLS or not _is_plain(facts) or _is_not_windows_own(facts):
        return
    zero = facts.bug_check is not None and facts.bug_check.code == 0
    code = "code and parameters are zero, as the tool leaves them" if zero else "code 0x161 with null parameters"
    fact = f"the requesting process is {facts.process_name}"
    yield Claim(known.origin, CERTAIN if zero else LIKELY, fact, _PROCESS_CHECK, Source.PROCESS, known.tool)
    yield Claim(known.origin, POSSIBLE, code, ".bugcheck")
    yield from _request_on_stack(facts, known.origin, "the tool asks")
    yield from _traces(facts, known.origin)


def zero_code(facts: Facts) -> Iterator[Claim]:
    """Code and parameters at zero are what LiveKd and System Informer leave: a request, not an unknown failure."""
    if facts.bug_check is not None and facts.bug_check.code == 0 and _is_plain(facts):
        fact = "code and all parameters are zero: the caller asked for a dump and gave no reason"
        yield Claim(OriginKind.LIVEKD_OR_SYSTEM_INFORMER, POSSIBLE, fact, ".bugcheck")
        if facts.process_name is None:
            fact = "the requesting process is not known"
            yield _open(OriginKind.LIVEKD_OR_SYSTEM_INFORMER, fact, _PROCESS_CHECK, Source.PROCESS)


def system_debug_control(facts: Facts) -> Iterator[Claim]:
    """Any other program that asks through NtSystemDebugControl is named by its process, if that is known.

    Such a program may pass any code: the call on the stack outweighs it.
    """
    kind, frame = OriginKind.SYSTEM_DEBUG_CONTROL, facts.find_frame("nt", _REQUEST)
    asked = facts.bug_check is None or facts.bug_check.code in {0, LIVE_SYSTEM_DUMP}
    provider = facts.find_frame("mispace") is not None and _is_null_request(facts)
    if provider or _is_not_windows_own(facts) or not (asked or frame):
        return
    unknown = facts.process_name if facts.process_name and not _is_known(facts.process_name) else None
    title = f"{unknown} through NtSystemDebugControl" if unknown else None
    if unknown and facts.bug_check and not _is_task_manager(facts):
        fact = f"the requesting process is {unknown}, not a tool that is known to take live dumps"
        yield Claim(kind, LIKELY, fact, _PROCESS_CHECK, Source.PROCESS, title)
        yield from _traces(facts, kind)
    if frame:
        confidence = POSSIBLE if asked else LIKELY
        yield Claim(kind, confidence, f"requested through {frame.call_site}", "k", Source.STACK, title)
    elif not _is_task_manager(facts):
        yield from _request_on_stack(facts, kind, "a program asks")
    if facts.bug_check is None or None in facts.bug_check.parameters:
        fact = "code and parameters, which might name somebody else, are not all known"
        yield _open(kind, fact, ".bugcheck", Source.CODE)
    if facts.process_name is None:
        yield _open(kind, "the requesting process is not known", _PROCESS_CHECK, Source.PROCESS)
    if not asked:
        fact = f"code {_code_text(facts)} is no request; the caller may pass any code"
        yield _against(kind, fact, ".bugcheck", Source.CODE)
    elif not frame and _is_null_request(facts):
        fact = "code 0x161 with parameter 1 null, which several callers use: alone it names none"
        yield Claim(kind, POSSIBLE, fact, ".bugcheck")
    elif not frame and facts.bug_check and not _is_plain(facts) and not _is_task_manager(facts):
        known = any(facts.bug_check.parameters)
        whose = "parameters of the caller's own" if known else "parameters that are not all known"
        fact = f"code {_code_text(facts)} with {whose}: a request, and no report of Windows"
        yield Claim(kind, POSSIBLE, fact, ".bugcheck")


def named_by_code(facts: Facts) -> Iterator[Claim]:
    """Some codes name who asked: power button, hotkey, cluster, storport, Driver Verifier."""
    kind = find_origin(facts.bug_check) if facts.bug_check else None
    if kind is not None:
        yield Claim(kind, _by_code_alone(facts), f"code {_code_text(facts)} stands for it", ".bugcheck")
        yield from _report_on_stack(facts, kind, "written by Windows itself")
        yield from _written_by_windows(facts, kind)


def error_reporting(facts: Facts) -> Iterator[Claim]:
    """Any other live dump code is Windows Error Reporting on behalf of the component that the code belongs to."""
    kind = OriginKind.WINDOWS_ERROR_REPORTING
    if _is_task_manager(facts) or (facts.bug_check and find_origin(facts.bug_check)):
        return
    known, frame = find_live_code(facts.bug_check.code) if facts.bug_check else None, _reporting_frame(facts)
    reported = known is not None and known.code not in {0, LIVE_SYSTEM_DUMP}
    title = f"{TITLES[kind]} for {known.component}" if known and reported else None
    if known and reported:
        fact = f"code {_code_text(facts)} belongs to {known.component}"
        yield Claim(kind, _by_code_alone(facts), fact, ".bugcheck", title=title)
        yield from _report_on_stack(facts, kind, "written by Windows Error Reporting", title)
        yield from _written_by_windows(facts, kind)
    elif frame:
        fact = f"written by Windows Error Reporting: {frame.call_site} is on the stack"
        yield Claim(kind, LIKELY, fact, "k", Source.STACK)
        if facts.bug_check is None:
            yield _open(kind, "the code, which might be that of a request, is not known", ".bugcheck", Source.CODE)
        elif facts.bug_check.code in {0, LIVE_SYSTEM_DUMP}:
            fact = f"code {_code_text(facts)} is that of a request, which Windows Error Reporting does not pass"
            yield _against(kind, fact, ".bugcheck", Source.CODE)
    if frame and facts.reporter:
        fact = f"first frame outside of the capture machinery: {facts.reporter.call_site}"
        yield Claim(kind, LIKELY, fact, "k", Source.STACK)


def registered_report(facts: Facts) -> Iterator[Claim]:
    """A record in which Windows Error Reporting registers the dump as a report of its own, whatever the code."""
    told, kind = facts.dump.told if facts.dump else None, OriginKind.WINDOWS_ERROR_REPORTING
    if told is not None and told.registered:
        yield Claim(kind, LIKELY, f"{told.source} registered it as LiveKernelEvent", "", Source.HEADER)


def qemu_guest(facts: Facts) -> Iterator[Claim]:
    """QEMU writes 0x161 into a full dump (type 1) of a guest that runs; Windows writes its live dumps as bitmaps.

    A driver in the guest prepares the header, with System's page tables; no thread of the guest asked.
    """
    kind = OriginKind.QEMU_GUEST_DUMP
    if not _is_full(facts) or not facts.from_outside or _is_task_manager(facts):
        return
    if _has_comment(facts) or _is_saved_again_unmarked(facts):
        return
    fact = "a full dump (type 1) with code 0x161: Windows writes its live dumps as bitmaps, QEMU writes them like this"
    yield Claim(kind, CERTAIN, fact, "||; .bugcheck", Source.HEADER)
    yield from _guest_of_qemu(facts, kind)
    if facts.dump and facts.dump.saved_again:
        fact = "a debugger wrote the file, and may have made a full dump of one that Windows took"
        yield _against(kind, fact, ".dumpdebug", Source.HEADER)


def dump_from_outside_saved_again(facts: Facts) -> Iterator[Claim]:
    """What a debugger made of a hypervisor's dump: of one of all memory, or a triage dump without a live dump's mark.

    What QEMU and elf2dmp leave is lost but for the time: elf2dmp writes none, the header of QEMU's has one.
    """
    dump = facts.dump
    if dump is None or not facts.from_outside or not _is_saved_again_unmarked(facts):
        return
    if _is_task_manager(facts) or facts.captures:  # who looks closer sees that Windows took it
        return
    kind, fact = OriginKind.QEMU_GUEST_DUMP, "code 0x161 in what a debugger writes of a dump of all memory alone: "
    fact += "Windows takes no live dump of that, hypervisors do"
    if dump.kind is DumpKind.TRIAGE:
        fact = "code 0x161 without the mark of a live dump, which Windows sets and a debugger keeps in a triage dump"
    if dump.captured_at is None and dump.told is None:
        kind = OriginKind.ELF2DMP
        fact += "; it has no time, as elf2dmp leaves it"
    borne_out = dump.kind is DumpKind.TRIAGE or _find_guest_driver(facts) is not None
    yield Claim(kind, LIKELY if borne_out else POSSIBLE, fact, ".dumpdebug; .bugcheck", Source.HEADER)
    yield from _guest_of_qemu(facts, kind)


def _find_guest_driver(facts: Facts) -> str | None:
    from livedump.reference.guest_drivers import is_guest_driver  # noqa: PLC0415 - few dumps are from outside

    return next((module.name for module in facts.modules or () if is_guest_driver(module.name)), None)


def _guest_of_qemu(facts: Facts, kind: OriginKind) -> Iterator[Claim]:
    driver = _find_guest_driver(facts)
    if driver:
        yield Claim(kind, LIKELY, f"{driver} is loaded, a driver for guests of QEMU", "lm", Source.MODULES)
    elif facts.modules is None or facts.modules.problem:
        yield _open(kind, "whether a driver for guests of QEMU is loaded is not known", "lm", Source.MODULES)
    else:
        yield _against(kind, "no driver for guests of QEMU is loaded", "lm", Source.MODULES)
    if facts.captures:
        fact = "the capture machinery of Windows is on the stack: a dump from outside stops processors anywhere"
        yield _against(kind, fact, "k", Source.STACK)
    elif not facts.has_symbols:
        fact = f"{_why_no_stack(facts)}: whether the capture machinery of Windows is on it is not known"
        yield _open(kind, fact, "k", Source.STACK)


def elf2dmp(facts: Facts) -> Iterator[Claim]:
    """elf2dmp makes a full dump of what a hypervisor saved, signs the comment, and leaves times and attributes zero."""
    if not _has_comment(facts) or facts.dump is None:
        return
    kind = OriginKind.ELF2DMP
    yield Claim(kind, CERTAIN, f"the comment of the header is '{ELF2DMP_COMMENT}'", ".dumpdebug", Source.CODE)
    if _is_full(facts) and facts.dump.captured_at is None and not facts.dump.attributes:
        fact = "a full dump (type 1) without time, uptime and attributes, as elf2dmp leaves them"
        yield Claim(kind, LIKELY, fact, ".dumpdebug", Source.HEADER)
    else:
        yield _against(kind, "time or attributes are there, which elf2dmp does not write", ".dumpdebug", Source.HEADER)


RULES: tuple[Rule, ...] = (
    elf2dmp,
    qemu_guest,
    dump_from_outside_saved_again,
    task_manager_parameter,
    task_manager_process,
    task_manager_stack,
    storage_diagnostics_frame,
    storage_diagnostics_process,
    known_tool,
    named_by_code,
    error_reporting,
    registered_report,
    system_debug_control,
    zero_code,
)
"""Asked in this order; of equally strong claims the earlier wins, so the general ones stand last."""


def _against(kind: OriginKind, fact: str, check: str, source: Source) -> Claim:
    return Claim(kind, LIKELY, fact, check, source, bearing=AGAINST)


def _open(kind: OriginKind, fact: str, check: str, source: Source) -> Claim:
    return Claim(kind, LIKELY, fact, check, source, bearing=OPEN)


def _request_on_stack(facts: Facts, kind: OriginKind, who: str) -> Iterator[Claim]:
    frame = facts.find_frame("nt", _REQUEST)
    through = f"nt!{_REQUEST}, through which {who}"
    if frame:
        yield Claim(kind, LIKELY, f"requested through {frame.call_site}", "k", Source.STACK)
    elif facts.shows_absence:
        yield _against(kind, f"{through}, is not on the stack", "k", Source.STACK)
    else:
        yield _open(kind, f"{_why_no_stack(facts)}: whether {through}, is on it is not known", "k", Source.STACK)


def _report_on_stack(facts: Facts, kind: OriginKind, who: str, title: str | None = None) -> Iterator[Claim]:
    frame, request = _reporting_frame(facts), facts.find_frame("nt", _REQUEST)
    if frame:
        yield Claim(kind, CERTAIN, f"{who}: {frame.call_site} is on the stack", "k", Source.STACK, title)
    elif request:
        yield _against(kind, f"requested through {request.call_site}: a program may pass any code", "k", Source.STACK)
    elif facts.shows_absence:
        yield _against(kind, "no function that writes reports of Windows is on the stack", "k", Source.STACK)
    else:
        fact = f"{_why_no_stack(facts)}: whether Windows itself wrote the report is not known"
        yield _open(kind, fact, "k", Source.STACK)


def _why_no_stack(facts: Facts) -> str:
    if not facts.frames:
        return "there is no stack"
    if not facts.has_symbols:
        return "the stack has no names"
    return "the stack is not all known"


def _traces(facts: Facts, kind: OriginKind) -> Iterator[Claim]:
    if facts.process_name is None or facts.two_requesters is False:
        return
    if facts.two_requesters:
        fact = "the header has the page tables of another process than that of the current thread"
        yield _against(kind, fact, ".dumpdebug; !process -1 0", Source.HEADER)
    else:
        fact = "only one of its two traces, the header's page tables and the current thread, leads to the process"
        yield _open(kind, fact, ".dumpdebug; !process -1 0", Source.HEADER)


def _written_by_windows(facts: Facts, kind: OriginKind) -> Iterator[Claim]:
    if _is_full(facts):
        fact = "a full dump (type 1): Windows writes its live dumps as bitmaps"
        yield _against(kind, fact, "||", Source.HEADER)
    elif facts.from_outside and facts.dump is not None and facts.dump.kind is DumpKind.TRIAGE:
        fact = "a debugger saved the dump again and kept no mark of a live dump, which Windows sets"
        yield _against(kind, fact, ".dumpdebug", Source.HEADER)


def _by_code_alone(facts: Facts) -> Confidence:
    # Where the stack shows who asked, the code is only what was passed.
    passed = facts.find_frame("nt", _REQUEST) is not None and _reporting_frame(facts) is None
    return POSSIBLE if passed else LIKELY


def _is_full(facts: Facts) -> bool:
    return facts.dump is not None and facts.dump.kind is DumpKind.FULL


def _is_not_windows_own(facts: Facts) -> bool:
    # Where the capture is on the stack a header without the mark of a live dump proves nothing.
    return _is_full(facts) or (facts.from_outside and not facts.captures)


def _is_saved_again_unmarked(facts: Facts) -> bool:
    return facts.dump is not None and bool(facts.dump.saved_again) and facts.dump.attributes is None


def _has_comment(facts: Facts) -> bool:
    return facts.dump is not None and facts.dump.comment == ELF2DMP_COMMENT


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
