"""ARM64 page tables: 4 KiB pages, one root for both halves."""

from __future__ import annotations

from tests.synth.memory import AddressSpace, EntryBits

TABLE = 3
ACCESSED, INNER_SHAREABLE, NOT_GLOBAL = 1 << 10, 3 << 8, 1 << 11
NEVER_UNPRIVILEGED, NEVER_PRIVILEGED, WRITABLE = 1 << 54, 1 << 53, 1 << 55
USER = 1 << 6


class Arm64AddressSpace(AddressSpace):
    """Four levels of translation tables over one physical memory."""

    bits = EntryBits(
        kernel_page=NEVER_UNPRIVILEGED | WRITABLE | ACCESSED | INNER_SHAREABLE | 3,
        user_page=NEVER_PRIVILEGED | WRITABLE | NOT_GLOBAL | ACCESSED | INNER_SHAREABLE | USER | 3,
        kernel_table=TABLE,
        user_table=TABLE,
        large=NEVER_UNPRIVILEGED | WRITABLE | ACCESSED | INNER_SHAREABLE | 1,
        frame=0x0000FFFFFFFFF000,
    )

    @staticmethod
    def is_large(entry: int) -> bool:
        """Whether an entry of the third level maps 2 MB itself."""
        return entry & 3 == 1
