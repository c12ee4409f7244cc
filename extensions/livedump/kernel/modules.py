"""Modules: those the kernel has loaded, those of one process, and those it has unloaded.

References: KLDR_DATA_TABLE_ENTRY, LDR_DATA_TABLE_ENTRY, PEB, PEB_LDR_DATA and UNLOADED_DRIVERS in ``c_kernel``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from livedump.images.image import read_image, read_pdb_identity
from livedump.kernel import c_kernel as c
from livedump.kernel.kdbg import Kdbg
from livedump.kernel.linked_list import ListWalk, walk_list
from livedump.kernel.values import find_u32, find_unicode_string, read_prefix, read_u64
from livedump.model.addresses import Memory
from livedump.model.errors import DumpError, MemoryGap, NotKnown
from livedump.model.fields import Field
from livedump.model.images import Module, UnloadedModule, module_name, unnamed_module
from livedump.model.listing import Listing, joined_problems
from livedump.model.text import clean_text

MAX_MODULES = 4096
MAX_FILE_NAME = 255
"""Characters that Windows lets a file name have."""
MAX_IMAGE_STEPS = 2048
"""Of 64 KiB: how far below an address the headers of its image are looked for."""
STAMPS_TRIED, STAMPS_COMPARED = 32, 4
"""Images whose own header is held against the list: the kernel's first among them, which is hardly ever missing."""


def loaded_modules(memory: Memory, head: int, kernel_base: int | None = None) -> Listing[Module]:
    """The kernel's modules, from PsLoadedModuleList at ``head``; 4096 at most.

    The image at ``kernel_base`` is named ``nt`` whatever its file is called.

    Raises:
        MemoryGap: the head of the list is missing.
    """
    walk = walk_list(memory, head, MAX_MODULES)
    found = [_module_at(memory, entry, user=False, kernel_base=kernel_base) for entry in walk.entries]
    listed = _module_list(walk, found)
    return listed if _stamps_hold(memory, listed) else _with_own_stamps(memory, listed)


def user_modules(memory: Memory, peb: int) -> Listing[Module]:
    """The 64-bit modules of the process whose PEB is at ``peb``, in its own load order; 4096 at most.

    ``memory`` must translate by that process's page tables.

    Raises:
        MemoryGap: the pages that lead to the list are missing, as they are in a dump without user pages.
    """
    loader = read_u64(memory, peb + c.PEB_LDR.offset)
    walk = walk_list(memory, loader + c.PEB_LDR_IN_LOAD_ORDER_LIST, MAX_MODULES)
    found = [_module_at(memory, entry, user=True) for entry in walk.entries]
    return _module_list(walk, found)


def unloaded_modules(memory: Memory, kdbg: Kdbg) -> Listing[UnloadedModule]:
    """The drivers that the kernel remembers to have unloaded, fifty at most, newest first as ``lm`` lists them.

    Raises:
        NotKnown: the debugger data block does not say where they are.
        MemoryGap: they are missing.
    """
    if kdbg.unloaded_drivers is None:
        raise NotKnown("the debugger data block does not say where the unloaded modules are")
    array = read_u64(memory, kdbg.unloaded_drivers)
    if array == 0:
        return Listing(())
    wanted = c.UNLOADED_DRIVER_SIZE * c.UNLOADED_DRIVER_SLOTS
    data = read_prefix(memory, array, wanted)
    if len(data) < c.UNLOADED_DRIVER_SIZE:
        raise MemoryGap(array + len(data), MemoryGap.NOT_CAPTURED)
    last = find_u32(memory, kdbg.last_unloaded_driver)
    cut = f"only {len(data)} of the {wanted} bytes that remember them are in the dump" if len(data) < wanted else None
    order = "which of them is the newest is not in the dump" if last is None else None
    return Listing(tuple(_iter_unloaded(memory, data, last or 0)), joined_problems(cut, order))


def find_user_image(memory: Memory, address: int) -> Module | None:
    """The image of user mode around an address, by its own headers: where no list of the process tells.

    It is called after the PDB that its headers name. None where the address itself is not held, as in dumps without
    user pages, or no headers within MAX_IMAGE_STEPS below it.
    """
    if not read_prefix(memory, address, 1):
        return None
    first = address & -c.IMAGE_ALIGNMENT
    for base in range(first, max(first - MAX_IMAGE_STEPS * c.IMAGE_ALIGNMENT, 0), -c.IMAGE_ALIGNMENT):
        try:
            image = read_image(memory, base)
            pdb = read_pdb_identity(memory, image)
        except DumpError:
            continue
        if pdb is None or address >= base + image.size:
            return None
        name = pdb.name.replace("/", "\\").rsplit("\\", 1)[-1][:MAX_FILE_NAME]
        return Module(
            name=module_name(name) or unnamed_module(base),
            image_name=clean_text(name),
            base=base,
            size=image.size,
            timestamp=image.timestamp,
            checksum=image.checksum,
            pdb=pdb,
            user=True,
        )
    return None


