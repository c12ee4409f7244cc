"""Makes dumps of made-up systems and keeps them; the generator's sources and the layouts key the cache."""

from __future__ import annotations

import hashlib
import os
import pickle
import struct
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from tests.synth import toolchain, writers
from tests.synth.builder import default_cache
from tests.synth.headers import HeaderFacts
from tests.synth.images import Image
from tests.synth.kernel import basics, counters, objects, processors, queues, requests, tasks, waits
from tests.synth.kernel.hardware import HARDWARE
from tests.synth.kernel.images import driver_image, kernel_image
from tests.synth.kernel.layout import FOLDER as LAYOUTS
from tests.synth.kernel.spec import Driver, Patch, System
from tests.synth.kernel.truths import Truth, truth_of
from tests.synth.kernel.world import ScatteredMemory, World
from tests.synth.memory import pages_of, present_pages
from tests.synth.spec import SERVER, DumpSpec, MachineSpec

HERE = Path(__file__).parent
BOOT_ID_IN_HEADER = 0x1054


@dataclass(frozen=True)
class BuiltSystem:
    """A dump on disk."""

    path: Path
    symbols: Path
    """Flat folder of symbol files."""
    images: Path
    """Flat folder of the loaded images' files."""
    truth: Truth


def build_system(system: System, name: str = "system", cache_dir: Path | None = None) -> BuiltSystem:
    """The dump of ``system``, from the cache if it stands there. Raises: ToolchainMissing."""
    cache = cache_dir or kernel_cache()
    place = cache / f"{name}-{system.build}-{hashlib.sha256(repr(system).encode()).hexdigest()[:12]}"
    if not place.exists():
        _build_into(place, system, name)
    truth = pickle.loads((place / "truth.pickle").read_bytes())  # noqa: S301 - written by this module
    return BuiltSystem(place / f"{name}.dmp", place / "symbols", place / "images", truth)


@lru_cache(maxsize=1)
def kernel_cache() -> Path:
    """Folder of the made-up systems. What a system is made of is in its own key, so scenarios do not matter here."""
    digest = hashlib.sha256(toolchain.toolchain_version().encode())
    sources = [path for path in HERE.glob("*.py") if not path.name.startswith(("test_", "scenario", "conftest"))]
    shared = [HERE.parent / f"{name}.py" for name in ("functions", "headers", "memory", "structures", "writers")]
    shared += (HERE.parent / "arm64").glob("*.py")
    for path in sorted([*sources, *shared, *LAYOUTS.glob("*.json")]):
        digest.update(path.name.encode() + path.read_bytes())
    return default_cache().parent / f"kernel-{digest.hexdigest()[:16]}"


def image_folder() -> Path:
    """Where linked images are kept: what they are made of is in their names."""
    return default_cache().parent / "kernel-images"


def assemble(system: System) -> World:
    """The system in memory."""
    folder = image_folder()
    kernel = kernel_image(HARDWARE[system.processor].layout(system.build), folder, system.processor)
    images = basics.loaded_images(system, kernel, lambda driver: _driver_image(driver, folder, system.processor))
    physical = ScatteredMemory(system.dump.memory_bytes)
    world = World(system, images, physical, HARDWARE[system.processor].space(physical))
    basics.write_images(world)
    basics.write_module_list(world)
    objects.write_object_types(world)
    processors.reserve_processors(world)
    tasks.reserve_tasks(world)
    processors.place_stacks(world)
    objects.reserve_directories(world)
    requests.reserve_requests(world)
    queues.reserve_queues(world)
    waits.reserve_objects(world)
    tasks.write_stacks(world, waits.pinned_registers(world))
    tasks.write_threads(world)
    requests.write_requests(world)
    objects.write_directories(world)
    queues.write_queues(world)
    waits.write_waits(world)
    tasks.write_processes(world)
    processors.write_processors(world)
    objects.write_handle_tables(world)
    counters.write_totals(world)
    counters.write_pools(world)
    counters.write_tags(world)
    counters.write_big_pages(world)
    basics.write_unloaded(world)
    basics.write_variables(world)
    basics.write_shared_data(world)
    basics.write_debugger_data(world)
    _record_bug_check(world)
    world.mark_arenas()
    for patch in system.patches:
        _apply(world, patch)
    for space in world.spaces.values():
        space.share_kernel_half()
    return world


