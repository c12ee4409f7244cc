"""Where the debugger is looked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from livedump.engines.run.locate import iter_places, locate_cdb
from livedump.model.errors import EngineUnavailable


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def test_a_given_program_is_taken(tmp_path: Path) -> None:
    given = put(tmp_path / "my kd")
    assert locate_cdb(str(given), {}) == str(given)


def test_a_given_program_that_is_not_there_is_no_reason_to_take_another(tmp_path: Path) -> None:
    put(tmp_path / "cdb.exe")
    with pytest.raises(EngineUnavailable, match="there is no debugger at"):
        locate_cdb(str(tmp_path / "other.exe"), {"PATH": str(tmp_path)})


def test_path_comes_before_the_kits_and_the_store(tmp_path: Path) -> None:
    environment = {
        "PATH": os.pathsep.join([str(tmp_path / "empty"), str(tmp_path / "bin")]),
        "ProgramFiles(x86)": str(tmp_path / "program files"),
        "LOCALAPPDATA": str(tmp_path / "local"),
    }
    store = put(tmp_path / "local" / "Microsoft" / "WindowsApps" / "cdbX64.exe")
    assert locate_cdb(None, environment) == str(store)
    kit = put(tmp_path / "program files" / "Windows Kits" / "10" / "Debuggers" / "x64" / "cdb.exe")
    assert locate_cdb(None, environment) == str(kit)
    on_path = put(tmp_path / "bin" / "cdb.exe")
    assert locate_cdb(None, environment) == str(on_path)


def test_kd_will_do(tmp_path: Path) -> None:
    kd = put(tmp_path / "kd.exe")
    assert locate_cdb(None, {"PATH": str(tmp_path)}) == str(kd)


def test_a_file_in_the_current_folder_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "cdb.exe")
    monkeypatch.chdir(tmp_path)
    places = list(iter_places({"PATH": os.pathsep.join(["", ".", "bin"])}))
    assert places == []


def test_nothing_found_says_where_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable) as caught:
        locate_cdb(None, {"PATH": str(tmp_path), "ProgramFiles": str(tmp_path / "files")})
    assert str(tmp_path / "files" / "Windows Kits" / "10" / "Debuggers" / "x64") in str(caught.value)
    assert "install the Debugging Tools for Windows" in str(caught.value)


def test_no_folder_at_all() -> None:
    with pytest.raises(EngineUnavailable, match="no folder at all"):
        locate_cdb(None, {})


def test_folders_of_the_symbol_path_are_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from livedump.engines.cdb import _symbol_path

    (tmp_path / "symbols").mkdir()
    monkeypatch.chdir(tmp_path)
    full = str(tmp_path / "symbols")
    path = _symbol_path("symbols;srv*symbols*https://server/x;missing", {}, tmp_path)
    assert path == f"{full};srv*{full}*https://server/x;missing;{tmp_path}"
