"""Modules: the images that were loaded, and those unloaded before."""

from __future__ import annotations

from typing import NamedTuple

from livedump.model.addresses import Address, Bits32
from livedump.model.text_kinds import CodeText, ImagePath, ModuleName


class PdbIdentity(NamedTuple):
    """Which PDB belongs to an image (CodeView RSDS record). All of it comes from the dump: hostile text."""

    name: ImagePath
    """As the linker wrote it; may hold a path."""
    guid: CodeText
    """32 upper-case hex digits, without dashes."""
    age: int

    @property
    def store_key(self) -> str:
        """The middle part of a symbol store path: GUID and age in upper-case hex."""
        return f"{self.guid}{self.age:X}"


class Module(NamedTuple):
    """One loaded image."""

    name: ModuleName
    """As the debugger names it: nt, hal, or the file name without its extension."""
    image_name: ModuleName
    """File name: ntoskrnl.exe."""
    base: Address
    size: int
    """SizeOfImage, bytes."""
    timestamp: Bits32 | None
    """TimeDateStamp of the image header; a hash in reproducible builds. None when not known."""
    checksum: Bits32 | None = None
    path: ImagePath | None = None
    """Full path as loaded."""
    pdb: PdbIdentity | None = None
    """None when the page that holds it is missing."""
    version: CodeText | None = None
    """File version from the image's resources, when its pages are there."""
    user: bool = False
    """Whether the image was loaded in user mode."""

    @property
    def end(self) -> int:
        """First address behind the image."""
        return self.base + self.size


class UnloadedModule(NamedTuple):
    """One image that was unloaded; Windows remembers the last fifty or so."""

    name: ModuleName
    start: Address
    end: Address


def module_name(image_name: str) -> str:
    """The name that the debugger gives to an image: the file name before its last dot, ``nt`` for a kernel image.

    All but ASCII letters and digits become underscores, as dbgeng does, so that the name can stand in an expression.
    """
    if image_name.lower() in KERNEL_IMAGE_NAMES:
        return "nt"
    stem = image_name.rsplit(".", 1)[0] if "." in image_name else image_name
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in stem)


def unnamed_module(base: int) -> str:
    """What an image is called whose name is missing: by its address, as the debugger does."""
    return f"Unknown_Module_{base >> 32:08x}_{base & 0xFFFFFFFF:08x}"


KERNEL_IMAGE_NAMES = frozenset({"ntoskrnl.exe", "ntkrnlmp.exe", "ntkrnlpa.exe", "ntkrpamp.exe"})
