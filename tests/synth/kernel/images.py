"""Images of the made-up systems and their symbols, linked once and kept by what they are made of."""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from tests.synth import toolchain
from tests.synth.arm64 import functions as arm64_functions
from tests.synth.functions import Function, assembler_text
from tests.synth.images import Image, ImageSource
from tests.synth.kernel.code import driver_functions, kernel_functions
from tests.synth.kernel.layout import Layout, words
from tests.synth.kernel.type_records import metadata_text

FIRST_TIMESTAMP = 0x5F000000
FILE_NAMES = {"nt": "ntkrnlmp.exe", "hal": "hal.dll"}
DRIVER_DATA_SIZE = 0x1000
ALWAYS_GLOBALS = words(
    "KdDebuggerDataBlock PsLoadedModuleList PsActiveProcessHead KiBugCheckData MmUnloadedDrivers MmLastUnloadedDriver "
    "MmHighestUserAddress MmSystemRangeStart MmUserProbeAddress KiWaitAlways KiWaitNever KdpDataBlockEncoded "
    "PsInitialSystemProcess PsIdleProcess NtBuildNumber KeNumberProcessors KeTimeIncrement KeMaximumIncrement "
    "MmPfnDatabase NtBuildLab KiProcessorBlock"
)
"""Variables that any dump needs, whether a table of a build lists them or not."""
ROOM: Mapping[str, int] = {
    "KdDebuggerDataBlock": 0x3A0,
    "KiProcessorBlock": 0x2000,
    "NtBuildLab": 0x80,
    "NtBuildLabEx": 0x100,
    "ObTypeIndexTable": 0x800,
    "ObpObjectTypes": 0x800,
    "ObpInfoMaskToOffset": 0x100,
    "ExpBootEnvironmentInformation": 0x40,
    "ExWorkerQueue": 0x180,
    "KiBugCheckData": 0x28,
    "KeNodeBlock": 0x200,
    "KiProcessorIndexToNumberMappingTable": 0x1000,
    "KeServiceDescriptorTable": 0x40,
    "ExPoolTagTables": 0x4000,
    "PoolVector": 0x20,
    "ExpNonPagedPoolDescriptor": 0x400,
    "ExpPagedPoolDescriptor": 0x400,
}
TYPED: Mapping[str, str] = {
    "MiState": "_MI_SYSTEM_INFORMATION",
    "MiSystemPartition": "_MI_PARTITION",
    "ExPoolState": "_EX_POOL_HEAP_MANAGER_STATE",
    "MmPagedPoolInfo": "_MM_PAGED_POOL_INFO",
    "MiSystemPteInfo": "_MI_SYSTEM_PTE_TYPE",
    "KiInitialProcess": "_EPROCESS",
    "KiInitialThread": "_ETHREAD",
    "NonPagedPoolDescriptor": "_POOL_DESCRIPTOR",
}
"""Variables that are whole structures."""


def kernel_data(layout: Layout) -> tuple[dict[str, int], int]:
    """Offset in ``.data`` of each variable of this build's kernel, in an order of its own, and the size of all."""
    names = {*ALWAYS_GLOBALS, *layout.globals}
    order = sorted(names, key=lambda name: (name == "ExPoolState", zlib.crc32(f"{layout.build}{name}".encode())))
    offsets, position = {}, 0x40
    for name in order:
        size = _room(layout, name)
        position = -(-position // 0x40) * 0x40 if size > 0x10 else -(-position // 0x10) * 0x10
        offsets[name] = position
        position += size
    return offsets, -(-position // 0x1000) * 0x1000


def _room(layout: Layout, name: str) -> int:
    if name in TYPED and TYPED[name] in layout.types:
        return layout.size(TYPED[name])
    if name.endswith("PageListHead"):
        return 0x40
    return ROOM.get(name, 0x10)


def kernel_image(layout: Layout, folder: Path, processor: str = "x64") -> Image:
    """This build's kernel with its types."""
    data, size = kernel_data(layout)
    source = ImageSource(FILE_NAMES["nt"], "nt", kernel_functions(layout), data)
    return _linked(
        source, _text(source.functions, data, size, processor), folder, processor, metadata_text(layout, processor)
    )


@cache
def driver_image(module: str, tags: tuple[str, ...], folder: Path, processor: str = "x64") -> Image:
    """A driver whose code asks for pool with ``tags``."""
    data = {f"g_{module}Event": 0x40, f"g_{module}Lock": 0x80, f"g_{module}Mutex": 0xC0, f"g_{module}Data": 0x140}
    file_name = FILE_NAMES.get(module, f"{module}.sys")
    source = ImageSource(file_name, module, driver_functions(module, tags), data)
    return _linked(source, _text(source.functions, data, DRIVER_DATA_SIZE, processor), folder, processor)


def _text(functions: Iterable[Function], data: Mapping[str, int], size: int, processor: str) -> str:
    write = assembler_text if processor == "x64" else arm64_functions.assembler_text
    return write(functions, data, size)


def _linked(source: ImageSource, text: str, folder: Path, processor: str, types: str = "") -> Image:
    """The image made from ``text`` and ``types``, from ``folder`` if it stands there."""
    made_of = "\0".join((toolchain.toolchain_version(), source.file_name, text, types))
    digest = hashlib.sha256(made_of.encode()).hexdigest()[:16]
    place = folder / f"{source.module}-{digest}"
    if not place.exists():
        timestamp = FIRST_TIMESTAMP + int(digest[:6], 16)
        _link_into(place, source.file_name, text, types, processor=processor, timestamp=timestamp)
    image = place / source.file_name
    return Image(source.module, source, toolchain.read_image(image), image.with_suffix(".pdb"), image)


def _link_into(place: Path, file_name: str, text: str, types: str, *, processor: str, timestamp: int) -> None:
    """Link beside ``place`` and move there in one step, so that nobody sees half an image."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=str(place.parent)) as temporary:
        work = Path(temporary) / "image"
        work.mkdir()
        objects = [toolchain.assemble(work, text, processor)]
        if types:
            objects.append(toolchain.compile_metadata(work, types))
        toolchain.link(work, file_name, objects, timestamp, processor)
        for leftover in work.iterdir():
            if leftover.suffix in {".s", ".ll", ".obj"}:
                leftover.unlink()
        try:
            work.rename(place)
        except OSError:
            if not place.exists():
                raise
