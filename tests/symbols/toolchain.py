"""Images and PDBs made on the spot with clang and lld-link, and questions to llvm-pdbutil about them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from livedump.model.images import PdbIdentity

TOOLS = ("clang", "lld-link")
LINK = ("lld-link", "/nologo", "/debug", "/driver", "/subsystem:native", "/entry:entry", "/nodefaultlib")


class Built(NamedTuple):
    """One image and its PDB."""

    image: Path
    pdb: Path


def need(*tools: str) -> None:
    """Skips the test where a tool is missing."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")


def build(folder: Path, name: str, source: str, *options: str, private: bool = False) -> Built:
    """A driver image of C++ source text; its PDB has publics only, unless ``private``."""
    need(*TOOLS)
    text, obj = folder / f"{name}.cpp", folder / f"{name}.obj"
    built = Built(folder / f"{name}.sys", folder / f"{name}.pdb")
    text.write_text(source)
    flags = ["-O1", "-fno-inline", "-fno-exceptions", "-fno-rtti", *(("-g", "-gcodeview") if private else ()), *options]
    subprocess.run(["clang", "--target=x86_64-pc-windows-msvc", *flags, "-c", str(text), "-o", str(obj)], check=True)
    subprocess.run([*LINK, f"/out:{built.image}", f"/pdb:{built.pdb}", str(obj)], check=True)
    return built


def identity_of(pdb: Path) -> PdbIdentity:
    """What the image's debug directory would say, as llvm-pdbutil reads it from the PDB."""
    need("llvm-pdbutil")
    summary = subprocess.run(
        ["llvm-pdbutil", "dump", "-summary", str(pdb)], check=True, capture_output=True, text=True
    ).stdout
    guid = re.search(r"GUID: \{([0-9A-F-]+)\}", summary)
    age = re.search(r"Age: (\d+)", summary)
    assert guid
    assert age
    return PdbIdentity("Z:\\build\\" + pdb.name, guid[1].replace("-", ""), int(age[1]))
