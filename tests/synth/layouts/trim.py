"""Cuts whole tables of kernel layouts down to what made-up systems use, and fills the gaps of the one that has some.

``python tests/synth/layouts/trim.py FOLDER`` reads ``FOLDER/<build>.json`` and writes the files beside this one.
README.md says where the numbers come from and by which rules gaps are filled.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, cast

HERE = Path(__file__).parent
BUILDS = ("7601", "9600", "14393", "17763", "18362", "19041", "20348", "22000", "26100")
INCOMPLETE, MODEL = "26100", "22000"
"""The build whose table lacks bits, enumerations, anonymous members and symbols, and the one that they come from."""
ROOT_NAMES = """
_LIST_ENTRY _SINGLE_LIST_ENTRY _UNICODE_STRING _CLIENT_ID _GROUP_AFFINITY _KAFFINITY_EX _LARGE_INTEGER _GUID
_KSYSTEM_TIME _RTL_BALANCED_NODE _PROCESSOR_NUMBER _EX_PUSH_LOCK _EX_FAST_REF
_KPCR _KPRCB _KPROCESSOR_STATE _KSPECIAL_REGISTERS _KDESCRIPTOR _CONTEXT _M128A _KTRAP_FRAME _KEXCEPTION_FRAME
_KDPC _KDPC_DATA _KDPC_LIST _KSPIN_LOCK_QUEUE _KSHARED_READY_QUEUE
_KTHREAD _ETHREAD _KAPC_STATE _KWAIT_BLOCK _KTIMER _KSTACK_CONTROL _KERNEL_STACK_CONTROL _KERNEL_STACK_SEGMENT
_KPROCESS _EPROCESS _KSTACK_COUNT _MMSUPPORT _MMSUPPORT_FULL _MMSUPPORT_INSTANCE _SE_AUDIT_PROCESS_CREATION_INFO
_OBJECT_NAME_INFORMATION
_DISPATCHER_HEADER _KEVENT _KMUTANT _KSEMAPHORE _KGATE _KQUEUE _KPRIQUEUE _FAST_MUTEX _KGUARDED_MUTEX
_ERESOURCE _OWNER_ENTRY _KWAIT_CHAIN _KLOCK_ENTRY _KLOCK_ENTRY_LOCK_STATE
_ALPC_PORT _ALPC_COMMUNICATION_INFO _KALPC_MESSAGE _PORT_MESSAGE
_IRP _IRP.Tail _IRP.Tail.Overlay _IO_STATUS_BLOCK _IO_STACK_LOCATION _DEVICE_OBJECT _DEVOBJ_EXTENSION _DRIVER_OBJECT
_FILE_OBJECT _VPB _DEVICE_NODE
_WORK_QUEUE_ITEM _EX_WORK_QUEUE _EPARTITION _EX_PARTITION _ENODE _KNODE
_POOL_HEADER _POOL_TRACKER_TABLE _POOL_TRACKER_BIG_PAGES _POOL_DESCRIPTOR _EX_POOL_HEAP_MANAGER_STATE
_EX_HEAP_POOL_NODE _SEGMENT_HEAP _HEAP_RUNTIME_MEMORY_STATS
_HANDLE_TABLE _HANDLE_TABLE_ENTRY _HANDLE_TABLE_FREE_LIST _OBJECT_HEADER _OBJECT_TYPE _OBJECT_DIRECTORY
_OBJECT_DIRECTORY_ENTRY _OBJECT_HEADER_NAME_INFO
_MI_SYSTEM_INFORMATION _MI_VISIBLE_STATE _MI_POOL_STATE _MM_PAGED_POOL_INFO _MI_SYSTEM_PTE_STATE _MI_SYSTEM_PTE_TYPE
_MI_PARTITION _MI_VISIBLE_PARTITION _MI_PARTITION_COMMIT _MI_PARTITION_PAGE_LISTS _MMPFNLIST
_KUSER_SHARED_DATA _KLDR_DATA_TABLE_ENTRY
"""
ROOTS = ROOT_NAMES.split()
"""Types that are kept with their fields; others that a field holds by value are kept as their size."""
UNUSED = re.compile(r"Fill\d*$|Pad(ding)?\d|Pad\d*[a-z]?$|Spare|Reserved\d|^(Mitigation|Cc|Ex(Acq|Set|Try)|Hgs|Bpb)")


def trimmed(table: dict[str, Any]) -> dict[str, Any]:
    """The table with its declared types only, and of those no field that pads or that nobody asks for."""
    _name_anonymous(table["types"])
    types = {name: _trimmed_type(table["types"][name]) for name in ROOTS if name in table["types"]}
    kept = ("image", "version", "machine", "source")
    return {
        **{key: table[key] for key in kept},
        "globals": sorted(table["globals"]),
        "functions": sorted(table["functions"]),
        "enums": table["enums"],
        "types": types,
    }


def _name_anonymous(types: dict[str, Any]) -> None:
    """Name the types that two tables number (``__anonymous_141e``) after their holder, as the other tables do."""
    waiting = [name for name in types if not name.startswith("__anonymous_")]
    while waiting:
        owner = waiting.pop()
        for field, place in types[owner]["fields"].items():
            if place[1].startswith("__anonymous_") and place[1] in types:
                types[f"{owner}.{field}"] = types[place[1]]
                place[1] = f"{owner}.{field}"
                waiting.append(place[1])


def _trimmed_type(layout: dict[str, Any]) -> dict[str, Any]:
    fields = sorted(layout["fields"].items(), key=lambda item: (item[1][0], item[1][3:]))
    return {**layout, "fields": {name: place for name, place in fields if not UNUSED.search(name)}}


def filled(table: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    """The incomplete table, with what it lacks taken from ``model``; ``filled`` in it says what that was."""
    notes: list[str] = []
    for name, layout in table["types"].items():
        known = model["types"].get(name)
        layout["kind"] = known["kind"] if known else "struct"
        if known:
            _fill_fields(name, layout["fields"], known["fields"], notes)
    for name in ("_IRP.Tail", "_IRP.Tail.Overlay"):
        table["types"][name] = model["types"][name]
        notes.append(name)
    region, block = table["types"]["_KPCR"], table["types"]["_KPRCB"]["size"]
    start = model["types"]["_KPCR"]["fields"]["Prcb"][0]
    region.update(size=start + block, fields={**region["fields"], "Prcb": [start, "_KPRCB", block]})
    notes.append("_KPCR.Prcb")
    table["types"]["_IRP"]["fields"]["Tail"] = model["types"]["_IRP"]["fields"]["Tail"]
    enums = {name: dict(values) for name, values in model["enums"].items()}
    enums["_KWAIT_REASON"].update(WrMdlCache=41, WrRcu=42, MaximumWaitReason=43)
    symbols = {key: model[key] for key in ("globals", "functions")}
    return {**table, **symbols, "enums": enums, "filled": [*notes, "globals", "functions", "enums"]}


def _fill_fields(owner: str, fields: dict[str, Any], known: dict[str, Any], notes: list[str]) -> None:
    for name, place in fields.items():
        other = known.get(name)
        if other is None:
            continue
        if len(other) > 3 and place[2] == other[2]:
            fields[name] = [place[0], *other[1:]]
            notes.append(f"{owner}.{name} bits")
        elif place[1].startswith("ptr") and other[1].startswith("ptr"):
            place[1] = other[1]
    if owner == "_POOL_TRACKER_BIG_PAGES":
        fields["PoolFlags"] = [0xC, "u32", 4, *known["PoolType"][3:]]
        notes.append(f"{owner}.PoolFlags bits")


def table_text(table: dict[str, Any]) -> str:
    """JSON with one field a line, so that two builds can be compared line by line."""
    text = json.dumps(table, indent=0)
    return re.sub(r"\[\n([^\[\]{}]*?)\n\]", lambda match: "[" + match[1].replace("\n", " ") + "]", text) + "\n"


def main(folder: Path) -> None:
    """Write every build's file."""
    tables = {build: cast("dict[str, Any]", json.loads((folder / f"{build}.json").read_text())) for build in BUILDS}
    for build, whole in tables.items():
        table = trimmed(whole)
        if build == INCOMPLETE:
            table = filled(table, trimmed(tables[MODEL]))
        (HERE / f"{build}.json").write_text(table_text(table))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
