"""Headers of images in memory, against llvm-readobj, against what the sources say, and against damage."""

from __future__ import annotations

import random
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from livedump.images import image as images
from livedump.images.image import read_image, read_pdb_identity
from livedump.images.version import find_file_version
from livedump.model.errors import DamagedDump, DumpError, MemoryGap
from tests.images.tiny_image import (
    BASE,
    CHECKSUM,
    PDATA,
    PUSH_RBX,
    SIZE,
    TEXT,
    TIMESTAMP,
    Function,
    headers,
    tiny_image,
)
from tests.unwind.x64_programs import BASE as LINKED_BASE
from tests.unwind.x64_programs import Bytes, Program, build_program

PAGE = 0x1000
needs_tools = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in ("clang", "lld-link", "llvm-readobj", "llvm-rc")),
    reason="clang, lld-link, llvm-readobj and llvm-rc are not all installed",
)
RESOURCES = """1 VERSIONINFO
FILEVERSION 10,0,26100,4202
PRODUCTVERSION 1,2,3,4
BEGIN
  BLOCK "StringFileInfo"
  BEGIN
    BLOCK "040904b0"
    BEGIN
      VALUE "FileDescription", "made for a test"
    END
  END
END
"""


def pages_of(data: bytes, base: int, missing: int | None = None) -> Bytes:
    """The image's pages as memory, one of them left out."""
    pages = {base + at: data[at : at + PAGE] for at in range(0, len(data), PAGE) if at != missing}
    return _Pages(pages)


class _Pages(Bytes):
    # Reads may cross from one page to the next.
    def read(self, address: int, size: int) -> bytes:
        self.reads.append((address, size))
        end, parts = address + size, []
        while address < end:
            page = self.ranges.get(address & -PAGE)
            if page is None:
                raise MemoryGap(address, MemoryGap.NOT_CAPTURED)
            part = page[address % PAGE : min(PAGE, address % PAGE + end - address)]
            parts.append(part)
            address += len(part)
        return b"".join(parts)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    folder = tmp_path_factory.mktemp("image")
    (folder / "version.rc").write_text(RESOURCES)
    subprocess.run(["llvm-rc", "/fo", "version.res", "version.rc"], cwd=folder, check=True)
    source = Path(__file__).parents[1] / "unwind" / "unwind_corpus.c"
    link = ("/debug", "/export:choose", "/pdbaltpath:d:\\made\\corpus.pdb", "version.res")
    return build_program(source, folder, "-O1", "-g", "-gcodeview", link=link)


def readobj(program: Program, *options: str) -> str:
    return subprocess.run(["llvm-readobj", *options, program.file], check=True, capture_output=True, text=True).stdout


def number(text: str, name: str) -> int:
    """The value that llvm-readobj prints behind ``name:``."""
    found = re.search(rf"\b{name}: (?:.*\()?(0x[0-9A-F]+|\d+)", text)
    assert found is not None, name
    return int(found[1], 0)


@needs_tools
def test_headers_are_those_that_llvm_readobj_prints(program: Program) -> None:
    text = readobj(program, "--file-headers")
    image = read_image(pages_of(program.memory, LINKED_BASE), LINKED_BASE)
    assert image.size == number(text, "SizeOfImage")
    assert image.timestamp == number(text, "TimeDateStamp")
    for span, name in ((image.exports, "ExportTable"), (image.exceptions, "ExceptionTable"), (image.debug, "Debug")):
        assert span is not None
        assert tuple(span) == (number(text, f"{name}RVA"), number(text, f"{name}Size"))


@needs_tools
def test_sections_are_those_that_llvm_readobj_prints(program: Program) -> None:
    text = readobj(program, "--sections")
    image = read_image(pages_of(program.memory, LINKED_BASE), LINKED_BASE)
    expected = [
        (found[1], number(found[0], "VirtualAddress"), number(found[0], "VirtualSize"), "MEM_EXECUTE" in found[0])
        for found in re.finditer(r"Section \{\s+Number: \d+\s+Name: (\S+).*?\n  \}", text, re.DOTALL)
    ]
    assert [(s.name, s.span.start, s.span.size, s.executable) for s in image.sections] == expected
    assert len(expected) >= 4


