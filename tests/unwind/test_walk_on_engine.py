"""Stacks whose functions end where a call returns to: the rows are those of Microsoft's own engine."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from livedump.engines.native import NativeEngine
from tests.synth import Built, ToolchainMissing, build
from tests.unwind.x64_programs import load_image

if TYPE_CHECKING:
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab
Entry = tuple[int, int, int]


def function_table(image: bytes) -> list[Entry]:
    """All entries of an image's function table."""
    headers = struct.unpack_from("<I", image, 0x3C)[0]
    start, size = struct.unpack_from("<II", image, headers + 0x18 + 0x70 + 3 * 8)
    return list(struct.iter_unpack("<III", image[start : start + size]))


def cut_function(dump: Built, folder: Path, address: int, next_begins_there: bool) -> Path:
    """The dump with the function of nt that holds ``address`` ending right there."""
    kernel = next(path for path in dump.images.iterdir() if path.name.lower() in ("ntoskrnl.exe", "ntkrnlmp.exe"))
    table = function_table(load_image(kernel.read_bytes()))
    at = address - dump.truth.kernel_base
    index = next(number for number, (begin, end, _) in enumerate(table) if begin < at <= end)
    (begin, _, info), (next_begin, next_end, next_info) = table[index : index + 2]
    old = struct.pack("<6I", *table[index], *table[index + 1])
    new = struct.pack("<6I", begin, at, info, at if next_begins_there else next_begin, next_end, next_info)
    data = dump.path.read_bytes()
    assert data.count(old) == 1
    cut = folder / "cut.dmp"
    cut.write_bytes(data.replace(old, new))
    return cut


def printed_rows(output: str) -> list[tuple[int, int]]:
    """Child-SP and RetAddr of each row of ``kn``."""
    rows = re.findall(r"^[0-9a-f]{2} ([0-9a-f]{8})`([0-9a-f]{8}) ([0-9a-f]{8})`([0-9a-f]{8}) ", output, re.MULTILINE)
    return [(int(a + b, 16), int(c + d, 16)) for a, b, c, d in rows]


@pytest.mark.parametrize(
    ("name", "frame", "next_begins_there"),
    [
        ("taskmgr-full", 6, False),
        ("taskmgr-full", 6, True),
        ("taskmgr-full", 0, False),
        ("unwind-zoo", 5, False),
    ],
    ids=["nothing follows", "another function follows", "innermost frame", "large frame"],
)
def test_the_rows_of_a_function_cut_at_a_return_address_are_those_of_the_engine(
    lab: Lab, tmp_path: Path, name: str, frame: int, next_begins_there: bool
) -> None:
    try:
        dump = build(name)
    except ToolchainMissing as missing:
        pytest.skip(str(missing))
    cut = cut_function(dump, tmp_path, dump.truth.stack[frame].instruction, next_begins_there)
    result = lab.debugger(cut, "kn", symbol_path=str(dump.symbols))
    expected = printed_rows(result.text)
    assert len(expected) >= 1, result
    engine = NativeEngine(str(cut), symbols="")
    try:
        assert [(row.child_sp, row.return_address) for row in engine.stack().frames] == expected
    finally:
        engine.close()
