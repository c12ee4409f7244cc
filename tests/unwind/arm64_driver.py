"""A real ARM64 driver and its PDB: System Informer's, signed, of the MIT licence, out of its public repository.

``python -m tests.unwind.arm64_driver`` fetches the pair; tests that need it skip where it is not.
"""

from __future__ import annotations

import hashlib
import os
import struct
import urllib.request
from pathlib import Path

import pytest

from tests.unwind.x64_programs import load_image

COMMIT = "13da31556bfa26d77669d7a2ca83f1ceb75cf462"
PLACE = f"https://raw.githubusercontent.com/winsiderss/systeminformer/{COMMIT}/KSystemInformer/bin-signed/arm64/"
DIGESTS = {
    "systeminformer.sys": "a6adbb0d454dd590e2c5dbb1ede6786066b51b567774034f53fea927e7aa518e",
    "systeminformer.pdb": "2435532c905f995d5e7ca4be79071c730e85269dc4104fcafa4ad56a03539644",
}
FUNCTIONS = 386
"""Entries of its exception directory."""


def folder() -> Path:
    """Where the pair is, or will be."""
    chosen = os.environ.get("LIVEDUMP_REAL_DRIVERS")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "livedump-real-drivers"
    return Path(chosen) if chosen else cache / f"systeminformer-{COMMIT[:8]}"


def find_driver() -> Path:
    """The driver's file; skips the test where it is not."""
    found = folder() / "systeminformer.sys"
    if not found.exists():
        pytest.skip("needs python -m tests.unwind.arm64_driver")
    return found


def loaded_driver() -> bytes:
    """The driver as the loader lays it out; skips the test where it is not."""
    return load_image(find_driver().read_bytes())


def exception_directory(image: bytes) -> list[tuple[int, int]]:
    """The entries as they stand: begin, and unwind data."""
    optional = struct.unpack_from("<I", image, 0x3C)[0] + 24
    start, size = struct.unpack_from("<II", image, optional + 112 + 8 * 3)
    return [struct.unpack_from("<II", image, at) for at in range(start, start + size, 8)]


def main() -> None:
    """Fetches the pair."""
    target = folder()
    target.mkdir(parents=True, exist_ok=True)
    for name, digest in DIGESTS.items():
        with urllib.request.urlopen(PLACE + name, timeout=60) as answer:  # noqa: S310 - a constant address
            data = answer.read()
        if hashlib.sha256(data).hexdigest() != digest:
            raise SystemExit(f"{name} is another file than the one that the tests know")
        (target / name).write_bytes(data)


if __name__ == "__main__":
    main()
