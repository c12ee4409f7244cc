"""Cabinets, in which Windows Error Reporting keeps its reports. Stored and MSZIP; LZX and Quantum with pylibmspack."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from livedump.fleet.errors import ArchiveError
from livedump.fleet.members import Write, copy_stream
from livedump.model.budget import Budget
from livedump.model.errors import EngineUnavailable
from livedump.symbols.files.cabinet import CabinetFile, CabinetFolder, iter_blocks, read_directory


class Cabinet:
    """One open cabinet. Files that are asked for in the cabinet's order are expanded in one pass."""

    def __init__(self, place: str, budget: Budget) -> None:
        self._place = place
        self._budget = budget
        self._file: BinaryIO = Path(place).open("rb")  # noqa: SIM115 - closed by close
        self._size = Path(place).stat().st_size
        try:
            self._directory = read_directory(self._file)
        except BaseException:
            self._file.close()
            raise
        budget.take_names(len(self._directory.files))
        self._members = {each.name: each for each in self._directory.files}
        self._reading = _Pass(-1, iter(()))

    def draw_on(self, budget: Budget) -> None:
        """From now on this is what reading draws on."""
        self._budget = budget

    def names(self) -> list[str]:
        """Names of its files."""
        return list(self._members)

    def expanded_size(self, name: str) -> int:
        """Bytes that its directory promises."""
        return self._members[name].size

    def packed_size(self, _name: str) -> int:
        """Bytes of the whole cabinet: its files are compressed together."""
        return self._size

    def copy(self, name: str, write: Write) -> None:
        """Hands the file's bytes over."""
        member = self._members[name]
        folder = self._directory.folders[member.folder]
        if folder.readable:
            self._copy_plain(folder, member, write)
        else:
            self._copy_foreign(folder, member, write)

    def close(self) -> None:
        """Gives the file back."""
        self._file.close()

    def _copy_plain(self, folder: CabinetFolder, member: CabinetFile, write: Write) -> None:
        if self._reading.folder != member.folder or self._reading.at > member.offset:
            blocks = iter_blocks(self._file, self._directory, folder)
            self._reading = _Pass(member.folder, blocks)
        reading = self._reading
        while True:
            wanted = reading.block[max(member.offset - reading.at, 0) : max(member.end - reading.at, 0)]
            if wanted:
                write(wanted)
            if reading.end >= member.end:
                return
            if not reading.go_on():
                raise ArchiveError("the cabinet is damaged: it ends too early")
            self._budget.expand(len(reading.block))

    def _copy_foreign(self, folder: CabinetFolder, member: CabinetFile, write: Write) -> None:
        try:
            from pylibmspack import CabArchive, CabError  # noqa: PLC0415 - an extra
        except ImportError as error:
            what = f"{self._place}: {member.name} is compressed with {folder.method}"
            need = "pip install '.[archives]', or expand it with Windows' expand.exe"
            raise EngineUnavailable(f"{what}; {need}") from error
        self._budget.expand(member.end)  # all before it is expanded each time
        with tempfile.TemporaryDirectory(prefix="livedump-") as place:
            try:
                path = CabArchive(self._place).extract(member.name, place, max_size=max(member.size, 1))
            except CabError as error:
                raise ArchiveError(f"the cabinet is damaged: {error}") from error
            with Path(path).open("rb") as file:
                copy_stream(file, write)


class _Pass:
    """Where one pass over a folder stands."""

    def __init__(self, folder: int, blocks: Iterator[bytes]) -> None:
        self.folder = folder
        self.at = 0
        """Where the block that was read last begins in the folder's expanded data."""
        self.block = b""
        self._blocks = blocks

    @property
    def end(self) -> int:
        """Behind the last block."""
        return self.at + len(self.block)

    def go_on(self) -> bool:
        """Reads the next block; False when there is none."""
        block = next(self._blocks, None)
        if block is None:
            return False
        self.at, self.block = self.end, block
        return True
