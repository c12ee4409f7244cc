"""What an image says of itself: from memory with holes in it, and from disk."""

from __future__ import annotations

import contextlib
import random
import re
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from livedump.images.exports import ExportTable
from livedump.images.image import find_pdb_identity, read_image
from livedump.model.errors import DumpError, MemoryGap, NotKnown, SymbolError
from livedump.model.images import Module
from livedump.symbols.files.image_file import ImageFile, find_image, open_image
from livedump.symbols.files.path import parse_symbol_path
from livedump.symbols.files.search import FileSearch
from tests.symbols.server import Answer, SymbolServer
from tests.symbols.toolchain import Built, build, identity_of, need

BASE = 0xFFFFF80500000000
Read = Callable[[int, int], bytes]

SOURCE = r"""
extern "C" {
int _fltused = 0;
__declspec(dllexport) int Second(int a) { return a * 7; }
__declspec(dllexport) int First(int a) { return a * 3; }
int hidden(int a) { return a * 11; }
__declspec(dllexport) int Third(int a) { return hidden(a); }
int entry(int a) { return First(a) + Second(a) + Third(a); }
}
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A driver that exports three functions."""
    return build(tmp_path_factory.mktemp("image"), "image", SOURCE)


@pytest.fixture
def image(built: Built) -> ImageFile:
    """It, open."""
    return open_image(built.image)


class Reading:
    """Memory that is read by a function."""

    def __init__(self, read: Read) -> None:
        self.read = read


def memory(image: ImageFile, holes: tuple[int, ...] = ()) -> Reading:
    """The image at BASE, but for the pages (by RVA) that are missing."""

    def read(address: int, size: int) -> bytes:
        rva = address - BASE
        for page in range(rva & ~0xFFF, rva + size, 0x1000):
            if page in holes or not 0 <= page < image.header.size:
                raise MemoryGap(BASE + page, MemoryGap.NOT_CAPTURED)
        return b"".join(one(at) for at in range(rva, rva + size))

    def one(rva: int) -> bytes:
        try:
            return image.read(rva, 1)
        except MemoryGap:
            return b"\0"  # the loader fills sections up with zeros

    return Reading(read)


def objdump(path: Path, option: str) -> str:
    """What llvm-objdump prints of an image."""
    need("llvm-objdump")
    return subprocess.run(["llvm-objdump", option, str(path)], check=True, capture_output=True, text=True).stdout


def test_the_header_is_that_of_the_file(built: Built, image: ImageFile) -> None:
    header = read_image(memory(image), BASE)
    text = objdump(built.image, "-p")
    assert header._replace(base=0) == image.header
    assert header.size == int(re.search(r"SizeOfImage\s+([0-9a-f]+)", text)[1], 16)  # type: ignore[index]
    assert header.machine == 0x8664
    names = re.findall(r"^\s+\d+ (\S+)", objdump(built.image, "-h"), re.MULTILINE)
    assert [section.name for section in header.sections] == names


def test_the_identity_is_that_of_the_pdb(built: Built, image: ImageFile) -> None:
    identity = find_pdb_identity(memory(image), BASE)
    assert identity is not None
    assert identity[1:] == identity_of(built.pdb)[1:]
    assert identity.name == str(built.pdb)  # lld-link writes the path it was given


def test_exports_are_found_by_address(built: Built, image: ImageFile) -> None:
    table = ExportTable(memory(image), image.header._replace(base=BASE))
    listed = re.findall(r"^\s+\d+\s+0x([0-9a-f]+)\s+(\w+)", objdump(built.image, "-p"), re.MULTILINE)
    exports = {int(rva, 16): name for rva, name in listed}
    assert set(exports.values()) == {"First", "Second", "Third"}
    for rva, name in exports.items():
        assert table.find(rva) == (rva, name)
        assert table.find(rva + 3) == (rva, name)
    assert table.find(min(exports) - 1) is None


def test_missing_pages_mean_not_known(image: ImageFile) -> None:
    header = image.header._replace(base=BASE)
    assert header.debug is not None
    assert header.exports is not None
    with pytest.raises(MemoryGap):
        read_image(memory(image, (0,)), BASE)
    assert find_pdb_identity(memory(image, (0,)), BASE) is None
    assert find_pdb_identity(memory(image, (header.debug.start & ~0xFFF,)), BASE) is None
    with pytest.raises(MemoryGap):
        ExportTable(memory(image, (header.exports.start & ~0xFFF,)), header)


