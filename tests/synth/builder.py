"""Makes dumps and keeps them: files, symbol folders and truths, in a cache that the generator's own sources key."""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import tempfile
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from tests.synth import toolchain, writers
from tests.synth.execution import Frame
from tests.synth.images import Image, linked_image
from tests.synth.machine import Machine, assemble_machine
from tests.synth.memory import PAGE
from tests.synth.scenarios import SCENARIOS
from tests.synth.spec import DumpSpec, Thread, Truth, TruthModule, TruthProcessor
from tests.synth.triage import driver_table

GENERATED_BY = Path(__file__).parent


@dataclass(frozen=True)
class Built:
    """A dump on disk."""

    path: Path
    symbols: Path
    """Flat folder of symbol files."""
    truth: Truth


def build(name: str, cache_dir: Path | None = None) -> Built:
    """The scenario called ``name``, from the cache if it was built before. Raises: ToolchainMissing."""
    return build_spec(SCENARIOS[name].spec(), cache_dir, name)


def build_spec(spec: DumpSpec, cache_dir: Path | None = None, name: str = "variant") -> Built:
    """The dump that ``spec`` asks for, from the cache if it was built before. Raises: ToolchainMissing."""
    cache = cache_dir or default_cache()
    place = cache / f"{name}-{hashlib.sha256(repr(spec).encode()).hexdigest()[:12]}"
    if not place.exists():
        _build_into(place, spec, name, cache / "images")
    truth = pickle.loads((place / "truth.pickle").read_bytes())  # noqa: S301 - written by this function
    return Built(place / f"{name}.dmp", place / "symbols", truth)


@lru_cache(maxsize=1)
def default_cache() -> Path:
    """Folder of this generator's dumps: ``$LIVEDUMP_SYNTH`` or one in the user's cache, keyed by sources and compiler."""
    root = Path(os.environ.get("LIVEDUMP_SYNTH") or Path.home() / ".cache" / "livedump-synth")
    sources = sorted(path for path in GENERATED_BY.glob("*.py") if not path.name.startswith("test_"))
    digest = hashlib.sha256(toolchain.toolchain_version().encode())
    for path in sources:
        digest.update(path.name.encode() + path.read_bytes())
    return root / digest.hexdigest()[:16]


def _build_into(place: Path, spec: DumpSpec, name: str, images: Path) -> None:
    """Build beside ``place`` and move there in one step, so that nobody sees half a dump."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=str(place.parent)) as temporary:
        work = Path(temporary) / "dump"
        (work / "symbols").mkdir(parents=True)
        machine = assemble_machine(spec.machine, lambda key: linked_image(key, images))
        whole = writers.dump_file(machine, spec)
        cut = whole.data[: spec.cut_to]
        (work / f"{name}.dmp").write_bytes(cut)
        for symbol_file in symbol_files(machine):
            shutil.copy(symbol_file, work / "symbols")
        (work / "truth.pickle").write_bytes(pickle.dumps(truth_of(machine, spec, whole)))
        try:
            os.rename(str(work), str(place))
        except OSError:
            if not place.exists():
                raise


def symbol_files(machine: Machine) -> list[Path]:
    """Symbol files of the images that a frame or a type may need: those with functions of their own, and the kernel's."""
    used = {site.partition("!")[0] for execution in machine.executions.values() for site, _ in execution.code}
    images: dict[str, Image] = {loaded.image.source.module: loaded.image for loaded in machine.images.values()}
    return [images[module].symbol_file for module in sorted(used | {"nt"})]


def truth_of(machine: Machine, spec: DumpSpec, whole: writers.DumpFile) -> Truth:
    """What holds for the dump."""
    if spec.architecture != "x64":
        return _foreign_truth(machine, spec, whole)
    system, current = spec.machine, machine.current
    names = {process.pid: process.name for process in system.processes}
    file_size = len(whole.data[: spec.cut_to])
    return Truth(
        spec.code,
        spec.parameters,
        spec.dump_type,
        spec.attributes,
        _is_live(spec),
        spec.architecture,
        system.build,
        system.build_lab,
        system.product_type,
        system.captured_at,
        system.uptime_seconds,
        system.kernel_base,
        len(system.processors),
        system.current,
        names[current.pid],
        current.pid,
        machine.spaces[current.pid].directory_base,
        visible_frames(machine.executions[current].frames, spec),
        _processors(machine, spec),
        _modules(machine),
        system.unloaded,
        tuple((process.pid, process.name) for process in system.processes),
        _waiting(machine, spec),
        writers.gaps(machine, spec),
        _whole_pages(whole, file_size),
        whole.page_count,
        file_size,
        len(whole.data),
        spec.blobs,
        dict(machine.executions[current].registers),
    )


def _is_live(spec: DumpSpec) -> bool | None:
    return bool(spec.attributes & 0x10) if spec.live is None and spec.attributes != 0x45474150 else spec.live


def visible_frames(frames: tuple[Frame, ...], spec: DumpSpec) -> tuple[Frame, ...]:
    """Frames that a debugger can show: without user pages only the first user-mode address, with nothing behind it."""
    if "user:*" not in spec.omit and spec.dump_type != 4:
        return frames
    kernel = tuple(frame for frame in frames if frame.instruction >> 63)
    user = frames[len(kernel) : len(kernel) + 1]
    return (*kernel, *(replace(frame, return_address=0, site=f"{frame.instruction:#018x}") for frame in user))


def _processors(machine: Machine, spec: DumpSpec) -> tuple[TruthProcessor, ...]:
    return tuple(
        TruthProcessor(
            number,
            machine.threads[thread],
            machine.processes[thread.pid],
            thread.pid == 0,
            visible_frames(machine.executions[thread].frames, spec),
        )
        for number, thread in enumerate(machine.spec.processors)
    )


def _waiting(machine: Machine, spec: DumpSpec) -> tuple[tuple[int, int, tuple[Frame, ...]], ...]:
    def row(thread: Thread) -> tuple[int, int, tuple[Frame, ...]]:
        return machine.threads[thread], thread.tid, visible_frames(machine.executions[thread].frames, spec)

    return tuple(row(thread) for thread in machine.spec.waiting)


def _modules(machine: Machine) -> tuple[TruthModule, ...]:
    return tuple(module for _, module, _ in driver_table(machine))


def _whole_pages(whole: writers.DumpFile, file_size: int) -> int:
    return min(whole.page_count, max(0, file_size - whole.first_page) // PAGE)


def _foreign_truth(machine: Machine, spec: DumpSpec, whole: writers.DumpFile) -> Truth:
    facts, system = writers.foreign_facts(spec), spec.machine
    return Truth(
        spec.code,
        spec.parameters,
        spec.dump_type,
        spec.attributes,
        _is_live(spec),
        spec.architecture,
        system.build,
        system.build_lab,
        system.product_type,
        system.captured_at,
        system.uptime_seconds,
        system.kernel_base,
        facts.processor_count,
        0,
        "",
        0,
        facts.directory_base,
        (),
        (),
        _modules(machine) if spec.dump_type == 4 else (),
        (),
        (),
        (),
        (),
        whole.page_count,
        whole.page_count,
        len(whole.data),
        len(whole.data),
    )
