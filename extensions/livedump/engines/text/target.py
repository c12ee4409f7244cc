"""The target in debugger text: the banner of a loaded dump, vertarget, ``||`` and .dumpdebug."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from livedump.engines.text.lines import find_value, parse_hex, parse_prompt
from livedump.model.addresses import PAGE_SIZE
from livedump.model.bug_check import BugCheck
from livedump.model.dump import System
from livedump.model.machines import MACHINES, MAX_PROCESSORS
from livedump.model.saved_again import signs_of_a_debugger

_VERSION = " Kernel Version "
_VERSION_TAIL = re.compile(r"(\d{1,6})(?: \(.{0,60}\))? (?:UP|MP \((\d{1,5}) procs\)) (Free|Checked) (.{1,40})$")
_BASE = re.compile(r"Kernel base = (?:0x)?([0-9a-fA-F`]{8,17}) PsLoadedModuleList")
_BUILD_LAB = re.compile(r"\d{1,6}\.\d{1,6}\.\w{2,20}\.\w{2,60}\.\d{6}-\d{4}$")
_TIME = re.compile(
    r"\w{3} (\w{3}) {1,2}(\d{1,2}) (\d\d?):(\d\d):(\d\d)\.(\d{3}) (\d{4}) \(UTC ([+-]) (\d{1,2}):(\d\d)\)$"
)
_ISO_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{3})Z$")
_UPTIME = re.compile(r"(\d{1,7}) days? (\d\d?):(\d\d):(\d\d)\.(\d{3})$")
_HEADER_VALUE = re.compile(r"([A-Z][A-Za-z0-9]{2,30})\s{1,30}([0-9a-fA-F`]{1,17})\s*$")
_LOADED = "Loading Dump File ["
_LOADED_PLAINLY = "Loading dump file "
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PRODUCTS = {"WinNt": "workstation", "LanManNt": "domain-controller", "Server": "server", "ServerNt": "server"}
_PRODUCT_TYPES = {1: "workstation", 2: "domain-controller", 3: "server"}
_MACHINE_WORDS = (("x64", "x64"), ("x86", "x86"), ("ARM 64", "ARM64"), ("ARM64", "ARM64"), ("ARM", "ARM"))
_KIND_PREFIX = re.compile(r"^\s*(?:-{5} |[.#]?\s{1,4}\d{1,3} )?(?:(?:32|64)[ -]bit )?")
_KINDS = (
    ("Mini Kernel Dump File:", 4), ("Kernel Mini Dump Analysis", 4), ("Kernel triage dump:", 4),
    ("Kernel Summary Dump File:", 2), ("Kernel Summary Dump Analysis", 2), ("Kernel summary dump:", 2),
    ("Kernel Complete Dump File:", 1), ("Kernel Full Dump Analysis", 1), ("Full kernel dump:", 1),
    ("Kernel Bitmap Dump File: Full", 5), ("Kernel Bitmap Dump Analysis - full", 5),
    ("Kernel Bitmap Dump File: Active", 5),
    ("Kernel Bitmap Dump File: Kernel", 6), ("Kernel Bitmap Dump Analysis - Kernel", 6),
    ("Kernel Bitmap Dump File: Partial", 6),
    ("Kernel Range Dump File: Kernel", 8), ("Kernel Range Dump File: Active", 9),
)  # fmt: skip
"""What the debugger calls each DumpType: banner, .dumpdebug, ``||``. ``Kernel bitmap dump:`` may be either 5 or 6."""
_KIND_WORDS = tuple(words for words, _ in _KINDS)
_RANGES = ("Range Dump Analysis", "Kernel range dump:")
"""Of types 8, 9 and 0xA alike; the banner of the last is that of type 1."""
_FULL, _RANGE_FULL = 1, 0xA
_USER_MODE = ("User Mini Dump File", "User Dump File", "Full user dump:", "User Mini Dump", "User mini dump:")
_USER_PROMPT = re.compile(r"\s*\d{1,4}:\d{3}(?::\w{1,8})?>(?!\d{0,4}: ?l?kd>)")
_USER_ANALYSIS = re.compile(r"\*\s+Exception Analysis\s+\*")
_MEX_PATH = re.compile(r"\s*(KernelMode|UserMode) [\w ]{0,40}Dump Path: (\S.{0,400})$")
_OS_BUILD = re.compile(r"(?:10\.0\.|6\.[0-3]\.|OS version:?\s+10_0_)?(\d{4,6})(?:\.|_|\s|$)")
_OS_KEYS = ("OSBUILD:", "BUILD_VERSION_STRING:", "OS_VERSION:", "Edition build lab: ", "Built by: ")
_NO_PEB = "PEB is paged out"
_TRUNCATED = "WARNING: Dump file has been truncated"
_PARTLY = "Partial kernel address space is available"


class DumpHeader(NamedTuple):
    """What .dumpdebug prints of the header. None where it prints nothing: the field was never written."""

    build: int | None
    machine: str | None
    processors: int | None
    product: str | None
    directory_table_base: int | None
    writer_status: int | None
    """How well a debugger could save the dump; nobody else writes it."""
    attributes: int | None
    bug_check: BugCheck | None
    first_page_offset: int | None
    """File offset of the first page of a bitmap dump."""
    page_count: int | None
    """Pages that a bitmap dump promises."""
    file_size: int | None
    """Bytes that the header of a triage dump, or the last page of a full one, asks of the file."""
    has_ranges: bool = False
    """Whether the pages stand in ranges: types 8, 9 and 0xA."""


def parse_dump_type(lines: Sequence[str]) -> int | None:
    """DumpType, as far as the debugger's words for the kind of dump tell it; None where they do not."""
    for line in lines:
        kind = _KIND_PREFIX.sub("", line, count=1) if "ump" in line else ""
        if kind.startswith(_KIND_WORDS):
            number = next(number for words, number in _KINDS if kind.startswith(words))
            return _RANGE_FULL if number == _FULL and has_ranges(lines) else number
    return None


