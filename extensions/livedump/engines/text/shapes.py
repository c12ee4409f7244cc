"""Lines of debugger text that are known by their shape alone: what begins a line, and rows of stacks."""

from __future__ import annotations

import re

from livedump.engines.text.lines import ADDRESS

KEYS = (
    "ANALYSIS_SESSION_HOST", "ANALYSIS_SESSION_TIME", "ANALYSIS_VERSION", "Arg1", "Arg2", "Arg3", "Arg4", "Arguments",
    "BLACKBOXBSD", "BUCKET_ID", "BUGCHECK_CODE", "BUGCHECK_P1", "BUGCHECK_P2", "BUGCHECK_P3", "BUGCHECK_P4",
    "BUGCHECK_STR", "BUILD_VERSION_STRING", "BUILDLAB_STR", "CPU_COUNT", "CPU_FAMILY", "CPU_MHZ", "CPU_MODEL",
    "CPU_STEPPING", "CPU_VENDOR", "CURRENT_IRQL", "CUSTOMER_CRASH_COUNT", "DEBUG_FLR_IMAGE_TIMESTAMP",
    "DEFAULT_BUCKET_ID", "DISK_HARDWARE_ERROR", "DUMP_CLASS", "DUMP_FILE_ATTRIBUTES", "DUMP_QUALIFIER", "DUMP_TYPE",
    "ERROR_CODE", "EXCEPTION_CODE", "EXCEPTION_PARAMETER1", "EXCEPTION_RECORD", "FAILURE_BUCKET_ID",
    "FAILURE_ID_HASH", "FAILURE_ID_HASH_STRING", "FAULTING_IP", "FAULTING_MODULE", "FAULTING_THREAD", "FILE_IN_CAB",
    "FOLLOWUP_IP", "FOLLOWUP_NAME", "IMAGE_NAME", "IMAGE_VERSION", "KEY_VALUES_STRING", "LAST_CONTROL_TRANSFER",
    "MODULE_NAME", "OSBUILD", "OSNAME", "OSPLATFORM_TYPE", "OS_VERSION", "PRIMARY_PROBLEM_CLASS", "PROBLEM_CLASSES",
    "PROCESS_NAME", "READ_ADDRESS", "STACK_COMMAND", "STACK_TEXT", "SYMBOL_NAME", "SYMBOL_STACK_INDEX",
    "TARGET_TIME", "THREAD_SHA1_HASH_MOD", "TRAP_FRAME", "WRITE_ADDRESS",
)  # fmt: skip
"""Names before a colon that begin a line in ``!analyze``."""
_PHRASES = (
    r"Loading Dump File \[", r"Mini Kernel Dump File:", r"Kernel (?:Bitmap|Summary|Complete|Range) Dump File:",
    r"Symbol search path is:", r"Executable search path is:", r"Windows [\w. ]{1,20} Kernel Version \d", r"Product: \w",
    r"Built by: ", r"Edition build lab: ", r"Machine Name:", r"Kernel base = 0x", r"Debug session time: ",
    r"System Uptime: ", r"Loading (?:Kernel|User) Symbols", r"Loading unloaded module list", r"Use !analyze -v",
    r"BugCheck [0-9A-Fa-f]{1,8}, \{", r"Probably caused by ?:", r"Followup: ", r"Debugging Details:",
    r"Bugcheck code [0-9A-Fa-f]{8}\b", r"Key  :", r"Value: ", r"\d{0,3}: kd> ", r"For analysis of this file",
    r"Microsoft \(R\) Windows Debugger Version", r"Implicit thread is now",
)  # fmt: skip
HEADING = r"[A-Z][A-Z0-9]{1,30}(?:_[A-Z0-9]{1,30}){1,10} \([0-9a-fA-F]{1,8}\)(?=\s|$)"
"""Name and code of a bug check, as the debugger explains it."""
ROW_START = rf"(?:[0-9a-fA-F]{{2,3}} )?{ADDRESS} {ADDRESS}\s{{0,8}} : {ADDRESS} {ADDRESS} {ADDRESS} {ADDRESS} : "
"""A stack's row with arguments, up to the call site."""
SITE = (
    r"(?:[\w.$-]{1,100}![^\s!][^\r\n]{0,1000}|[A-Za-z_][\w.$-]{0,100}\+0x[0-9a-fA-F]{1,8}\b.{0,200}"
    r"|0x[0-9a-fA-F`]{8,17})"
)
"""A call site: ``module!function+0x1``, ``module+0x1`` or an address."""
_ANY_KEY = r"[A-Z][A-Z0-9]{1,20}(?:_[A-Z0-9a-f]{1,20}){1,5} ?:\s"
_BEGINNING = re.compile(
    rf"\s*(?:(?:{'|'.join(KEYS)})\b ?:|{'|'.join(_PHRASES)}|{HEADING}|\*\*\*|-----|[A-Z][A-Z0-9_]{{5,40}}: )"
)
_JOINT = re.compile(
    rf"(?<=\S)[ \t]+(?=(?:(?:{'|'.join(KEYS)}):(?:\s|$)|{'|'.join(_PHRASES)}|{HEADING}|{ROW_START}|{_ANY_KEY}))"
)
_MAYBE_JOINT = re.compile(r"(?<=\S)[ \t]+([A-Z][A-Za-z0-9_]{2,40})(?::| \([0-9a-fA-F]{1,8}\))")
_KEYS = frozenset(KEYS)
_ROW_BEGUN = re.compile(rf"\s*(?:[0-9a-fA-F]{{1,3}}\s+)?{ADDRESS}\s+(?:{ADDRESS}|-{{8}}(?:`-{{8}})?)(?=\s|$)")
_WHOLE_ROW = re.compile(
    rf"\s*(?:[0-9a-fA-F]{{1,3}}\s+)?{ADDRESS}\s+{ADDRESS}(?:\s+:(?:\s+{ADDRESS}){{1,4}}\s+:)?(?:\s+{ADDRESS}){{0,4}}\s+{SITE}"
)
_ROW_REST = re.compile(rf"\s*(?::\s*)?(?:{ADDRESS}(?:\s+|$))*(?::\s*)?(?:{SITE})?\s*$")


def begins_a_line(line: str) -> bool:
    """Whether what stands there is known to begin a line, so that it is no rest of the one before."""
    return bool(_BEGINNING.match(line))


def joined_parts(line: str) -> list[str]:
    """What ran together on the line, as lines; the line alone where nothing did."""
    rows = line.count(" : ") > 2
    joints = sum(map(_is_joint, _MAYBE_JOINT.finditer(line))) if ":" in line or "(" in line else 0
    if not rows and (not joints or (joints < 2 and not begins_a_line(line))):
        return [line]
    return _JOINT.split(line)


def _is_joint(found: re.Match[str]) -> bool:
    word = found.group(1)
    return word in _KEYS or (word.isupper() and "_" in word and not found.group().endswith(":"))


def is_row_begun(line: str) -> bool:
    """Whether the line is the beginning of a stack's row that ends on a later line: two addresses and no call site."""
    return bool(_ROW_BEGUN.match(line)) and not _WHOLE_ROW.match(line)


def is_whole_row(line: str) -> bool:
    """Whether the line is a stack's row with its call site."""
    return bool(_WHOLE_ROW.match(line))


def is_row_rest(line: str) -> bool:
    """Whether the line could be what is missing of a stack's row: arguments, the call site, or both."""
    return bool(line.strip()) and bool(_ROW_REST.match(line))
