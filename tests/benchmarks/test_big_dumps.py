"""What is measured is what it is said to be: the dumps are large, and the answers are those of the small ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from livedump.engines.native import NativeEngine
from livedump.symbols.pdb.pdb_file import open_pdb
from tests.benchmarks.big_dumps import GIB, PUBLICS, TYPES, make_case
from tests.synth import ToolchainMissing, build


def test_an_inflated_dump_answers_as_the_small_one_does(tmp_path: Path) -> None:
    try:
        truth = build("powershell-user").truth
        case = make_case(tmp_path, 8 * GIB)
    except ToolchainMissing as missing:
        pytest.skip(str(missing))
    engine = NativeEngine(str(case.path), str(case.symbols))
    dump, stack = engine.dump(), engine.stack()
    engine.close()
    assert dump.pages_present == dump.pages_promised
    assert dump.size == dump.expected_size
    assert dump.size is not None
    assert 7 * GIB - (1 << 25) < dump.size < 8 * GIB
    assert 512 * getattr(case.path.stat(), "st_blocks", 0) < 1 << 21
    assert [frame.call_site for frame in stack.frames] == [frame.site for frame in truth.stack]


def test_the_kernel_s_symbols_are_many(tmp_path: Path) -> None:
    try:
        case = make_case(tmp_path, GIB)
    except ToolchainMissing as missing:
        pytest.skip(str(missing))
    pdb = open_pdb(case.symbols / "ntkrnlmp.pdb")
    names = sum(1 for _ in pdb.iter_symbols())
    size = pdb.msf.stream_size(2)
    pdb.close()
    assert names > PUBLICS
    assert size > 90 * TYPES
