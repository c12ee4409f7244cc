"""States what holds for a dump: from the description of its system, and from where things were put."""

from __future__ import annotations

from dataclasses import replace

from tests.synth import writers
from tests.synth.execution import Frame
from tests.synth.machine import Machine
from tests.synth.memory import PAGE
from tests.synth.spec import UNSET, DumpSpec, Thread, Truth, TruthModule, TruthProcessor
from tests.synth.triage import driver_table


def truth_of(machine: Machine, spec: DumpSpec, whole: writers.DumpFile) -> Truth:
    """What holds for the dump that ``spec`` asks for; ``whole`` is the file before it is cut."""
    truth = _header_truth(machine, spec, whole)
    return _with_system(truth, machine, spec) if spec.readable else truth


def _header_truth(machine: Machine, spec: DumpSpec, whole: writers.DumpFile) -> Truth:
    system, file_size = spec.machine, len(whole.data[: spec.cut_to])
    return Truth(
        code=spec.code,
        parameters=spec.parameters,
        dump_type=spec.dump_type,
        attributes=spec.attributes,
        live=is_live(spec),
        architecture=spec.architecture,
        build=system.build,
        build_lab=system.build_lab,
        product_type=system.product_type,
        captured_at=system.captured_at,
        uptime_seconds=system.uptime_seconds,
        kernel_base=system.kernel_base,
        processor_count=len(system.processors),
        current_processor=system.current,
        process_name="",
        process_id=0,
        directory_base=writers.foreign_facts(spec).directory_base,
        stack=(),
        stack_source="none",
        processors=(),
        modules=_modules(machine) if spec.dump_type == 4 or spec.readable else (),
        unloaded=(),
        processes=(),
        waiting=(),
        gaps=(),
        pages_present=_whole_pages(whole, file_size),
        pages_promised=whole.page_count,
        file_size=file_size,
        required_dump_space=len(whole.data),
        blobs=spec.blobs,
    )


def _with_system(truth: Truth, machine: Machine, spec: DumpSpec) -> Truth:
    current, processes = machine.current, machine.spec.processes
    execution = machine.executions[current]
    return replace(
        truth,
        process_name=next(process.name for process in processes if process.pid == current.pid),
        process_id=current.pid,
        directory_base=machine.spaces[current.pid].directory_base,
        stack=visible_frames(current, execution.frames, spec),
        stack_source=_stack_source(spec),
        processors=_processors(machine, spec),
        unloaded=machine.spec.unloaded,
        processes=tuple((process.pid, process.name) for process in processes),
        waiting=tuple(
            (machine.threads[thread], thread.tid, visible_frames(thread, machine.executions[thread].frames, spec)[1:])
            for thread in machine.spec.waiting
        ),
        gaps=writers.gaps(machine, spec),
        registers=dict(execution.registers),
    )


def is_live(spec: DumpSpec) -> bool | None:
    """Whether the dump is live; None when neither its attributes nor its description say."""
    return bool(spec.attributes & 0x10) if spec.live is None and spec.attributes != UNSET else spec.live


def _stack_source(spec: DumpSpec) -> str:
    if spec.cut_to is not None:
        return "none"
    return "scan" if any(pattern.endswith(".pdata") for pattern in spec.omit) else "unwind"


def visible_frames(thread: Thread, frames: tuple[Frame, ...], spec: DumpSpec) -> tuple[Frame, ...]:
    """Frames that a debugger can show.

    Without its stack a thread shows its innermost frame. Without user pages, the first user-mode address is the last.
    """
    if spec.cut_to is not None:
        return ()
    if f"stack:{thread.tid}" in spec.omit:
        return (replace(frames[0], return_address=0),)
    if "user:*" not in spec.omit and spec.dump_type != 4:
        return frames
    kernel = tuple(frame for frame in frames if frame.instruction >> 63)
    # The caller of a leaf stands in a register that an ARM64 system call keeps on the kernel's stack.
    user = frames[len(kernel) : len(kernel) + (2 if spec.machine.processor == "arm64" else 1)]
    backs = [frame.instruction for frame in user[1:]] + [0]
    return (
        *kernel,
        *(replace(frame, return_address=back, site=f"{frame.instruction:#018x}") for frame, back in zip(user, backs)),
    )


def _processors(machine: Machine, spec: DumpSpec) -> tuple[TruthProcessor, ...]:
    return tuple(
        TruthProcessor(
            number=number,
            thread=machine.threads[thread],
            process=machine.processes[thread.pid],
            idle=thread.pid == 0,
            stack=() if _lost(number, spec) else visible_frames(thread, machine.executions[thread].frames, spec),
        )
        for number, thread in enumerate(machine.spec.processors)
    )


def _lost(number: int, spec: DumpSpec) -> bool:
    """Whether nothing tells what processor ``number`` did: the header holds the registers of the current one only."""
    others_unknown = f"prcb:{number}" in spec.omit or spec.dump_type == 4
    return others_unknown and number != spec.machine.current


def _modules(machine: Machine) -> tuple[TruthModule, ...]:
    return tuple(module for _, module, _ in driver_table(machine))


def _whole_pages(whole: writers.DumpFile, file_size: int) -> int:
    return min(whole.page_count, max(0, file_size - whole.first_page) // PAGE)
