"""Windows images and symbol files from clang and lld."""

from __future__ import annotations

import shutil
import struct
import subprocess
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TARGETS = {"x64": "--target=x86_64-pc-windows-msvc", "arm64": "--target=aarch64-pc-windows-msvc"}
SOURCE_ROOT = r"c:\synth"
"""Stands for the folder of the build in debug information, so that no path of this machine gets there."""


class ToolchainMissing(RuntimeError):
    """clang or lld-link is not installed."""


@dataclass(frozen=True)
class Section:
    """One section of a linked image."""

    name: str
    rva: int
    data: bytes


@dataclass(frozen=True)
class LinkedImage:
    """What the loader needs of a linked image."""

    header: bytes
    sections: tuple[Section, ...]
    size_of_image: int
    timestamp: int
    checksum: int
    entry_point: int
    exception_directory: tuple[int, int]
    """RVA and size."""

    def section(self, name: str) -> Section:
        """The section called ``name``."""
        return next(section for section in self.sections if section.name == name)


def tools() -> tuple[str, str]:
    """Paths of clang and lld-link. Raises: ToolchainMissing."""
    found = [shutil.which(name) for name in ("clang", "lld-link")]
    if None in found:
        raise ToolchainMissing("made-up dumps need clang and lld-link (Debian: apt-get install clang lld)")
    return str(found[0]), str(found[1])


@cache
def toolchain_version() -> str:
    """First line of what clang says about itself: part of the key of the cache."""
    clang, _ = tools()
    return subprocess.run([clang, "--version"], check=True, capture_output=True, text=True).stdout.splitlines()[0]


def assemble(folder: Path, source: str, processor: str = "x64") -> str:
    """Name of the object file made in ``folder`` from assembler text."""
    (folder / "code.s").write_text(source)
    _run(folder, "clang", TARGETS[processor], "-c", "code.s", "-o", "code.obj")
    return "code.obj"


def compile_types(folder: Path, source: str, processor: str = "x64") -> str:
    """Name of the object file made in ``folder`` from C text, with debug information of every type in it."""
    (folder / "types.c").write_text(source)
    flags = ["-g", "-gcodeview", "-fstandalone-debug", "-ffreestanding", f"-ffile-compilation-dir={SOURCE_ROOT}"]
    _run(folder, "clang", TARGETS[processor], *flags, "-c", "types.c", "-o", "types.obj")
    return "types.obj"


def compile_metadata(folder: Path, text: str) -> str:
    """Name of the object file made in ``folder`` from LLVM text that holds debug information."""
    (folder / "types.ll").write_text(text)
    _run(folder, "llc", "-filetype=obj", "types.ll", "-o", "types.obj")
    return "types.obj"


def link(folder: Path, file_name: str, objects: Sequence[str], timestamp: int, processor: str = "x64") -> None:
    """Link ``objects`` to an image and a symbol file in ``folder``."""
    stem = file_name.rpartition(".")[0]
    kind = ["/dll", "/noentry"] if file_name.endswith(".dll") else ["/driver", "/subsystem:native", "/entry:EntryPoint"]
    # This linker makes no ARM64 images that cannot be moved.
    fixed = ["/fixed"] if processor == "x64" else []
    common = ["/nodefaultlib", f"/machine:{processor}", *fixed, "/base:0x140000000", "/opt:noref,noicf"]
    if kind[0] == "/driver" and len(objects) == 1 and processor == "x64":
        common.append("/merge:.pdata=.rdata")
    debug = ["/debug:full", f"/pdb:{stem}.pdb", f"/pdbaltpath:{stem}.pdb", f"/pdbsourcepath:{SOURCE_ROOT}"]
    _run(folder, "lld-link", *kind, *common, *debug, f"/timestamp:{timestamp}", f"/out:{file_name}", *objects)
    _write_checksum(folder / file_name)


def _write_checksum(image: Path) -> None:
    """Fill in the header's checksum, which the debugger compares and this linker leaves zero."""
    data = bytearray(image.read_bytes())
    total = sum(array("H", bytes(data) + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    optional_header = struct.unpack_from("<I", data, 0x3C)[0] + 24
    struct.pack_into("<I", data, optional_header + 64, total + len(data))
    image.write_bytes(data)


def _run(folder: Path, *command: str) -> None:
    """Run a tool by its bare name, which is what it writes into debug information."""
    tools()
    result = subprocess.run(command, cwd=str(folder), capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{result.stderr}")


def read_image(path: Path) -> LinkedImage:
    """The linked image in the file at ``path``."""
    data = path.read_bytes()
    pe = struct.unpack_from("<I", data, 0x3C)[0]
    optional = pe + 24
    entry_point = struct.unpack_from("<I", data, optional + 16)[0]
    size_of_image, size_of_headers, checksum = struct.unpack_from("<III", data, optional + 56)
    exceptions = struct.unpack_from("<II", data, optional + 112 + 8 * 3)
    timestamp = struct.unpack_from("<I", data, pe + 8)[0]
    return LinkedImage(
        data[:size_of_headers],
        tuple(_iter_sections(data, pe)),
        size_of_image,
        timestamp,
        checksum,
        entry_point,
        exceptions,
    )


def _iter_sections(data: bytes, pe: int) -> Iterator[Section]:
    count = struct.unpack_from("<H", data, pe + 6)[0]
    table = pe + 24 + struct.unpack_from("<H", data, pe + 20)[0]
    for position in range(table, table + 40 * count, 40):
        size, rva, raw_size, raw = struct.unpack_from("<IIII", data, position + 8)
        name = data[position : position + 8].rstrip(b"\0").decode("ascii")
        yield Section(name, rva, data[raw : raw + min(size, raw_size)].ljust(size, b"\0"))


def symbol_key(image: LinkedImage) -> str:
    """GUID and age of the image's symbol file, as a symbol store spells its folder."""
    for section in image.sections:
        start = section.data.find(b"RSDS")
        if start >= 0:
            first, second, third, rest, age = struct.unpack_from("<IHH8sI", section.data, start + 4)
            return f"{first:08X}{second:04X}{third:04X}{rest.hex().upper()}{age:X}"
    raise ValueError("the image names no symbol file")
