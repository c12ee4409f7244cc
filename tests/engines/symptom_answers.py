"""What an engine's passes over the kernel say, and what is made of it, as JSON. The same script runs on Linux and on
Windows.

Usage: symptom_answers.py ENGINE DUMP SYMBOLS [DUMP SYMBOLS ...]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from livedump.analysis.symptoms.examining import judge
from livedump.analysis.symptoms.gathering import gather
from livedump.analysis.symptoms.scene import Scene
from livedump.analysis.triage import triage
from livedump.engines.choose import open_engine
from livedump.model.errors import DumpError
from livedump.model.listing import Listing


def answers(engine_name: str, path: str, symbols: str) -> dict[str, Any]:
    """Each record of each pass, the stacks of threads, and the analyses with their findings; records as Python shows
    them, so that no field is left out.
    """
    engine = open_engine(path, engine_name, symbols)
    try:
        scene = gather(engine, triage(engine).live, lambda: True)
        said: dict[str, Any] = {}
        for name in ("waits", "requests", "memory"):
            said.update(_parts(name, getattr(scene, name)))
        said.update(_parts("census", scene.census))
        said.update(_parts("symptoms", judge(scene)))
        said["stacks of threads"] = sorted(_stacks(scene))
        return said
    finally:
        engine.close()


def _parts(name: str, record: Any) -> dict[str, Any]:
    if isinstance(record, DumpError):
        return {name: f"error: {record.category}"}
    fields = record._fields if isinstance(record, tuple) else vars(record)  # type: ignore[attr-defined]
    return {f"{name}: {field}": _shown(getattr(record, field)) for field in fields}


def _shown(value: Any) -> Any:
    if isinstance(value, Listing):
        return [*map(repr, value.items), value.problem]
    return list(map(repr, value)) if type(value) is tuple else repr(value)


def _stacks(scene: Scene) -> Iterable[list[Any]]:
    for thread in scene.threads:
        stack = scene.stack_of(thread)
        if stack is not None:
            yield [thread, [[frame.child_sp, frame.instruction, frame.call_site] for frame in stack.frames]]


if __name__ == "__main__":
    chosen, *files = sys.argv[1:]
    print(json.dumps([answers(chosen, *pair) for pair in zip(files[::2], files[1::2])]))