def parse_module(
    entry: bytes,
    path: str | None,
    base_name: str | None = None,
    *,
    user: bool = False,
    kernel_base: int | None = None,
    stamp: Field = c.LDR_TIME_DATE_STAMP,
) -> Module:
    """The module that a loader entry describes; ``path`` and ``base_name``, not yet cleaned, were read elsewhere.

    The debugger names an image by the end of its path, and by its base name only where it has no path.
    """
    base = c.LDR_DLL_BASE.read(entry)
    file_name = (path or "").replace("/", "\\").rsplit("\\", 1)[-1] or base_name or unnamed_module(base)
    file_name = file_name[:MAX_FILE_NAME]
    return Module(
        name="nt" if base == kernel_base else module_name(file_name) or unnamed_module(base),
        image_name=clean_text(file_name),
        base=base,
        size=c.LDR_SIZE_OF_IMAGE.read(entry),
        timestamp=stamp.read(entry) if stamp.end <= len(entry) else None,
        checksum=None if user else c.KLDR_CHECK_SUM.read(entry),
        path=clean_text(path) if path else None,
        user=user,
    )


def with_distinct_names(modules: Iterable[Module]) -> tuple[Module, ...]:
    """The modules, each with a name of its own: one that an earlier module has gets its base behind it.

    ``dup_fffff802d7650000`` is how the debugger writes it. A second ``nt`` is no kernel, whatever its file is called.
    """
    taken: set[str] = set()
    distinct = []
    for module in modules:
        name = f"{module.name}_{module.base:x}" if module.name.lower() in taken else module.name
        taken.add(name.lower())
        distinct.append(module if name == module.name else module._replace(name=name))
    return tuple(distinct)


def _module_at(memory: Memory, entry: int, *, user: bool, kernel_base: int | None = None) -> Module | None:
    stamp = c.LDR_TIME_DATE_STAMP if user else c.KLDR_TIME_DATE_STAMP
    data = read_prefix(memory, entry, max(stamp.end, c.LDR_ENTRY_SIZE))
    if len(data) < c.LDR_ENTRY_SIZE:
        return None
    base = c.LDR_DLL_BASE.read(data)
    if base == 0 or (base >> 63 == 0) != user:
        return None
    path = find_unicode_string(memory, data[c.LDR_FULL_DLL_NAME :])
    base_name = find_unicode_string(memory, data[c.LDR_BASE_DLL_NAME :])
    return parse_module(data, path, base_name, user=user, kernel_base=kernel_base, stamp=stamp)


def _stamps_hold(memory: Memory, modules: Iterable[Module]) -> bool:
    # Builds before Windows 10 keep no stamp in that place: whether this one does, its images tell.
    own = ((module.timestamp, _own_stamp(memory, module)) for module in islice(modules, STAMPS_TRIED))
    compared = list(islice((pair for pair in own if None not in pair), STAMPS_COMPARED))
    return not compared or any(listed == stamp for listed, stamp in compared)


def _with_own_stamps(memory: Memory, modules: Listing[Module]) -> Listing[Module]:
    stamped = tuple(module._replace(timestamp=_own_stamp(memory, module)) for module in modules)
    return Listing(stamped, modules.problem)


def _own_stamp(memory: Memory, module: Module) -> int | None:
    try:
        return read_image(memory, module.base).timestamp
    except DumpError:
        return None


def _module_list(walk: ListWalk, found: list[Module | None]) -> Listing[Module]:
    modules = with_distinct_names(module for module in found if module is not None)
    unreadable = len(found) - len(modules)
    problem = f"{unreadable} of {len(found)} entries are missing or describe no image" if unreadable else None
    return Listing(modules, joined_problems(walk.problem, problem))


def _iter_unloaded(memory: Memory, data: bytes, newest_behind: int) -> Iterator[UnloadedModule]:
    slots = c.UNLOADED_DRIVER_SLOTS
    for back in range(1, slots + 1):
        at = (newest_behind - back) % slots * c.UNLOADED_DRIVER_SIZE
        slot = data[at : at + c.UNLOADED_DRIVER_SIZE]
        if len(slot) == c.UNLOADED_DRIVER_SIZE and any(slot):
            yield _unloaded(memory, slot)


def _unloaded(memory: Memory, slot: bytes) -> UnloadedModule:
    start, end = c.UNLOADED_DRIVER_START.read(slot), c.UNLOADED_DRIVER_END.read(slot)
    name = find_unicode_string(memory, slot) or unnamed_module(start)
    return UnloadedModule(clean_text(name), start, end)
