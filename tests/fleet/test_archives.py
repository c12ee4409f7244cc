"""Dumps in archives: listed, taken out within bounds, bombs refused."""

from __future__ import annotations

import gzip
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from livedump.engines.run.own_limits import limited_memory
from livedump.fleet import archives
from livedump.fleet.archives import ArchiveShelf, Beginning, MemberNames
from livedump.fleet.archives import _open as open_archive
from livedump.fleet.batch import Batch
from livedump.fleet.discovery import FileFilter
from livedump.fleet.errors import ArchiveError
from livedump.fleet.journal import Journal, Known
from livedump.fleet.judge import HowToRead, Judge, Judged, Listed
from livedump.fleet.local import Done
from livedump.fleet.seven_zip import SevenZip
from livedump.fleet.target import Depth, Target, TargetKind
from livedump.fleet.zip_member import iter_member
from livedump.model.budget import Allowance, Budget
from livedump.model.errors import EngineUnavailable, LimitReached, UnreadableFile
from livedump.model.limits import Limits
from tests.fleet.dumps import header

ENOUGH = 1 << 30
HOSTILE = Path(__file__).parents[3] / "shared" / "samples" / "hostile"


def list_contents(place: str, wanted: FileFilter) -> MemberNames:
    """What a shelf of its own lists."""
    with closing(ArchiveShelf(ENOUGH)) as shelf:
        return shelf.list_contents(place, wanted)


def open_beginning(place: str, member: str, max_bytes: int) -> Beginning:
    """What a shelf of its own reads of a member."""
    with closing(ArchiveShelf(max_bytes)) as shelf:
        return shelf.open_beginning(place, member)


@contextmanager
def extracted(place: str, member: str, max_bytes: int) -> Iterator[Path]:
    """What a shelf of its own takes out."""
    with closing(ArchiveShelf(max_bytes)) as shelf, shelf.extracted(place, member) as path:
        yield path


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
def test_dumps_are_listed_in_the_archives_order(
    tmp_path: Path, name: str, make: Callable[[Path], None], expected: tuple[str, ...]
) -> None:
    make(tmp_path / name)
    assert list_contents(str(tmp_path / name), FileFilter()).dumps == expected


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
def test_a_member_is_taken_out_whole_and_goes_away(
    tmp_path: Path, name: str, make: Callable[[Path], None], member: str
) -> None:
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
    with pytest.raises(LimitReached, match="at most"), extracted(str(tmp_path / "r.zip"), "report/a.dmp", 1 << 20):
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
    refused = pytest.raises((ArchiveError, LimitReached), match=r"refused as a decompression bomb|would grow to more")
    with refused, extracted(str(path), "bomb.dmp", ENOUGH):
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
    with pytest.raises((ArchiveError, LimitReached)):
        list_contents(str(path), FileFilter())


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
        with extracted(str(path), (list_contents(str(path), FileFilter("*")).dumps or ("",))[0], ENOUGH):
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
    with pytest.raises(EngineUnavailable, match=r"LZX.*archives"), extracted(str(tmp_path / "r.cab"), "b.DMP", ENOUGH):
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits of POSIX")
def test_a_7z_that_wants_more_memory_than_there_is_is_a_limit(tmp_path: Path) -> None:
    # Four gigabytes that its LZMA data may look back to.
    make_seven_zip(tmp_path / "r.7z")
    data = bytearray((tmp_path / "r.7z").read_bytes())
    at = data.rindex(b"\x21\x21\x01")  # LZMA2, one byte of properties: the size of its dictionary
    data[at + 3] = 40
    head = struct.unpack_from("<QQ", data, 12)
    struct.pack_into("<I", data, 28, zlib.crc32(data[32 + head[0] : 32 + sum(head)]))
    struct.pack_into("<I", data, 8, zlib.crc32(data[12:32]))
    (tmp_path / "r.7z").write_bytes(data)
    with (
        limited_memory(1 << 30),
        pytest.raises(LimitReached, match="memory"),
        extracted(str(tmp_path / "r.7z"), "report/a.dmp", ENOUGH),
    ):
        pass


LZX = 3
LZX_UNCOMPRESSED = 3
FRAME = 0x8000


def lzx_frames(data: bytes) -> list[bytes]:
    """Data as LZX stores what cannot be made smaller, a frame at a time. Source: [MS-PATCH], LZX blocks."""
    frames = []
    for at in range(0, len(data), FRAME):
        plain = data[at : at + FRAME]
        bits = "0" * (at == 0) + f"{LZX_UNCOMPRESSED:03b}{len(plain):024b}"  # the first: no translation of calls
        bits += "0" * (-len(bits) % 16 or 16)
        words = [int(bits[start : start + 16], 2) for start in range(0, len(bits), 16)]
        frames.append(struct.pack(f"<{len(words)}HIII", *words, 1, 1, 1) + plain + bytes(len(plain) % 2))
    return frames


