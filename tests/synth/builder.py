"""Makes dumps and keeps them: files, symbol folders and truths, in a cache that the generator's own sources key."""

from __future__ import annotations

import hashlib
import os
import pickle
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tests.synth import toolchain, writers
from tests.synth.images import Image, linked_image
from tests.synth.machine import Machine, assemble_machine, record_bug_check
from tests.synth.scenarios import ARM64_SCENARIOS, SCENARIOS
from tests.synth.spec import DumpSpec, Truth
from tests.synth.truths import is_live, truth_of

GENERATED_BY = Path(__file__).parent


@dataclass(frozen=True)
class Built:
    """A dump on disk."""

    path: Path
    symbols: Path
    """Flat folder of symbol files."""
    images: Path
    """Flat folder of the loaded modules' files, for an engine to look up what a triage dump does not hold."""
    truth: Truth


def build(name: str, cache_dir: Path | None = None) -> Built:
    """The scenario called ``name``, from the cache if it stands there. Raises: ToolchainMissing."""
    return build_spec({**SCENARIOS, **ARM64_SCENARIOS}[name].spec(), cache_dir, name)


def build_spec(spec: DumpSpec, cache_dir: Path | None = None, name: str = "variant") -> Built:
    """The dump that ``spec`` asks for, from the cache if it stands there. Raises: ToolchainMissing."""
    cache = cache_dir or default_cache()
    place = cache / f"{name}-{hashlib.sha256(repr(spec).encode()).hexdigest()[:12]}"
    if not place.exists():
        _build_into(place, spec, name, cache / "images")
    truth = pickle.loads((place / "truth.pickle").read_bytes())  # noqa: S301 - written by this function
    return Built(place / f"{name}.dmp", place / "symbols", place / "images", truth)


@lru_cache(maxsize=1)
def default_cache() -> Path:
    """Folder of this generator's dumps, in ``$LIVEDUMP_SYNTH`` or the user's cache; sources and compiler key it."""
    root = Path(os.environ.get("LIVEDUMP_SYNTH") or Path.home() / ".cache" / "livedump-synth")
    others = ("test_", "conftest", "__main__", "plain_reader", "listings")
    found = [*GENERATED_BY.glob("*.py"), *(GENERATED_BY / "arm64").glob("*.py")]
    sources = sorted(path for path in found if not path.name.startswith(others))
    digest = hashlib.sha256(toolchain.toolchain_version().encode())
    for path in sources:
        digest.update(path.name.encode() + path.read_bytes())
    return root / digest.hexdigest()[:16]


def _build_into(place: Path, spec: DumpSpec, name: str, images: Path) -> None:
    """Build beside ``place`` and move there in one step, so that nobody sees half a dump."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=str(place.parent)) as temporary:
        work = Path(temporary) / "dump"
        (work / "symbols").mkdir(parents=True)
        (work / "images").mkdir()
        machine = assemble_machine(spec.machine, lambda key: linked_image(key, images, spec.machine.processor))
        if is_live(spec) is False:
            record_bug_check(machine, spec.code, spec.parameters)
        whole = writers.dump_file(machine, spec)
        cut = whole.data[: spec.cut_to]
        (work / f"{name}.dmp").write_bytes(cut)
        for symbol_file in symbol_files(machine):
            os.link(symbol_file, work / "symbols" / symbol_file.name)
        for module in spec.machine.modules:
            os.link(machine.images[module.key].image.file, work / "images" / module.name)
        (work / "truth.pickle").write_bytes(pickle.dumps(truth_of(machine, spec, whole)))
        try:
            work.rename(place)
        except OSError:
            if not place.exists():
                raise


def symbol_files(machine: Machine) -> list[Path]:
    """Symbol files of the kernel and of every image that a frame stands in."""
    used = {site.partition("!")[0] for execution in machine.executions.values() for site, _ in execution.code}
    images: dict[str, Image] = {loaded.image.source.module: loaded.image for loaded in machine.images.values()}
    return [images[module].symbol_file for module in sorted(used | {"nt"})]
