"""Times of a PDB with forty thousand publics: ``python -m tests.benchmarks.bench_pdb [--clang] [count]``.

The file is written by the tests' own MSF writer or, with ``--clang``, assembled and linked; then symbolic's figures
stand beside ours, when it is installed.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from livedump.model.images import Module, PdbIdentity
from livedump.symbols.files.path import parse_symbol_path
from livedump.symbols.pdb.pdb_file import open_pdb
from livedump.symbols.resolver import Symbolizer
from tests.symbols.msf_writer import PdbSpec, pdb_bytes

COUNT = 40_000
BASE = 0xFFFFF80500000000
ROUNDS = 9
CODE = 0x1000


def made_pdb(folder: Path, count: int) -> Path:
    """Publics of about the length and kind that ntkrnlmp.pdb has, in a store."""
    draw = random.Random(1)
    names = [f"{draw.choice(['Ki', 'Mi', 'Io', 'Ps', 'Etw', '?Sm'])}Function{n:x}" for n in range(count)]
    decorated = [f"{name}@ST_STORE@@QEAAJPEAU?$SMKM_STORE@V1@@@Z@Z" if name[0] == "?" else name for name in names]
    publics = [(1, n * 48, name) for n, name in enumerate(decorated)]
    draw.shuffle(publics)
    spec = PdbSpec(publics=publics, sections=((CODE, count * 48),), shuffle=3)
    path = folder / "bench.pdb" / f"{spec.guid}{spec.age:X}" / "bench.pdb"
    path.parent.mkdir(parents=True)
    path.write_bytes(pdb_bytes(spec))
    return path


def linked_pdb(folder: Path, count: int) -> Path:
    """The same number of publics out of lld-link, as a flat file."""
    lines = (f".globl Function{n:x}\n.p2align 4\nFunction{n:x}:\nmovl ${n},%eax\nret" for n in range(count))
    (folder / "b.s").write_text(".text\n" + "\n".join(lines) + "\n.globl entry\nentry:\nret\n")
    subprocess.run(["clang", "--target=x86_64-pc-windows-msvc", "-c", "b.s", "-o", "b.obj"], check=True, cwd=folder)
    link = ["lld-link", "/nologo", "/debug", "/driver", "/subsystem:native", "/entry:entry", "/nodefaultlib"]
    subprocess.run([*link, "/out:bench.sys", "/pdb:bench.pdb", "b.obj"], check=True, cwd=folder)
    return folder / "bench.pdb"


def milliseconds(work: Callable[[], object], before: Callable[[], object] = lambda: None) -> str:
    """Median and fastest of some rounds."""
    times = []
    for _ in range(ROUNDS):
        before()
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return f"{statistics.median(times):9.3f} ms  (best {min(times):.3f})"


def ours(pdb: Path, count: int) -> None:
    """Cold: no index. Warm: a new Symbolizer with the index there. Hot: one that is open."""
    found = open_pdb(pdb)
    identity = PdbIdentity("bench.pdb", found.guid, found.age)
    module = Module("bench", "bench.sys", BASE, 0x1000 + count * 64, 0, pdb=identity)
    root = pdb.parents[2] if pdb.parent.name == identity.store_key else pdb.parent
    path = parse_symbol_path(str(root))

    def forget() -> None:
        for index in [*root.rglob("*.ldsymidx"), *Path(os.environ["XDG_CACHE_HOME"]).rglob("*.ldsymidx")]:
            index.unlink(missing_ok=True)

    def look_up() -> None:
        assert Symbolizer([module], path).name(BASE + CODE + 48 * 100).symbol

    symbolizer = Symbolizer([module], path)
    addresses = [BASE + CODE + random.Random(7).randrange(count * 48) for _ in range(20_000)]
    print(f"cold look-up, index built        {milliseconds(look_up, forget)}")
    print(f"warm look-up, open and load      {milliseconds(look_up)}")
    hot = time.perf_counter()
    for address in addresses:
        symbolizer.name(address)
    print(f"look-ups in an open one          {len(addresses) / (time.perf_counter() - hot):9.0f} a second")


def theirs(pdb: Path) -> None:
    """symbolic: read the PDB, make its cache, open the saved cache."""
    try:
        import symbolic
    except ImportError:
        print("symbolic is not installed")
        return

    def make() -> Any:
        return symbolic.Archive.open(str(pdb)).get_object(arch="x86_64").make_symcache()

    saved = pdb.with_suffix(".symcache")
    with saved.open("wb") as file:
        make().dump_into(file)
    print(f"symbolic: cold, with a look-up   {milliseconds(lambda: make().lookup(CODE + 4800))}")
    warm = milliseconds(lambda: symbolic.SymCache.open(str(saved)).lookup(CODE + 4800))
    print(f"symbolic: warm, with a look-up   {warm}")


def main(arguments: list[str]) -> None:
    """Prints the figures."""
    count = next((int(word) for word in arguments if word.isdigit()), COUNT)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        pdb = (linked_pdb if "--clang" in arguments else made_pdb)(Path(folder), count)
        print(f"{count} publics, {pdb.stat().st_size / 1e6:.1f} MB")
        ours(pdb, count)
        if "--clang" in arguments:  # symbolic wants streams that the writer leaves out
            theirs(pdb)


if __name__ == "__main__":
    main(sys.argv[1:])
