"""What an engine says of dumps, as JSON on standard output. The same script runs on Linux and on Windows Python.

Usage: answers.py ENGINE DUMP SYMBOLS [DUMP SYMBOLS ...]
"""

from __future__ import annotations

import json
import sys
from typing import Any, Callable

from livedump.analysis.contents import inspect_contents
from livedump.analysis.triage import triage
from livedump.engines.choose import open_engine
from livedump.model.engine import Engine
from livedump.model.errors import DumpError
from livedump.report.sections.stack import format_frame


def answers(name: str, path: str, symbols: str) -> dict[str, Any]:
    """Each question's answer; ``error: ...`` where it raised."""
    try:
        engine = open_engine(path, name, symbols)
    except DumpError as error:
        return {"open": f"error: {error.category}"}
    try:
        return questioned(engine)
    finally:
        engine.close()


def questioned(engine: Engine) -> dict[str, Any]:
    """Each question's answer; ``error: ...`` where it raised."""
    return {question: _answered(ask, engine) for question, ask in QUESTIONS.items()}


def _answered(ask: Callable[[Engine], Any], engine: Engine) -> Any:
    try:
        return ask(engine)
    except DumpError as error:
        return f"error: {error.category}"


def _dump(engine: Engine) -> Any:
    dump = engine.dump()
    # The debugger prints milliseconds.
    captured = dump.captured_at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] if dump.captured_at else None
    uptime = int(dump.uptime.total_seconds() * 1000) if dump.uptime is not None else None
    return [dump.type, dump.machine, dump.attributes, captured, uptime, dump.directory_table_base]


def _system(engine: Engine) -> Any:
    system = engine.system()
    return [system.build, system.build_lab, system.processors, system.product, system.kernel_base]


def _modules(engine: Engine) -> Any:
    return sorted([m.base, m.size, m.name, m.timestamp, m.user] for m in engine.modules())


def _stack(engine: Engine) -> Any:
    stack = engine.stack()
    return [[f.child_sp, f.return_address, f.instruction, f.call_site] for f in stack.frames]


def _stacks(engine: Engine) -> Any:
    return [list(map(format_frame, engine.stack(processor.number).frames)) for processor in engine.processors()]


def _processors(engine: Engine) -> Any:
    return [[p.number, p.prcb, p.current_thread, p.idle_thread] for p in engine.processors()]


def _verdict(engine: Engine) -> Any:
    report = triage(engine)
    assert report.origin is not None
    roles = [frame.role and frame.role.value for frame in report.stack.frames] if report.stack else []
    return [report.live, report.scope.value, report.origin.kind.value, report.origin.confidence.value, roles]


QUESTIONS: dict[str, Callable[[Engine], Any]] = {
    "bug_check": lambda engine: list(engine.bug_check()[:1] + engine.bug_check().parameters),
    "dump": _dump,
    "system": _system,
    "process": lambda engine: list(engine.requesting_process()),
    "processes": lambda engine: [list(process) for process in engine.processes()],
    "modules": _modules,
    "unloaded": lambda engine: [list(module) for module in engine.unloaded_modules()],
    "processors": _processors,
    "user_pages": lambda engine: engine.holds_user_pages(),
    "stack": _stack,
    "stacks": _stacks,
    "verdict": _verdict,
    "contents": lambda engine: [
        [holding.structure.value, holding.address, holding.tally.present if holding.tally else None]
        for holding in inspect_contents(engine).holdings
    ],
}


if __name__ == "__main__":
    engine_name, *files = sys.argv[1:]
    print(json.dumps([answers(engine_name, *pair) for pair in zip(files[::2], files[1::2])]))
