"""Every data file loads whole and agrees with the others: who edits one without running Python breaks no report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from livedump import reference
from livedump.model.findings import OriginKind
from livedump.reference.capture_frames import read_frame_patterns
from livedump.reference.codes import CodeKind, bug_check_name, find_live_code, live_codes, read_live_codes
from livedump.reference.driver_parameters import read_driver_parameters
from livedump.reference.entries import iter_entries, iter_sections, read_names
from livedump.reference.guest_drivers import read_guest_drivers
from livedump.reference.origins import read_origin_codes
from livedump.reference.processes import read_known_processes
from livedump.reference.public_names import read_public_names
from livedump.reference.secondary_data import read_secondary_data
from livedump.reference.signature_lists import read_frame_list
from livedump.reference.starting_points import read_starting_points

ROOM = Path(reference.__file__).parent
FACTS = Path(__file__).parents[2].parent / "shared" / "facts"

READERS: dict[str, Callable[[Path], Iterable[object]]] = {
    "bug_check_names.txt": read_names,
    "capture_frames.txt": read_frame_patterns,
    "guest_drivers.txt": read_guest_drivers,
    "known_processes.txt": read_known_processes,
    "live_dump_codes.txt": read_live_codes,
    "ntstatus.txt": read_names,
    "origin_codes.txt": read_origin_codes,
    "public_names.txt": read_public_names,
    "secondary_data.txt": read_secondary_data,
    "signature_drivers.txt": read_driver_parameters,
    "signature_join.txt": read_frame_list,
    "signature_skip.txt": read_frame_list,
    "spin_frames.txt": iter_entries,
    "starting_points.txt": read_starting_points,
    "waiting_drivers.txt": iter_sections,
    "waiting_frames.txt": iter_sections,
}


def test_every_data_file_has_a_reader() -> None:
    files = {path.name for path in ROOM.iterdir() if path.is_file() and path.suffix != ".py"}
    assert files == set(READERS)


@pytest.mark.parametrize("name", READERS)
def test_a_data_file_loads_whole(name: str) -> None:
    assert list(READERS[name](ROOM / name))


@pytest.mark.parametrize("name", READERS)
def test_a_data_file_tells_its_editor_how_to_write_it(name: str) -> None:
    assert (ROOM / name).read_text("utf-8").startswith("# ")


@pytest.mark.parametrize("name", ["bug_check_names.txt", "ntstatus.txt"])
def test_numbers_stand_in_their_order(name: str) -> None:
    numbers = [int(entry.text.split()[0], 16) for entry in iter_entries(ROOM / name)]
    assert numbers == sorted(numbers)


def test_live_codes_stand_in_their_order() -> None:
    numbers = [each.code for each in live_codes()]
    assert numbers == sorted(set(numbers))


def test_both_lists_call_a_live_code_the_same() -> None:
    named = [code for code in live_codes() if code.code and code.kind is not CodeKind.OBSERVED]
    assert [code.name for code in named] == [bug_check_name(code.code) for code in named]


def test_every_code_that_names_an_origin_is_a_live_code() -> None:
    lines = read_origin_codes(ROOM / "origin_codes.txt")
    assert [hex(line.code) for line in lines if find_live_code(line.code) is None] == []


def test_ntstatus_names_are_warnings_and_errors_only() -> None:
    # Severity is the two highest bits: 2 warning, 3 error (ntstatus.h).
    assert {number >> 30 for number in read_names(ROOM / "ntstatus.txt")} == {2, 3}


def test_known_processes_name_origins_of_live_dumps() -> None:
    origins = {process.origin for process in read_known_processes(ROOM / "known_processes.txt")}
    assert not origins & {OriginKind.CRASH, OriginKind.UNKNOWN}


KINDS = {
    "live": CodeKind.LIVE,
    "both": CodeKind.BOTH,
    "bugcheck-code-used-live": CodeKind.BORROWED,
    "sdk-only": CodeKind.UNDOCUMENTED,
    "caller-zero": CodeKind.NO_CODE,
}


def _research(name: str) -> list[dict[str, str]]:
    path = FACTS / name
    if not path.exists():
        pytest.skip(f"{path} is not here")
    found: list[dict[str, str]] = json.loads(path.read_text("utf-8"))
    return found


DOCUMENTED = {0x11C8: CodeKind.LIVE}
"""Not in the list of live dump codes, but Microsoft's page on the power button has it: a dump instead of a restart."""


def test_every_researched_live_code_is_here_with_its_name_and_kind() -> None:
    researched = {(int(e["code"], 16), e["name"]): KINDS[e["kind"]] for e in _research("live_dump_codes.json")}
    expected = {key: DOCUMENTED.get(key[0], kind) for key, kind in researched.items()}
    found = {(code.code, code.name): code.kind for code in live_codes() if code.kind is not CodeKind.OBSERVED}
    assert expected == found


def test_codes_that_were_only_seen_have_names_that_the_debugger_would_not_print() -> None:
    seen = [code for code in live_codes() if code.kind is CodeKind.OBSERVED]
    assert [code.code for code in seen] == [0x41A1, 0xA1000001, 0xA1000005]
    assert all(code.name.startswith("(") and code.can_crash is None for code in seen)


MISSPELT = {0x1D0: "ACPI_FIRMWARE_WATCHDOG_TIMEOUT"}
"""The table of bug checks drops the A of the name that the code's own page has."""


def test_every_researched_bug_check_name_is_here() -> None:
    researched = {int(e["code"], 16): e["name"] for e in _research("bug_check_names.json")}
    assert {**researched, **MISSPELT} == read_names(ROOM / "bug_check_names.txt")
