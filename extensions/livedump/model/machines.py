"""The processor architectures that Windows runs on: IMAGE_FILE_MACHINE_* by the names that users know.

Source: "PE Format", Microsoft Learn. A dump's header and an image's use the same numbers.
"""

from __future__ import annotations

X64, ARM64, X86 = "x64", "ARM64", "x86"

MACHINES = {0x8664: X64, 0xAA64: ARM64, 0x14C: X86, 0x1C4: "ARM", 0x200: "IA64"}

MAX_PROCESSORS = 2048
"""As many as Windows supports: 32 groups of 64. What claims to have more is damaged or forged."""


def machine_name(number: int) -> str:
    """``x64`` for 0x8664; the number in hex where it has no name."""
    return MACHINES.get(number, f"{number:#x}")
