"""Programs that are known to ask for live dumps."""

from __future__ import annotations

from pathlib import Path

import pytest

from livedump.model.findings import OriginKind
from livedump.reference.entries import BadEntry
from livedump.reference.processes import find_known_process, read_known_processes


@pytest.mark.parametrize(
    ("name", "origin", "tool"),
    [
        ("Taskmgr.exe", OriginKind.TASK_MANAGER, "Task Manager"),
        ("TASKMGR.EXE", OriginKind.TASK_MANAGER, "Task Manager"),
        ("livekd64.exe", OriginKind.LIVEKD_OR_SYSTEM_INFORMER, "LiveKd"),
        ("WmiPrvSE.exe", OriginKind.POWERSHELL_STORAGE_DIAGNOSTICS, "WMI provider host"),
        ("rhs.exe", OriginKind.FAILOVER_CLUSTER, "Failover Cluster resource host"),
        ("LiveDump.exe", OriginKind.SYSTEM_DEBUG_CONTROL, "livedump by Sedeniono"),
    ],
)
def test_a_program_hints_at_an_origin(name: str, origin: OriginKind, tool: str) -> None:
    known = find_known_process(name)
    assert known is not None
    assert (known.origin, known.tool) == (origin, tool)


@pytest.mark.parametrize("name", ["SystemInformer.exe", "SystemInformer.", "SystemInformer", "systeminformer"])
def test_a_name_is_found_as_the_kernel_shortens_it(name: str) -> None:
    # EPROCESS.ImageFileName is 15 bytes: 14 characters and a zero, 15 where the zero was left out.
    known = find_known_process(name)
    assert known is not None
    assert known.name == "SystemInformer.exe"


@pytest.mark.parametrize("name", ["", "evil.exe", "SystemInforme", "Taskmgr", "Taskmgr.exe2", "x" * 999, "svchost.exe"])
def test_other_programs_hint_at_nothing(name: str) -> None:
    assert find_known_process(name) is None


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        ("[taskmanager]\n", 1, "expected an origin of task-manager, "),
        ("[task-manager]\nTaskmgr.exe Task Manager\n", 2, "expected a file name, two spaces and a tool"),
        ("[task-manager]\nTaskmgr.exe\n", 2, "expected a file name, two spaces and a tool"),
        ("[task-manager]\na.exe  A\n[failover-cluster]\nA.EXE  B\n", 4, "A.EXE stands above already"),
    ],
)
def test_a_bad_program_is_named_by_file_and_line(tmp_path: Path, content: str, line: int, problem: str) -> None:
    path = tmp_path / "processes.txt"
    path.write_text(content, "utf-8")
    with pytest.raises(BadEntry) as caught:
        read_known_processes(path)
    assert str(caught.value).startswith(f"processes.txt:{line}: {problem}")
