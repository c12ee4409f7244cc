"""The lists behind signatures: what an entry matches, and what a damaged line says."""

from __future__ import annotations

from pathlib import Path

import pytest

from livedump.reference.driver_parameters import driver_parameter, read_driver_parameters
from livedump.reference.entries import BadEntry
from livedump.reference.signature_lists import FrameList, is_joined, is_skipped, read_frame_list


def written(folder: Path, text: str) -> Path:
    path = folder / "signature_skip.txt"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("entry", "name", "matches"),
    [
        ("nt!memcpy", "nt!memcpy", True),
        ("nt!memcpy", "nt!memcpy_s", False),
        ("nt!KeBugCheck*", "nt!KeBugCheckEx", True),
        ("nt!Ki*Fault", "nt!KiPageFault", True),
        ("nt!Ki*Fault", "nt!KiPageFaultShadow", False),
        # a star does not reach over the module
        ("nt!Vi*", "ntfs!Vi", False),
        # a module alone means frames without a name, and no others
        ("dxgkrnl", "dxgkrnl", True),
        ("dxgkrnl", "dxgkrnl!DxgkSubmitCommand", False),
        ("nt!memcpy", "nt", False),
    ],
)
def test_what_an_entry_matches(tmp_path: Path, entry: str, name: str, matches: bool) -> None:
    assert FrameList(read_frame_list(written(tmp_path, entry))).matches(name) is matches


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("# head\nnt!a*b*c", 2, "one *"),
        ("nt!memcpy\nnt!memcpy", 2, "stands above already"),
        ("VerifierExt!SLIC_*", 1, "small letters"),
        ("dxg*", 1, "module alone"),
        ("!memcpy", 1, "module!function"),
        ("nt!two words", 1, "module!function"),
    ],
)
def test_a_bad_frame_is_named_with_file_and_line(tmp_path: Path, text: str, line: int, told: str) -> None:
    with pytest.raises(BadEntry, match=told) as caught:
        read_frame_list(written(tmp_path, text))
    assert (caught.value.file, caught.value.line) == ("signature_skip.txt", line)


@pytest.mark.parametrize(
    ("text", "told"), [("0x141 5", "1 to 4"), ("0x141", "1 to 4"), ("141 2", "0x161"), ("0x141 2\n0x141 3", "above")]
)
def test_a_bad_driver_parameter_is_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(BadEntry, match=told):
        read_driver_parameters(written(tmp_path, text))


def test_no_frame_is_both_skipped_and_joined() -> None:
    room = Path(__file__).parents[2] / "extensions" / "livedump" / "reference"
    joined = read_frame_list(room / "signature_join.txt")
    assert [pattern for pattern in joined if is_skipped(pattern.start + (pattern.end or ""))] == []


def test_the_shipped_lists_answer() -> None:
    assert is_skipped("nt!KeBugCheckEx")
    assert not is_skipped("livedrv!LiveDrvReadRegister")
    assert is_joined("nt!ExFreePoolWithTag")
    # Microsoft's page on 0x141: parameter 2 points into the responsible device driver module.
    assert (driver_parameter(0x141), driver_parameter(0x161)) == (2, None)