def lzx_cabinet(files: dict[str, bytes]) -> bytes:
    """A cabinet of one folder, window of 32 KiB."""
    entries, at = b"", 0
    for name, content in files.items():
        entries += struct.pack("<IIHHHH", len(content), at, 0, 0, 0, 0x20) + name.encode() + b"\0"
        at += len(content)
    data = b"".join(files.values())
    blocks = [
        struct.pack("<IHH", 0, len(frame), min(FRAME, len(data) - number * FRAME)) + frame
        for number, frame in enumerate(lzx_frames(data))
    ]
    data_at = 36 + 8 + len(entries)
    size = data_at + sum(map(len, blocks))
    head = struct.pack("<4sIIIIIBBHHHHH", b"MSCF", 0, size, 0, 44, 0, 3, 1, 1, len(files), 0, 1, 0)
    return head + struct.pack("<IHH", data_at, len(blocks), 15 << 8 | LZX) + entries + b"".join(blocks)


def test_members_of_an_lzx_cabinet_are_taken_out_whole(tmp_path: Path) -> None:
    pytest.importorskip("pylibmspack")
    files = {"first.dmp": header() + bytes(range(256)) * 500, "second.dmp": header(0x141), "third.dmp": b"end"}
    (tmp_path / "r.cab").write_bytes(lzx_cabinet(files))
    for name, content in files.items():
        with extracted(str(tmp_path / "r.cab"), name, ENOUGH) as path:
            assert path.read_bytes() == content


def test_late_members_of_an_lzx_cabinet_cost_what_is_before_them_and_the_cabinet_so_much_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each member of such a cabinet is expanded from the folder's beginning: eight of them behind a megabyte cost eight.
    pytest.importorskip("pylibmspack")
    monkeypatch.setattr(archives, "UNSUSPICIOUS", 8 << 20)
    monkeypatch.setattr(archives, "MAX_RATIO", 1)
    (tmp_path / "r.cab").write_bytes(lzx_cabinet(late_members(50, 1 << 20)))
    place = str(tmp_path / "r.cab")
    with closing(ArchiveShelf(ENOUGH)) as shelf:
        members = shelf.list_contents(place, FileFilter()).dumps
        for member in members[:7]:  # seven, for each costs itself on top
            with shelf.extracted(place, member) as path:
                assert path.stat().st_size == 8
        assert not shelf.gave_up(place)
        with pytest.raises(LimitReached, match="altogether"), shelf.extracted(place, members[7]):
            pass
        assert shelf.gave_up(place)


def test_a_damaged_lzx_cabinet_is_an_error_of_the_archive(tmp_path: Path) -> None:
    pytest.importorskip("pylibmspack")
    data = bytearray(lzx_cabinet({"a.dmp": header()}))
    data[-len(header()) - 15] |= 0x70  # there are no blocks of type 7
    (tmp_path / "r.cab").write_bytes(data)
    with pytest.raises(ArchiveError, match="damaged"), extracted(str(tmp_path / "r.cab"), "a.dmp", ENOUGH):
        pass


def test_a_missing_archive_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile):
        list_contents(str(tmp_path / "gone.zip"), FileFilter())


class Counting:
    """A budget that only counts."""

    def __init__(self) -> None:
        self.expanded = 0
        self.expanded_bytes = 0

    def heed(self, expanded_bytes: int) -> None:
        """There are no others."""

    def expand(self, count: int) -> None:
        """Counts."""
        self.expanded += count

    def take_names(self, count: int = 1) -> None:
        """Counts nothing."""

    def check(self) -> None:
        """Goes on."""

    spent = False


def late_members(count: int, before: int) -> dict[str, bytes]:
    """Small files behind a large one."""
    return {"zeros.bin": bytes(before), **{f"{number}.dmp": b"%08d" % number for number in range(count)}}


def pack(path: Path, files: dict[str, bytes]) -> None:
    """An archive of the kind that the name says, solid where there is such a thing."""
    if path.suffix == ".cab":
        path.write_bytes(cabinet(files, 1))
    elif path.suffix == ".7z":
        with pytest.importorskip("py7zr").SevenZipFile(path, "w") as file:
            for name, data in files.items():
                file.writestr(data, name)
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, data in files.items():
                packed.writestr(name, data)


