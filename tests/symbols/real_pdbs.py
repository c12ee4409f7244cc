"""PDBs that MSVC wrote: private ones, with a statically linked runtime, out of the debugpy wheel of PyPI.

``python -m tests.symbols.real_pdbs`` fetches them; CI does it by itself. Tests that need them skip where they are not.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from livedump.symbols.pdb.pdb_file import open_pdb
from tests.symbols.toolchain import Built

PINNED = "debugpy==1.8.0 --hash=sha256:e3412f9faa9ade82aa64a50b602544efcba848c91384e9f93497a458767e6926"
INSIDE = "debugpy/_vendored/pydevd/pydevd_attach_to_process/"
IMAGES = ("attach_amd64.dll", "inject_dll_amd64.exe", "run_code_on_dllmain_amd64.dll")
OPTIONS = ("--no-deps", "--only-binary=:all:", "--platform", "win_amd64", "--python-version", "39", "--require-hashes")


def folder() -> Path:
    """Where they are, or will be."""
    chosen = os.environ.get("LIVEDUMP_REAL_PDBS")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(chosen) if chosen else Path(cache) / "livedump-real-pdbs" / "debugpy-1.8.0"


def fetch(target: Path) -> None:
    """Downloads and unpacks them."""
    with tempfile.TemporaryDirectory() as work:
        wanted = Path(work) / "wanted.txt"
        wanted.write_text(PINNED)
        command = [sys.executable, "-m", "pip", "download", "--quiet", *OPTIONS, "-d", work, "-r", str(wanted)]
        subprocess.run(command, check=True)
        target.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(next(Path(work).glob("*.whl"))) as wheel:
            for name in (name for image in IMAGES for name in (image, image[:-3] + "pdb")):
                (target / name).write_bytes(wheel.read(INSIDE + name))


def find(where: Path) -> list[Built]:
    """The images and their PDBs; skips the test where they are not, and in CI fetches them."""
    if not where.exists() and os.environ.get("CI") == "true":
        fetch(where)
    if not where.exists():
        pytest.skip("needs python -m tests.symbols.real_pdbs")
    return [Built(where / name, (where / name).with_suffix(".pdb")) for name in IMAGES]


def without_private_symbols(pdb: Path, target: Path) -> None:
    """Writes the PDB as Microsoft publishes its own: publics stay, everything else about names goes."""
    data = bytearray(pdb.read_bytes())
    msf = open_pdb(pdb).msf
    header = msf.read(3, 0, 64)
    module_bytes, records = struct.unpack_from("<i", header, 24)[0], struct.unpack_from("<H", header, 20)[0]
    places = _places(bytes(data))
    modules = msf.read(3, 0, 64 + module_bytes)
    at = 64
    while at + 64 < len(modules):
        _patch(data, places[3], at + 34, b"\xff\xff\0\0\0\0")  # no stream, no symbols
        at = (modules.index(b"\0", modules.index(b"\0", at + 64) + 1) + 4) & ~3
    symbols, at = msf.read(records), 0
    while at + 4 <= len(symbols):
        length, kind = struct.unpack_from("<HH", symbols, at)
        if kind != 0x110E:
            _patch(data, places[records], at + 2, b"\x07\0")  # S_SKIP
        at += length + 2
    target.write_bytes(data)


def _places(data: bytes) -> list[list[int]]:
    """File offset of each block of each stream."""
    size, _, _, directory_size, _, block_list = struct.unpack_from("<IIIIII", data, 32)
    blocks = struct.unpack_from(f"<{-(-directory_size // size)}I", data, block_list * size)
    directory = b"".join(data[block * size : (block + 1) * size] for block in blocks)
    numbers = struct.unpack_from(f"<{directory_size // 4}I", directory)
    places, at = [], 1 + numbers[0]
    for length in numbers[1 : 1 + numbers[0]]:
        count = 0 if length == 0xFFFFFFFF else -(-length // size)
        places.append([block * size for block in numbers[at : at + count]])
        at += count
    return places


def _patch(data: bytearray, blocks: list[int], offset: int, new: bytes) -> None:
    """Overwrites bytes of a stream; blocks have 4096 bytes."""
    for position, value in enumerate(new, offset):
        data[blocks[position // 4096] + position % 4096] = value


if __name__ == "__main__":
    fetch(folder())