FAR_HEADER = b"MZ" + bytes(58) + b"\xff\xff\xff\x7f" + bytes(4000)
NO_IMAGES = {"empty": b"", "short": b"MZ", "zeros": bytes(4096), "far": FAR_HEADER}


@pytest.mark.parametrize("data", NO_IMAGES.values(), ids=NO_IMAGES)
def test_what_is_no_image_has_no_header(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.sys"
    path.write_bytes(data)
    with pytest.raises(SymbolError, match="is not an image"):
        open_image(path)


def test_an_image_without_exports_is_a_symbol_error(tmp_path: Path) -> None:
    plain = build(tmp_path, "plain", 'extern "C" { int _fltused; int entry() { return 1; } }')
    image = open_image(plain.image)
    with pytest.raises(NotKnown, match="exports nothing"):
        ExportTable(image, image.header)


def test_bytes_come_from_their_section(built: Built, image: ImageFile) -> None:
    raw = built.image.read_bytes()
    text = image.header.sections[0]
    start = text.span.start
    assert image.read(start, 64) == raw[text.file_span.start : text.file_span.start + 64]
    assert image.read(0, 2) == b"MZ"
    assert image.read(start + text.file_span.size - 4, 8)[4:] == bytes(4)  # filled up by the loader
    assert image.read(start + 0xFFF, 1) == b"\0"
    for rva, size in ((start, 0x1001), (image.header.size, 1), (1 << 62, 1), (0, 1 << 40)):
        with pytest.raises(MemoryGap):
            image.read(rva, size)


def module(built: Built, image: ImageFile, **changes: int) -> Module:
    """The module that the image would be."""
    size, timestamp = changes.get("size", image.header.size), changes.get("timestamp", image.header.timestamp)
    return Module("image", built.image.name, BASE, size, timestamp)


def test_an_image_is_found_by_name_time_stamp_and_size(built: Built, image: ImageFile, tmp_path: Path) -> None:
    search = FileSearch(parse_symbol_path(str(built.image.parent)))
    assert find_image(search, module(built, image)).path == built.image
    for changes in ({"timestamp": 1}, {"size": 0x1000}):
        with pytest.raises(SymbolError, match="mismatch"):
            find_image(search, module(built, image, **changes))
    key = f"{image.header.timestamp:08X}{image.header.size:x}"
    kept = tmp_path / built.image.name / key / built.image.name
    kept.parent.mkdir(parents=True)
    kept.write_bytes(built.image.read_bytes())
    assert find_image(FileSearch(parse_symbol_path(f"srv*{tmp_path}")), module(built, image)).path == kept


def test_an_image_is_fetched_from_a_server(
    built: Built, image: ImageFile, tmp_path: Path, server: SymbolServer
) -> None:
    key = f"{image.header.timestamp:08X}{image.header.size:x}"
    server.serve(f"/{built.image.name}/{key}/{built.image.name}", Answer(built.image.read_bytes()))
    found = find_image(FileSearch(parse_symbol_path(f"srv*{tmp_path}*{server.url}")), module(built, image))
    assert found.path == tmp_path / built.image.name / key / built.image.name
    assert found.read(0, 2) == b"MZ"


def test_damaged_images_get_an_answer(image: ImageFile) -> None:
    draw = random.Random(9)
    pages = bytearray(memory(image).read(BASE, image.header.size))
    header = struct.unpack_from("<I", pages, 0x3C)[0]
    assert image.header.exports is not None
    assert image.header.debug is not None
    places = [*range(header, header + 0x200), *range(image.header.exports.start, image.header.exports.start + 80)]
    places += range(image.header.debug.start, image.header.debug.start + 60)
    for _ in range(1500):
        broken = bytearray(pages)
        for _ in range(draw.choice([1, 2, 4])):
            broken[draw.choice(places)] = draw.choice([0, 0x7F, 0x80, 0xFF, draw.randrange(256)])
        answer_all(broken)


def answer_all(pages: bytearray) -> None:
    """Asks everything of an image in memory."""

    def read(address: int, size: int) -> bytes:
        assert size < 1 << 20
        if not BASE <= address <= address + size <= BASE + len(pages):
            raise MemoryGap(address, MemoryGap.NOT_CAPTURED)
        return bytes(pages[address - BASE : address - BASE + size])

    memory = Reading(read)
    find_pdb_identity(memory, BASE)
    with contextlib.suppress(DumpError):
        ExportTable(memory, read_image(memory, BASE)).find(0x1010)
