"""Writes made-up dumps: ``python -m tests.synth OUTDIR [NAME ...]``; ``--examples`` writes those of the docs."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from tests.synth.builder import Built, build
from tests.synth.kernel.building import BuiltSystem
from tests.synth.kernel.scenario_damage import DAMAGED
from tests.synth.kernel.scenario_series import SERIES
from tests.synth.kernel.scenarios import KERNEL_SCENARIOS, build_damaged, build_series
from tests.synth.kernel.scenarios import build as build_kernel
from tests.synth.scenarios import SCENARIOS

BY_DEFAULT = [*SCENARIOS, *(name for name, scenario in KERNEL_SCENARIOS.items() if not scenario.large)]
EXAMPLES = {"taskmgr.dmp": "taskmgr-full", "powershell.dmp": "powershell-user"}


def main(arguments: list[str]) -> int:
    """Exit status of the command line ``arguments``."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.synth", description="Write made-up kernel dumps and their symbols."
    )
    parser.add_argument("folder", type=Path, help="where to write")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"scenarios; by default {', '.join(BY_DEFAULT)}; also server, server-full, the series "
        f"{', '.join(SERIES)}, and damaged ones such as threads-circular",
    )
    parser.add_argument("--on", default="", metavar="BUILD", help="layout for the systems on kernel layouts")
    parser.add_argument("--examples", action="store_true", help="write the examples of the documentation instead")
    options = parser.parse_args(arguments)
    if options.examples:
        write_examples(options.folder)
        return 0
    for name in options.names or BY_DEFAULT:
        for built in built_dumps(name, options.on):
            _copy(built, options.folder / name, built.path.name)
            print(f"{built.path.stem:22} {built.path.stat().st_size:9}  {description(name)}")
    return 0


def built_dumps(name: str, on: str) -> tuple[Built | BuiltSystem, ...]:
    """The dumps of a scenario: several of a series."""
    if name in SCENARIOS:
        return (build(name),)
    if name in SERIES:
        return build_series(name, on)
    return (build_damaged(name, on) if name in DAMAGED else build_kernel(name, on),)


def description(name: str) -> str:
    """What a scenario is about."""
    for scenarios in (SCENARIOS, KERNEL_SCENARIOS):
        if name in scenarios:
            return str(scenarios[name].description)
    return "several dumps of one machine" if name in SERIES else "damaged on purpose"


def write_examples(folder: Path) -> None:
    """Write the examples' dumps and one folder with the symbols of both."""
    for file_name, scenario in EXAMPLES.items():
        _copy(build(scenario), folder, file_name)


def _copy(built: Built | BuiltSystem, folder: Path, file_name: str) -> None:
    symbols = folder / "symbols"
    symbols.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(built.path, folder / file_name)
    for symbol_file in built.symbols.iterdir():
        shutil.copyfile(symbol_file, symbols / symbol_file.name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