def has_ranges(lines: Sequence[str]) -> bool:
    """Whether the debugger says that the dump's pages stand in ranges, which debuggers alone write."""
    return any(_KIND_PREFIX.sub("", line, count=1).startswith(_RANGES) for line in lines if "ange" in line)


def parse_dump_path(lines: Sequence[str]) -> str | None:
    """The path of the dump as the debugger was given it; None where the text begins after the dump was opened."""
    loaded = find_value(lines, _LOADED)
    if loaded and "]" in loaded:
        return loaded[: loaded.rfind("]")] or None
    mex = next((found for line in lines if "Dump Path: " in line and (found := _MEX_PATH.match(line))), None)
    return mex.group(2).strip() if mex else find_value(lines, _LOADED_PLAINLY)


def is_user_mode(lines: Sequence[str]) -> bool:
    """Whether the text is about a process or a dump of one, not about the kernel."""
    prompts = kernel = False
    for line in lines:
        if "ser" in line[:60] and (any(words in line[:60] for words in _USER_MODE) or line.startswith("UserMode ")):
            return True
        kernel = kernel or parse_prompt(line) is not None or "Bugcheck Analysis" in line
        prompts = prompts or bool(":" in line[:5] and _USER_PROMPT.match(line))
        prompts = prompts or bool("Exception" in line and _USER_ANALYSIS.match(line))
    return prompts and not kernel


def is_truncated(lines: Sequence[str]) -> bool:
    """Whether the debugger says that the file ends before its data does."""
    return any(line.startswith(_TRUNCATED) for line in lines)


def is_partial(lines: Sequence[str]) -> bool:
    """Whether the debugger says that not all of the kernel's memory was captured."""
    return any(_PARTLY in line for line in lines)


def is_peb_missing(lines: Sequence[str]) -> bool:
    """Whether the debugger looked for the current process's user-mode modules and found their page missing."""
    return any(line.startswith(_NO_PEB) for line in lines)


def parse_machine(lines: Sequence[str]) -> str | None:
    """The machine from the line of vertarget that names the system's version."""
    words = _version(lines)[3]
    return next((name for start, name in _MACHINE_WORDS if words and words.startswith(start)), None)


def parse_system(lines: Sequence[str]) -> System | None:
    """What vertarget and the banner say of the machine; None where the text holds none of it."""
    build, processors, free, _ = _version(lines)
    base = _kernel_base(lines)
    lab = _build_lab(lines)
    product = (find_value(lines, "Product: ") or "").partition(",")[0].strip()
    listed = build if build is not None else _listed_build(lines)
    if listed is None and base is None and lab is None:
        return None
    return System(
        build=listed,
        build_lab=lab,
        processors=processors,
        product=_PRODUCTS.get(product),
        kernel_base=base,
        free_build=free,
    )


def parse_captured_at(lines: Sequence[str]) -> datetime | None:
    """When the dump was taken: aware, UTC. The debugger prints its own local time and how far that is from UTC."""
    session = _TIME.match(find_value(lines, "Debug session time: ") or "")
    if session:
        month, day, hour, minute, second, milliseconds, year, sign, *offset = session.groups()
        number = _MONTHS.index(month) + 1 if month in _MONTHS else 0
        moment = _moment((year, number, day, hour, minute, second, milliseconds))
        ahead = timedelta(hours=int(offset[0]), minutes=int(offset[1]))
        return _shifted(moment, -ahead if sign == "+" else ahead)
    target = _ISO_TIME.match(find_value(lines, "TARGET_TIME:") or "")
    return _moment(target.groups()) if target else None


def parse_uptime(lines: Sequence[str]) -> timedelta | None:
    """How long the system had been up; None where the debugger says ``not available``."""
    found = _UPTIME.match(find_value(lines, "System Uptime: ") or "")
    if not found:
        return None
    days, hours, minutes, seconds, milliseconds = map(int, found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds)


