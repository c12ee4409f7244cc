"""The user-mode half of a process: its images, its PEB with the loader's lists, and the pages of its stacks."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence

from tests.synth import small_layouts as c
from tests.synth.execution import LoadedImage
from tests.synth.memory import PAGE, AddressSpace
from tests.synth.spec import Module
from tests.synth.structures import list_links, unicode_string

PEB_ADDRESS = 0x000000BBCE0B1000
LOADER_DATA = 0x0000020C5A3D0000
Marker = Callable[[str, int, int], None]
"""Names a region: name, address, size."""


def write_images(
    space: AddressSpace, modules: Sequence[Module], images: Mapping[str, LoadedImage], code: Iterable[int], mark: Marker
) -> None:
    """Map the images: headers, data and those pages of code in which a frame stands."""
    wanted = {address & -PAGE for address in code}
    for module in modules:
        write_image(space, images[module.key], wanted, f"user:image:{images[module.key].image.source.module}", mark)


def write_image(space: AddressSpace, loaded: LoadedImage, wanted_code: set[int], region: str, mark: Marker) -> None:
    """Map one image at its base; code pages other than ``wanted_code`` stay unmapped, as if trimmed or discarded."""
    linked = loaded.image.linked
    _put(space, loaded.base, _header(loaded), f"{region}:header", mark)
    for section in linked.sections:
        start = loaded.base + section.rva
        if section.name != ".text":
            _put(space, start, section.data, f"{region}:{section.name}", mark)
            continue
        padded = section.data + bytes(-len(section.data) % PAGE)
        for page in sorted(wanted_code):
            if 0 <= page - start < len(padded):
                _put(space, page, padded[page - start : page - start + PAGE], f"{region}:code", mark)


def _header(loaded: LoadedImage) -> bytes:
    """The image's header as the loader leaves it: with the real base address."""
    header = bytearray(loaded.image.linked.header)
    optional_header = struct.unpack_from("<I", header, 0x3C)[0] + 24
    struct.pack_into("<Q", header, optional_header + 24, loaded.base)
    return bytes(header)


def _put(space: AddressSpace, address: int, data: bytes, region: str, mark: Marker) -> None:
    space.write(address, data)
    mark(region, address, len(data))


def write_environment(
    space: AddressSpace, modules: Sequence[Module], images: Mapping[str, LoadedImage], mark: Marker
) -> int:
    """Address of a PEB whose loader data lists ``modules``."""
    ldr, first_entry = LOADER_DATA + 0x40, LOADER_DATA + 0x100
    entries = [first_entry + 0x400 * index for index in range(len(modules))]
    for entry, module in zip(entries, modules):
        space.write(entry, _loader_entry(entry, module, images[module.key]))
    space.write(ldr, c.PEB_LDR_DATA.pack(Length=c.PEB_LDR_DATA.size, Initialized=1))
    for offset, head in (
        (0, "InLoadOrderModuleList"),
        (0x10, "InMemoryOrderModuleList"),
        (0x20, "InInitializationOrderModuleList"),
    ):
        ring = [ldr + c.PEB_LDR_DATA.offset(head), *(entry + offset for entry in entries)]
        for address, links in list_links(ring).items():
            space.write(address, links)
    space.write(PEB_ADDRESS, c.PEB.pack(ImageBaseAddress=modules[0].base, Ldr=ldr))
    mark("user:peb", PEB_ADDRESS, c.PEB.size)
    mark("user:loader", LOADER_DATA, entries[-1] + 0x400 - LOADER_DATA)
    return PEB_ADDRESS


def _loader_entry(address: int, module: Module, loaded: LoadedImage) -> bytes:
    full, base = address + 0x140, address + 0x140 + 2 * len(module.path) + 2
    linked = loaded.image.linked
    entry = c.LDR_DATA_TABLE_ENTRY.pack(
        DllBase=module.base,
        EntryPoint=module.base + linked.entry_point,
        SizeOfImage=linked.size_of_image,
        FullDllName=unicode_string(module.path, full),
        BaseDllName=unicode_string(module.name, base),
        Flags=0xA2CC,
        TimeDateStamp=linked.timestamp,
    )
    names = (module.path + "\0" + module.name + "\0").encode("utf-16-le")
    return entry.ljust(0x140, b"\0") + names
