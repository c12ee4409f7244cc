"""Where cdb and kd are: a given path, PATH, the Windows Kits, the WinDbg of the store."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from livedump.model.errors import EngineUnavailable

NAMES = ("cdb", "kd")
KITS = ("10", "8.1")
PROCESSORS = ("x64", "arm64", "x86")

_ADVICE = (
    "install the Debugging Tools for Windows (part of the Windows SDK) or WinDbg, or name the program with --cdb; "
    "the native engine needs no debugger"
)


def locate_cdb(given: str | None, environment: Mapping[str, str]) -> str:
    """The path of the debugger to run: ``given`` when there is one, else the first that is found.

    Raises:
        EngineUnavailable: there is none; the message says where it was looked for and what to do.
    """
    if given is not None:
        if Path(given).is_file():
            return str(Path(given).absolute())
        raise EngineUnavailable(f"there is no debugger at {given}; name cdb.exe or kd.exe itself, with its folder")
    found = next((path for path in iter_places(environment) if path.is_file()), None)
    if found is None:
        folders = ", ".join(dict.fromkeys(str(path.parent) for path in iter_places(environment))) or "no folder at all"
        raise EngineUnavailable(f"no cdb or kd was found in {folders}; {_ADVICE}")
    return str(found)


def iter_places(environment: Mapping[str, str]) -> Iterator[Path]:
    """Every path where the debugger may be, best first.

    Relative folders of PATH and the current folder are left out: a file beside a dump must not be run.
    """
    suffixes = (".exe",) if os.name == "nt" else ("", ".exe")
    for folder in map(Path, environment.get("PATH", "").split(os.pathsep)):
        if folder.is_absolute():
            yield from (folder / f"{name}{suffix}" for name in NAMES for suffix in suffixes)
    for variable in ("ProgramFiles(x86)", "ProgramFiles"):
        for kit, processor, name in ((k, p, n) for k in KITS for p in PROCESSORS for n in NAMES):
            if environment.get(variable):
                yield Path(environment[variable], "Windows Kits", kit, "Debuggers", processor, f"{name}.exe")
    if environment.get("LOCALAPPDATA"):
        store = Path(environment["LOCALAPPDATA"], "Microsoft", "WindowsApps")
        yield from (store / f"{name}{processor}.exe" for name in NAMES for processor in ("X64", "ARM64", "X86"))
