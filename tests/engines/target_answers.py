"""What an engine's target says of types, names and structures, as JSON. The same script runs on Linux and on Windows.

Usage: target_answers.py ENGINE DUMP SYMBOLS
"""

from __future__ import annotations

import json
import sys
from typing import Any, Callable

from livedump.engines.choose import open_engine
from livedump.kernel.kernel import Kernel
from livedump.kernel.linked_list import walk_list
from livedump.kernel.structure import Declared, Structure
from livedump.kernel.tasks import EProcess, EThread, KPrcb, SharedData
from livedump.model.errors import DumpError
from livedump.model.layout import Layout

TYPES = (
    "_KPRCB", "_ETHREAD", "_KTHREAD", "_EPROCESS", "_KPROCESS", "_KWAIT_BLOCK", "_ERESOURCE", "_KLOCK_ENTRY", "_IRP",
    "_IRP.Tail", "_IRP.Tail.Overlay", "_HANDLE_TABLE_ENTRY", "_POOL_TRACKER_TABLE", "_KUSER_SHARED_DATA",
    "_EX_WORK_QUEUE", "_NOT_THERE", "_KTHREAD_STATE",
)  # fmt: skip
SYMBOLS = ("PsActiveProcessHead", "KiProcessorBlock", "PsLoadedModuleList", "KeMaximumIncrement", "NotThere")
MAX_OF_A_KIND = 40


def answers(engine_name: str, path: str, symbols: str) -> dict[str, Any]:
    """Layouts, addresses, and every declared member of some structures."""
    engine: Any = open_engine(path, engine_name, symbols)
    try:
        kernel: Kernel = engine._kernel
        target = kernel._target
        said: dict[str, Any] = {}
        for name in TYPES:
            said[f"layout {name}"] = _or_error(lambda name: _lines(target.layout(name)), name)
        said.update({name: _or_error(target.address_of, name) for name in SYMBOLS})
        for structure in _structures(kernel):
            said[repr(structure)] = _members(structure)
        said["pages held"] = target.tally_pages(kernel.kernel_base or 0, 0x40000).present
        return said
    finally:
        engine.close()


def _structures(kernel: Kernel) -> list[Structure]:
    memory = kernel.memory
    found: list[Structure] = [SharedData(memory, 0xFFFFF78000000000)]
    found += [KPrcb(memory, processor.prcb) for processor in kernel.processors]
    for process in list(kernel.processes)[:MAX_OF_A_KIND]:
        eprocess = EProcess(memory, process.address or 0)
        found.append(eprocess)
        threads = walk_list(memory, eprocess.address_of("ThreadListHead"), MAX_OF_A_KIND)
        found += [EThread.around(memory, entry, "ThreadListEntry") for entry in threads.entries[:3]]
    return found


def _members(structure: Structure) -> dict[str, Any]:
    declared = [name for name, each in vars(type(structure)).items() if isinstance(each, Declared)]
    return {name: _shown(getattr(structure, name)) for name in declared}


def _shown(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_shown(each) for each in value]
    return repr(value) if isinstance(value, Structure) else value if isinstance(value, (int, str)) else str(value)


def _lines(layout: Layout) -> list[Any]:
    members = [[each.offset, each.name, str(each.type), each.first_bit, each.bits] for each in layout.members]
    return [layout.size, *sorted(members, key=str)]


def _or_error(ask: Callable[[str], Any], name: str) -> Any:
    try:
        return ask(name)
    except DumpError:
        return "error"


if __name__ == "__main__":
    print(json.dumps(answers(*sys.argv[1:4])))