def parse_dump_header(lines: Sequence[str]) -> DumpHeader | None:
    """The header's fields as .dumpdebug prints them; None where the text holds no such listing."""
    values = dict(_header_values(lines))
    if not values:
        return None
    return DumpHeader(
        build=values.get("MinorVersion"),
        machine=MACHINES.get(values.get("MachineImageType", 0)),
        processors=values.get("NumberProcessors"),
        product=_PRODUCT_TYPES.get(values.get("ProductType", 0)),
        directory_table_base=values.get("DirectoryTableBase"),
        writer_status=values.get("WriterStatus"),
        attributes=values.get("Attributes"),
        bug_check=_listed_bug_check(values),
        first_page_offset=values.get("HeaderSize"),
        page_count=values.get("Pages"),
        file_size=_file_size(lines),
        has_ranges=has_ranges(lines),
    )


def with_ranges(dump_type: int | None, header: DumpHeader | None) -> int | None:
    """The type that the banner tells, told apart by the listing of the header from one with the same banner."""
    return _RANGE_FULL if dump_type == _FULL and header is not None and header.has_ranges else dump_type


def saved_again(dump_type: int | None, header: DumpHeader | None) -> tuple[str, ...] | None:
    """How it shows that a debugger wrote the dump; None where the text holds no header."""
    if header is None:
        return None
    return tuple(signs_of_a_debugger(dump_type, header.writer_status, header.attributes))


def _file_size(lines: Sequence[str]) -> int | None:
    triage = parse_hex(find_value(lines, "SizeOfDump ") or "")
    if triage is not None or parse_dump_type(lines) != _FULL:
        return triage
    last = parse_hex((find_value(lines, "Last Page: ") or "").partition(" ")[0])
    return None if last is None else last + PAGE_SIZE


def parse_processor_blocks(lines: Sequence[str]) -> tuple[int, ...]:
    """The addresses of the PRCBs by processor number, as .dumpdebug lists them; empty where it found none."""
    at = next((at for at, line in enumerate(lines) if line.endswith("KiProcessorBlock entries:")), len(lines))
    blocks: list[int] = []
    for line in lines[at + 1 : at + 1 + MAX_PROCESSORS]:
        found = [parse_hex(word) for word in line.split()]
        if not found or None in found:
            break
        blocks += [value for value in found if value]
    return tuple(blocks)


def _header_values(lines: Sequence[str]) -> Iterator[tuple[str, int]]:
    listing = False
    for line in lines:
        if line.startswith(("DUMP_HEADER64:", "DUMP_HEADER32:")):
            listing = True
        elif listing and (parse_prompt(line) or line.startswith("TRIAGE_DUMP")):
            return
        found = _HEADER_VALUE.match(line) if listing else None
        value = parse_hex(found.group(2)) if found else None
        if found and value is not None:
            yield found.group(1), value


def _listed_bug_check(values: Mapping[str, int]) -> BugCheck | None:
    parameters = [values.get(f"BugCheckParameter{number}") for number in range(1, 5)]
    first, second, third, fourth = parameters
    if "BugCheckCode" not in values or first is None or second is None or third is None or fourth is None:
        return None
    return BugCheck(values["BugCheckCode"], (first, second, third, fourth))


def _version(lines: Sequence[str]) -> tuple[int | None, int | None, bool | None, str | None]:
    # Build, processors, whether the build is a free one, machine.
    for line in lines:
        at = line.find(_VERSION)
        found = _VERSION_TAIL.match(line[at + len(_VERSION) :]) if at >= 0 else None
        if found:
            build, processors, kind, machine = found.groups()
            return int(build), int(processors or 1), kind == "Free", machine
    return None, None, None, None


def _kernel_base(lines: Sequence[str]) -> int | None:
    for line in lines:
        found = _BASE.match(line)
        if found:
            return parse_hex(found.group(1)) or None  # 0 where the debugger could not find the kernel
    return None


def _build_lab(lines: Sequence[str]) -> str | None:
    keys = ("Built by: ", "Edition build lab: ", "BUILD_VERSION_STRING:")
    values = (find_value(lines, key) for key in keys)
    return next((value for value in values if value and _BUILD_LAB.match(value)), None)


def _listed_build(lines: Sequence[str]) -> int | None:
    values = (find_value(lines, key) for key in _OS_KEYS)
    found = map(_OS_BUILD.match, filter(None, values))
    return next((int(each.group(1)) for each in found if each), None)


def _moment(parts: Iterable[int | str]) -> datetime | None:
    # Year, month, day, hour, minute, second, milliseconds.
    year, month, day, hour, minute, second, milliseconds = map(int, parts)
    try:
        return datetime(year, month, day, hour, minute, second, milliseconds * 1000, tzinfo=timezone.utc)
    except ValueError:  # no such day
        return None


def _shifted(moment: datetime | None, by: timedelta) -> datetime | None:
    try:
        return moment + by if moment is not None else None
    except OverflowError:  # before the year 1
        return None
