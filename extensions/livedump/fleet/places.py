"""Where Windows keeps its kernel dumps by itself."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import PureWindowsPath
from typing import NamedTuple

CRASH_CONTROL = r"SYSTEM\CurrentControlSet\Control\CrashControl"
PATH_VALUES = {
    CRASH_CONTROL: ("DumpFile", "MinidumpDir", "DedicatedDumpFile"),
    CRASH_CONTROL + r"\FullLiveKernelReports": ("LiveKernelReportsPath",),
    CRASH_CONTROL + r"\LiveKernelReports": ("LiveKernelReportsPath",),
}
"""Values of the registry that move a dump elsewhere."""


REGISTRY = tuple(f"HKLM\\{key}\\{name}" for key, names in PATH_VALUES.items() for name in names)
PLACES_BY_NAME = {"SystemRoot": "%SystemRoot%", "LOCALAPPDATA": "%LocalAppData%"}
"""An environment for whoever is not on the system whose places are asked for."""


class DumpPlace(NamedTuple):
    """One file or folder."""

    path: str
    what: str
    """Who puts dumps there."""


def default_places(environment: Mapping[str, str]) -> tuple[DumpPlace, ...]:
    """The places of this Windows system, those of its registry included, whether or not anything is there."""
    root = environment.get("SystemRoot", r"C:\Windows")
    local = environment.get("LOCALAPPDATA")
    places = [
        DumpPlace(str(PureWindowsPath(root, "LiveKernelReports")), "Windows Error Reporting, one folder a component"),
        DumpPlace(str(PureWindowsPath(root, "Minidump")), "small dumps of crashes"),
        DumpPlace(str(PureWindowsPath(root, "MEMORY.DMP")), "the last crash"),
    ]
    if local:
        folder = PureWindowsPath(local, "Microsoft", "Windows", "TaskManager", "LiveKernelDumps")
        places.insert(0, DumpPlace(str(folder), "Task Manager, Details, Create live kernel memory dump file"))
    places += [DumpPlace(path, "set in the registry") for path in _configured(environment)]
    return tuple({place.path.lower(): place for place in reversed(places)}.values())[::-1]


def _configured(environment: Mapping[str, str]) -> list[str]:
    if sys.platform != "win32":
        return []
    import winreg  # noqa: PLC0415 - only Windows has it

    found = []
    for key, names in PATH_VALUES.items():
        for name in names:
            try:
                with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key) as opened:
                    found.append(str(winreg.QueryValueEx(opened, name)[0]))
            except OSError:
                continue
    return [_without_variables(path, environment) for path in found if path]


def _without_variables(path: str, environment: Mapping[str, str]) -> str:
    known = {name.lower(): value for name, value in environment.items()}
    return re.sub(r"%([^%]+)%", lambda match: known.get(match[1].lower(), match[0]), path)