@needs_tools
def test_pdb_identity_is_the_one_that_llvm_readobj_prints(program: Program) -> None:
    text = readobj(program, "--coff-debug-directory")
    identity = read_pdb_identity(pages_of(program.memory, LINKED_BASE), read_image_of(program))
    printed = re.search(r"PDBGUID: [({](.*)[)}]", text)
    assert printed is not None
    if "-" in printed[1]:
        expected = printed[1].replace("-", "")
    else:  # older versions print the sixteen bytes in their order in the file
        raw = bytes.fromhex(printed[1])
        expected = "{:08X}{:04X}{:04X}".format(*struct.unpack("<IHH", raw[:8])) + raw[8:].hex().upper()
    assert identity is not None
    assert identity == ("d:\\made\\corpus.pdb", expected, number(text, "PDBAge"))


def read_image_of(program: Program) -> images.Image:
    return read_image(pages_of(program.memory, LINKED_BASE), LINKED_BASE)


@needs_tools
def test_file_version_is_that_of_the_resource_script(program: Program) -> None:
    assert find_file_version(pages_of(program.memory, LINKED_BASE), read_image_of(program)) == "10.0.26100.4202"


@needs_tools
def test_a_missing_page_is_a_gap_for_the_pdb_identity_and_no_answer_for_the_version(program: Program) -> None:
    image = read_image_of(program)
    assert image.debug is not None
    assert image.resources is not None
    with pytest.raises(MemoryGap) as caught:
        read_pdb_identity(pages_of(program.memory, LINKED_BASE, image.debug.start & -PAGE), image)
    assert caught.value.address == LINKED_BASE + image.debug.start
    assert find_file_version(pages_of(program.memory, LINKED_BASE, image.resources.start & -PAGE), image) is None


def test_the_headers_of_a_hand_made_image() -> None:
    image = read_image(Bytes({BASE: tiny_image(Function(TEXT, TEXT + 9, PUSH_RBX))}), BASE)
    assert (image.size, image.timestamp, image.checksum, image.machine) == (SIZE, TIMESTAMP, CHECKSUM, 0x8664)
    assert image.exceptions == (PDATA, 12)
    assert (image.exports, image.resources, image.debug) == (None, None, None)
    assert [image.is_code(BASE + at) for at in (TEXT - 1, TEXT, TEXT + 0xFFF, PDATA)] == [False, True, True, False]


def test_a_missing_page_of_headers_is_a_gap() -> None:
    with pytest.raises(MemoryGap):
        read_image(Bytes({}), BASE)


@pytest.mark.parametrize(
    ("at", "value"),
    [(0, b"ZM"), (0x3C, b"\xff\xff\xff\xff"), (0x40, b"NE"), (0x58, b"\x07\x01"), (0x54, b"\x10\0")],
    ids=["no MZ", "new header far away", "no PE", "optional header of another kind", "optional header too small"],
)
def test_what_is_no_image_is_refused(at: int, value: bytes) -> None:
    data = bytearray(tiny_image(Function(TEXT, TEXT + 9, PUSH_RBX)))
    data[at : at + len(value)] = value
    with pytest.raises(DamagedDump):
        read_image(Bytes({BASE: bytes(data)}), BASE)


def test_a_directory_outside_of_the_image_is_absent() -> None:
    page = headers(0x10000, resources=(SIZE - 8, 16), debug=(0xFFFFFFF0, 0xFFFFFFF0))
    image = read_image(Bytes({BASE: page.ljust(PAGE, b"\0")}), BASE)
    assert (image.exceptions, image.resources, image.debug) == (None, None, None)


def test_resources_that_refer_to_themselves_have_no_version() -> None:
    directory = struct.pack("<12xHHII", 0, 1, 16, 0x80000000)
    data = bytearray(tiny_image(Function(TEXT, TEXT + 9, PUSH_RBX)))
    data[: len(headers(12))] = headers(12, resources=(TEXT, 0x100))
    data[TEXT : TEXT + len(directory)] = directory
    memory = Bytes({BASE: bytes(data)})
    assert find_file_version(memory, read_image(memory, BASE)) is None


def test_damaged_images_give_answers_or_dump_errors() -> None:
    chance = random.Random(20)
    whole = bytearray(tiny_image(Function(TEXT, TEXT + 9, PUSH_RBX)))
    whole[: len(headers(12))] = headers(12, resources=(TEXT, 0x200), debug=(TEXT + 0x200, 0x38))
    for _ in range(3000):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 8)):
            at = chance.choice((chance.randrange(0x200), TEXT + chance.randrange(0x240)))
            data[at] = chance.choice((0, 1, 0x10, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        memory = Bytes({BASE: bytes(data)})
        try:
            image = read_image(memory, BASE)
            find_file_version(memory, image)
            read_pdb_identity(memory, image)
        except DumpError:
            pass
        assert len(memory.reads) < 20
        assert sum(size for _, size in memory.reads) < 0x8000
