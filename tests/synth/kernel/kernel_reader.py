"""Reads fields and lists of a made-up system: the generator is not checked by what it is made to check."""

from __future__ import annotations

from tests.synth.kernel.building import BuiltSystem
from tests.synth.kernel.layout import layout_of
from tests.synth.plain_reader import PlainDump


class KernelReader:
    """Fields by the names of a layout."""

    def __init__(self, dump: BuiltSystem) -> None:
        self.memory = PlainDump(dump.path)
        self.truth = dump.truth
        self.layout = layout_of(dump.truth.system.build)

    def field(self, path: str, address: int) -> int:
        """Unsigned value of ``_TYPE.field`` of the structure at ``address``."""
        place = self.layout.place(path)
        value = int.from_bytes(self.memory.read(address + place.offset, place.size), "little")
        return value >> place.first_bit & (1 << place.bits) - 1 if place.bits else value

    def signed(self, path: str, address: int) -> int:
        """The same as a signed number."""
        bits = 8 * self.layout.place(path).size
        value = self.field(path, address)
        return value - (1 << bits) if value >> bits - 1 else value

    def variable(self, name: str, size: int = 8) -> int:
        """A variable of the kernel."""
        return int.from_bytes(self.memory.read(self.truth.names[f"global:{name}"], size), "little")

    def members(self, head: int, entry_path: str, limit: int = 100_000) -> list[int]:
        """Structures on the list at ``head`` that are linked through ``_TYPE.field``."""
        offset = self.layout.at(entry_path)
        return [entry - offset for entry in self.memory.ring(head, limit)]

    def list_of(self, path: str, address: int, entry_path: str) -> list[int]:
        """Structures on the list whose head is ``_TYPE.field`` of the structure at ``address``."""
        return self.members(address + self.layout.at(path), entry_path)
