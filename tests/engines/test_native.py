"""What the native engine alone has to get right."""

from __future__ import annotations

import struct
from pathlib import Path

from livedump.engines.native import NativeEngine

EXAMPLE = Path(__file__).parents[2] / "examples" / "taskmgr.dmp"


def test_a_damaged_page_map_leaves_completeness_unknown(tmp_path: Path) -> None:
    data = bytearray(EXAMPLE.read_bytes())
    struct.pack_into("<Q", data, 0x2020, 0x3001)  # FirstPage of the bitmap header, which must lie on a page boundary
    path = tmp_path / "damaged.dmp"
    path.write_bytes(data)
    engine = NativeEngine(str(path))
    try:
        dump = engine.dump()
    finally:
        engine.close()
    assert (dump.size, dump.truncated) == (EXAMPLE.stat().st_size, None)