@pytest.mark.parametrize("name", ["late.cab", "late.7z", "late.zip"])
def test_members_in_the_archives_order_cost_one_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    files = late_members(200, 1 << 20)
    pack(tmp_path / name, files)
    counted = Counting()
    monkeypatch.setattr(ArchiveShelf, "_budget", lambda *_: counted)
    opened: list[object] = []

    def opening(*each: Any) -> object:
        opened.append(each)
        return open_archive(*each)

    monkeypatch.setattr(archives, "_open", opening)
    with closing(ArchiveShelf(ENOUGH)) as shelf:
        for member in shelf.list_contents(str(tmp_path / name), FileFilter()).dumps:
            with shelf.extracted(str(tmp_path / name), member) as path:
                assert path.read_bytes() == files[member]
    assert len(opened) == 1
    assert counted.expanded <= sum(map(len, files.values())) + (1 << 16)


@pytest.mark.parametrize("name", ["late.cab", "late.7z", "late.zip"])
def test_members_out_of_order_are_right_too(tmp_path: Path, name: str) -> None:
    files = late_members(30, 100_000)
    pack(tmp_path / name, files)
    with closing(ArchiveShelf(ENOUGH)) as shelf:
        for number in (29, 3, 3, 17, 0, 28):
            shelf.open_beginning(str(tmp_path / name), f"{number}.dmp")
            with shelf.extracted(str(tmp_path / name), f"{number}.dmp") as path:
                assert path.read_bytes() == b"%08d" % number


@pytest.mark.parametrize("name", ["late.cab", "late.7z", "late.zip"])
def test_an_archive_as_a_whole_may_grow_so_far_and_is_one_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(archives, "UNSUSPICIOUS", 1 << 20)
    monkeypatch.setattr(archives, "MAX_RATIO", 0 if name.endswith("zip") else 1)
    sound = header()
    files = {f"{number:03d}.dmp": sound + bytes((1 << 16) - len(sound)) + b"%d" % number for number in range(64)}
    pack(tmp_path / name, files)
    monkeypatch.setattr(archives, "_check", lambda *_: None)
    how = HowToRead()
    journal = Journal()
    watcher = Watcher()
    assert Batch(journal, InProcess(how), how, watcher, Limits()).run([str(tmp_path / name)], Depth.HEADERS)
    rows = [known.row for known in watcher.seen]
    (spent,) = [row for row in rows if row.error is not None]
    assert (spent.error_category, spent.name) == ("limit", name)
    assert "would grow to more than 1,048,576 bytes altogether" in str(spent.error)
    assert 0 < len(rows) - 1 < 64
    assert sorted(row.name for row in rows) == sorted(known.row.name for known in journal.results(Depth.HEADERS))
    journal.close()


class TakingTurns:
    """Two workers in one process, each with an archive of its own open, that take turns."""

    def __init__(self, how: HowToRead) -> None:
        self.judges = (Judge(how), Judge(how))

    def run(self, items: Iterable[tuple[int, Target]], depth: Depth) -> Iterator[list[Done]]:
        """Outcomes one by one."""
        for number, (identity, target) in enumerate(items):
            yield [Done(identity, target, self.judges[number % 2](target, depth))]


def test_several_workers_draw_on_one_allowance_of_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "UNSUSPICIOUS", 1 << 20)
    monkeypatch.setattr(archives, "MAX_RATIO", 0)
    monkeypatch.setattr(archives, "_check", lambda *_: None)
    size = 1 << 16
    files = {f"{number:03d}.dmp": header() + bytes(size - len(header())) for number in range(64)}
    pack(tmp_path / "r.zip", files)
    how = HowToRead()
    journal, watcher = Journal(), Watcher()
    assert Batch(journal, TakingTurns(how), how, watcher, Limits()).run([str(tmp_path / "r.zip")], Depth.HEADERS)
    judged = [known.row for known in watcher.seen if known.row.error is None]
    assert len(judged) == (1 << 20) // size  # and not twice as many
    journal.close()


class InProcess:
    """A pool without processes."""

    def __init__(self, how: HowToRead) -> None:
        self._judge = Judge(how)

    def run(self, items: Iterable[tuple[int, Target]], depth: Depth) -> Iterator[list[Done]]:
        """Outcomes one by one."""
        for identity, target in items:
            yield [Done(identity, target, self._judge(target, depth))]


