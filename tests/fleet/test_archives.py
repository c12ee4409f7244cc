"""Dumps in archives: listed, taken out within bounds, bombs refused."""

from __future__ import annotations

import gzip
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from livedump.fleet import archives
from livedump.fleet.archives import extracted, list_contents, open_beginning
from livedump.fleet.discovery import Wanted
from livedump.fleet.errors import ArchiveError
from livedump.model.errors import UnreadableFile
from tests.fleet.dumps import header

ENOUGH = 1 << 30
DUMP = header() + bytes(3 << 20) + b"end"


def make_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("report/readme.txt", "x")
        file.writestr("report/a.dmp", DUMP)
        file.writestr("b.DMP", header())


def make_gzip(path: Path) -> None:
    path.write_bytes(gzip.compress(DUMP))


def make_seven_zip(path: Path) -> None:
    py7zr = pytest.importorskip("py7zr", minversion="1.0")
    with py7zr.SevenZipFile(path, "w") as file:
        file.writestr("x", "report/readme.txt")
        file.writestr(DUMP, "report/a.dmp")
        file.writestr(header(), "b.DMP")


def cabinet(files: dict[str, bytes], compression: int) -> bytes:
    """A cabinet of one folder. Layout: [MS-CAB]; the checksums are left out, as the format allows."""
    entries, data = b"", b"".join(files.values())
    for name, content in files.items():
        offset = data.index(content)
        entries += struct.pack("<IIHHHH", len(content), offset, 0, 0, 0, 0x20) + name.encode() + b"\0"
    blocks, history = [], b""
    for at in range(0, len(data), 0x8000):
        plain = data[at : at + 0x8000]
        packer = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=history) if history else zlib.compressobj(9, 8, -15)
        packed = b"CK" + packer.compress(plain) + packer.flush() if compression == 1 else plain
        blocks.append(struct.pack("<IHH", 0, len(packed), len(plain)) + packed)
        history = plain
    files_at = 36 + 8
    data_at = files_at + len(entries)
    head = struct.pack(
        "<4sIIIIIBBHHHHH", b"MSCF", 0, data_at + sum(map(len, blocks)), 0, files_at, 0, 3, 1, 1, len(files), 0, 1, 0
    )
    return head + struct.pack("<IHH", data_at, len(blocks), compression) + entries + b"".join(blocks)


def make_cabinet(path: Path, compression: int = 1) -> None:
    files = {"report\\readme.txt": b"readme", "report\\a.dmp": DUMP, "b.DMP": header(code=0x141)}
    path.write_bytes(cabinet(files, compression))


@pytest.mark.parametrize(
    ("name", "make", "expected"),
    [
        ("r.zip", make_zip, ("report/a.dmp", "b.DMP")),
        ("a.dmp.gz", make_gzip, ("a.dmp",)),
        ("odd-name.gz", make_gzip, ("odd-name",)),
        ("logs.tar.gz", make_gzip, ()),
        ("r.7z", make_seven_zip, ("report/a.dmp", "b.DMP")),
        ("r.cab", make_cabinet, ("report\\a.dmp", "b.DMP")),
    ],
)
def test_dumps_are_listed_in_the_archives_order(tmp_path: Path, name: str, make, expected: tuple[str, ...]) -> None:
    make(tmp_path / name)
    assert list_contents(str(tmp_path / name), Wanted()).dumps == expected


def make_stored_cabinet(path: Path) -> None:
    make_cabinet(path, 0)


@pytest.mark.parametrize(
    ("name", "make", "member"),
    [
        ("r.zip", make_zip, "report/a.dmp"),
        ("a.dmp.gz", make_gzip, "a.dmp"),
        ("r.7z", make_seven_zip, "report/a.dmp"),
        ("r.cab", make_cabinet, "report\\a.dmp"),
        ("s.cab", make_stored_cabinet, "report\\a.dmp"),
    ],
)
def test_a_member_is_taken_out_whole_and_goes_away(tmp_path: Path, name: str, make, member: str) -> None:
    make(tmp_path / name)
    with extracted(str(tmp_path / name), member, ENOUGH) as path:
        assert path.read_bytes() == DUMP
    assert not path.parent.exists()
    beginning = open_beginning(str(tmp_path / name), member, ENOUGH)
    assert beginning.read_at(0, 0x3000) == DUMP[:0x3000]
    assert beginning.size == archives.BEGINNING
    assert beginning.whole_size == (None if name.endswith("gz") else len(DUMP))


def test_a_short_file_in_gzip_has_a_known_size(tmp_path: Path) -> None:
    (tmp_path / "a.dmp.gz").write_bytes(gzip.compress(header()))
    assert open_beginning(str(tmp_path / "a.dmp.gz"), "a.dmp", ENOUGH).whole_size == 0x2000


def test_a_member_over_the_limit_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    make_zip(tmp_path / "r.zip")
    with pytest.raises(ArchiveError, match="at most"), extracted(str(tmp_path / "r.zip"), "report/a.dmp", 1 << 20):
        pass


@pytest.mark.parametrize("name", ["bomb.zip", "bomb.dmp.gz"])
def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(archives, "UNSUSPICIOUS", 4 << 20)
    path, zeros = tmp_path / name, bytes(16 << 20)
    if name.endswith("zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("bomb.dmp", zeros)
    else:
        path.write_bytes(gzip.compress(zeros))
    with pytest.raises(ArchiveError, match="bomb"), extracted(str(path), "bomb.dmp", ENOUGH):
        pass


def test_a_zip_that_lies_about_a_members_size_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "r.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.dmp", bytes(1 << 20))
    data = path.read_bytes().replace(struct.pack("<I", 1 << 20), struct.pack("<I", 1 << 10))
    path.write_bytes(data)
    with pytest.raises(ArchiveError), extracted(str(path), "a.dmp", ENOUGH):
        pass


def test_a_zip_whose_list_is_too_long_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.zip"
    make_zip(path)
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\5\6")
    data[at + 12 : at + 16] = struct.pack("<I", 1 << 30)
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="list of members"):
        list_contents(str(path), Wanted())


def test_an_encrypted_member_is_named(tmp_path: Path) -> None:
    path = tmp_path / "r.zip"
    make_zip(path)
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\1\2", data.find(b"PK\1\2") + 1)
    data[at + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="encrypted"), extracted(str(path), "report/a.dmp", ENOUGH):
        pass


@pytest.mark.parametrize("name", ["r.zip", "r.dmp.gz", "r.7z", "r.cab"])
@pytest.mark.parametrize("content", [b"", b"MSCF", b"7z\xbc\xaf\x27\x1c" + bytes(90), b"PK\3\4" + bytes(90)])
def test_rubbish_is_an_error_of_the_archive(tmp_path: Path, name: str, content: bytes) -> None:
    if name.endswith("7z"):
        pytest.importorskip("py7zr")
    path = tmp_path / name
    path.write_bytes(content)
    try:
        with extracted(str(path), (list_contents(str(path), Wanted("*")).dumps or ("",))[0], ENOUGH):
            pass
    except ArchiveError:
        pass


def test_lzx_says_what_would_help(tmp_path: Path) -> None:
    try:
        import pylibmspack  # noqa: F401
    except ImportError:
        pass
    else:
        pytest.skip("pylibmspack is installed")
    make_cabinet(tmp_path / "r.cab", 3)
    with pytest.raises(ArchiveError, match=r"LZX.*archives"), extracted(str(tmp_path / "r.cab"), "b.DMP", ENOUGH):
        pass


def test_a_missing_archive_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile):
        list_contents(str(tmp_path / "gone.zip"), Wanted())