def _driver_image(driver: Driver, folder: Path, processor: str) -> Image:
    return driver_image(driver.module, driver.tags, folder, processor)


def _parameters(world: World) -> tuple[int, int, int, int]:
    first, second, third, fourth = (
        world.address(each) if isinstance(each, str) else each for each in world.system.dump.parameters
    )
    return first, second, third, fourth


def _record_bug_check(world: World) -> None:
    """A crashing kernel stores what it crashed with; a live dump's code stands in the header alone."""
    if not world.system.live:
        world.set_global("KiBugCheckData", struct.pack("<5Q", world.system.dump.code, *_parameters(world)))


def _apply(world: World, patch: Patch) -> None:
    """Damage one field on purpose."""
    if patch.path.startswith("_"):
        place = world.layout.place(patch.path)
        offset, size = place.offset, 8 if isinstance(patch.value, str) else place.size
    else:
        offset, size = int(patch.path, 16), 8
    value = patch.value
    if isinstance(value, str):
        name, _, path = value.partition("+")
        value = world.address(name) + (world.layout.at(path) if path else 0)
    raw = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
    world.put(world.address(patch.at) + offset, raw)


def _dump_spec(world: World) -> DumpSpec:
    """What the writers of dump files ask for: header fields of the system."""
    system, clock = world.system, world.system.clock
    machine = MachineSpec(
        kernel_base=world.images["nt"].base,
        processors=(),
        modules=(),
        processes=(),
        build=int(system.build),
        build_lab=basics.lab(system),
        product_type=SERVER,
        captured_at=clock.booted + timedelta(seconds=clock.uptime_seconds + clock.set_by_seconds),
        uptime_seconds=clock.uptime_seconds,
        memory_runs=world.physical.runs,
        processor=system.processor,
    )
    dump = system.dump
    return DumpSpec(
        machine,
        dump.dump_type,
        dump.attributes,
        dump.code,
        _parameters(world),
        architecture=system.processor,
        live=system.live,
    )


def _header_facts(world: World) -> HeaderFacts:
    requester = world.threads[world.system.requester]
    return HeaderFacts(
        world.spaces[requester.process].directory_base,
        world.global_address("PsLoadedModuleList"),
        world.global_address("PsActiveProcessHead"),
        world.global_address("KdDebuggerDataBlock"),
        len(world.system.processors),
        processors.context_record(world, requester.key),
        0 if world.system.live else world.runs[requester.key].placed[0].instruction,
    )


def _omitted(world: World) -> set[int]:
    """Pages of the regions that the dump leaves out."""
    pfns: set[int | None] = set()
    for region in world.regions:
        if any(fnmatchcase(region.name, pattern) for pattern in world.system.dump.omit):
            pfns.update(map(world.kernel.find_pfn, pages_of(region.address, region.size)))
    return {pfn for pfn in pfns if pfn is not None}


def dump_bytes(world: World) -> bytes:
    """The dump file."""
    spec = _dump_spec(world)
    pages = present_pages(world.physical.pages, _omitted(world))
    data = bytearray(writers.WRITERS[spec.dump_type](spec, _header_facts(world), pages).data)
    struct.pack_into("<I", data, BOOT_ID_IN_HEADER, world.system.clock.boot_id)
    return bytes(data)


def _build_into(place: Path, system: System, name: str) -> None:
    """Build beside ``place`` and move there in one step, so that nobody sees half a dump."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=str(place.parent)) as temporary:
        work = Path(temporary) / "dump"
        (work / "symbols").mkdir(parents=True)
        (work / "images").mkdir()
        world = assemble(system)
        (work / f"{name}.dmp").write_bytes(dump_bytes(world))
        for module, loaded in world.images.items():
            os.link(loaded.image.symbol_file, work / "symbols" / loaded.image.symbol_file.name)
            shown = "ntoskrnl.exe" if module == "nt" else loaded.image.source.file_name
            os.link(loaded.image.file, work / "images" / shown)
        (work / "truth.pickle").write_bytes(pickle.dumps(truth_of(world)))
        try:
            work.rename(place)
        except OSError:
            if not place.exists():
                raise