class Watcher:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.seen: list[Known] = []

    def known(self, known: Known) -> None:
        """A row."""
        self.seen.append(known)

    def skipped(self, skipped: object) -> None:
        """Not of interest here."""

    def progress(self, progress: object) -> None:
        """Not of interest here."""

    def headers_read(self) -> None:
        """Not of interest here."""

    def stopping(self) -> bool:
        """Never."""
        return False


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_comes_in_pieces_of_a_megabyte_whatever_it_grows_to(tmp_path: Path, method: int) -> None:
    content = bytes(20 << 20) + bytes(range(256)) * 5000
    with zipfile.ZipFile(tmp_path / "r.zip", "w", method) as file:
        file.writestr("first", b"x")
        file.writestr("a.dmp", content)
    with zipfile.ZipFile(tmp_path / "r.zip") as file, (tmp_path / "r.zip").open("rb") as raw:
        pieces = list(iter_member(raw, file.getinfo("a.dmp")))
    assert b"".join(pieces) == content
    assert max(map(len, pieces)) <= 1 << 20


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_member_is_an_error_of_the_archive(tmp_path: Path, method: int) -> None:
    path = tmp_path / "r.zip"
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr("a.dmp", DUMP)
    whole = path.read_bytes()
    for at in range(30, len(whole) - 60, max(len(whole) // 40, 1)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            with extracted(str(path), "a.dmp", ENOUGH) as taken:
                assert taken.read_bytes() == DUMP
        except (ArchiveError, LimitReached):
            pass


def test_an_lzma_member_that_would_look_back_too_far_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "_check", lambda *_: None)
    path = tmp_path / "r.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as file:
        file.writestr("a.dmp", DUMP)
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, 30 + len("a.dmp") + 5, 0xFFFF_FFFF)  # dictionary
    struct.pack_into("<I", data, data.rindex(b"PK\1\2") + 24, 1 << 30)  # size
    path.write_bytes(data)
    with pytest.raises(LimitReached, match="memory"), extracted(str(path), "a.dmp", ENOUGH):
        pass


@pytest.mark.parametrize("trick", ["size", "offset of zip64", "comment"])
def test_a_zip_that_hides_the_size_of_its_list_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trick: str
) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 1000)
    path = tmp_path / "r.zip"
    entry = b"PK\1\2" + bytes(24) + struct.pack("<HHHHHII", 1, 0, 0, 0, 0, 0, 0) + b"a"
    listed = entry * 2000
    end64 = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 2000, 2000, len(listed), 0)
    locator = b"PK\6\7" + struct.pack("<IQI", 0, len(listed), 1)
    hidden = trick != "size"
    size, count = (0xFFFFFFFF, 0xFFFF) if hidden else (len(listed), 2000)
    comment = b"PK\5\6" + bytes(18) if trick == "comment" else b""
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, size, 0xFFFFFFFF if hidden else 0, len(comment))
    path.write_bytes(listed + (end64 + locator if hidden else b"") + end + comment)
    counted = []
    monkeypatch.setattr(zipfile, "ZipInfo", lambda *each: counted.append(each))
    with suppress(ArchiveError, LimitReached):  # or the list that is found is a short one
        list_contents(str(path), FileFilter())
    assert counted == []


def test_a_block_of_a_cabinet_that_does_not_match_its_checksum_is_damage(tmp_path: Path) -> None:
    data = bytearray(cabinet({"a.dmp": b"some text"}, 0))
    at = data.index(b"some text")
    struct.pack_into("<I", data, at - 8, 0x1234)
    (tmp_path / "r.cab").write_bytes(data)
    with pytest.raises(ArchiveError, match="checksum"), extracted(str(tmp_path / "r.cab"), "a.dmp", ENOUGH):
        pass


@pytest.mark.skipif(not HOSTILE.exists(), reason="the samples are not part of the project")
def test_a_damaged_block_of_zstandard_is_a_row_and_the_worker_lives() -> None:
    pytest.importorskip("py7zr")
    judge = Judge(HowToRead())
    place = str(HOSTILE / "damaged-zstd.7z")
    listed = judge(Target(place, place, TargetKind.ARCHIVE), Depth.FOUND)
    assert isinstance(listed, Listed)
    for member in listed.members * 2:
        outcome = judge(Target(f"{place}!/{member}", place, TargetKind.FILE, member), Depth.FULL)
        assert isinstance(outcome, Judged)
        assert outcome.row.error_category == "archive"


@pytest.mark.parametrize("method", ["FILTER_LZMA2", "FILTER_ZSTD"])
def test_a_7z_expands_a_bounded_piece_at_a_time(tmp_path: Path, method: str) -> None:
    py7zr = pytest.importorskip("py7zr")
    content = bytes(100 << 20)
    with py7zr.SevenZipFile(tmp_path / "r.7z", "w", filters=[{"id": getattr(py7zr, method)}]) as file:
        file.writestr(content, "a.dmp")
    sizes = []
    with closing(SevenZip(str(tmp_path / "r.7z"), Budget("it", Allowance()))) as archive:
        archive.copy("a.dmp", lambda piece: sizes.append(len(piece)))
    assert sum(sizes) == len(content)
    assert max(sizes) <= 33 << 20
