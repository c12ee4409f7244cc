"""What the file is: kind, scope, attributes, when it was taken, how much of it is there."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum, IntFlag
from typing import TYPE_CHECKING, NamedTuple

from livedump.model.addresses import Address
from livedump.model.text_kinds import CodeText, FilePath, ForeignText

if TYPE_CHECKING:
    from livedump.model.told import Told


class DumpKind(Enum):
    """DUMP_HEADER64.DumpType by name. Source: mindumpdef.h of the Windows SDK; 8 to 0xA as dbgeng writes them."""

    FULL = "full"
    KERNEL_SUMMARY = "kernel-summary"
    HEADER_ONLY = "header-only"
    TRIAGE = "triage"
    BITMAP_FULL = "bitmap-full"
    BITMAP_KERNEL = "bitmap-kernel"
    AUTOMATIC = "automatic"
    RANGE_KERNEL = "range-kernel"
    RANGE_KERNEL_USER = "range-kernel-user"
    RANGE_FULL = "range-full"
    UNKNOWN = "unknown"


DUMP_KINDS: dict[int, DumpKind] = {
    1: DumpKind.FULL,
    2: DumpKind.KERNEL_SUMMARY,
    3: DumpKind.HEADER_ONLY,
    4: DumpKind.TRIAGE,
    5: DumpKind.BITMAP_FULL,
    6: DumpKind.BITMAP_KERNEL,
    7: DumpKind.AUTOMATIC,
    8: DumpKind.RANGE_KERNEL,
    9: DumpKind.RANGE_KERNEL_USER,
    0xA: DumpKind.RANGE_FULL,
}


class Scope(Enum):
    """What a live dump set out to hold."""

    FULL = "full"
    FULL_USER = "full-user"
    KERNEL_STACKS = "kernel-stacks"
    TRIAGE = "triage"
    UNKNOWN = "unknown"

    @property
    def title(self) -> str:
        """For people: ``full, with user pages``."""
        return {"full": "full, kernel memory", "full-user": "full, with user pages"}.get(
            self.value, self.value.replace("-", " ")
        )


class Attributes(IntFlag):
    """DUMP_HEADER64.Attributes. Source: mindumpdef.h; VSM and SELECTIVE as observed in Windows 11."""

    HIBER_CRASH = 0x1
    DUMP_DEVICE_POWER_OFF = 0x2
    INSUFFICIENT_DUMPFILE_SIZE = 0x4
    KERNEL_GENERATED_TRIAGE_DUMP = 0x8
    LIVE_DUMP_GENERATED_DUMP = 0x10
    DUMP_IS_GENERATED_OFFLINE = 0x20
    FILTER_DUMP_FILE = 0x40
    EARLY_BOOT_CRASH = 0x80
    ENCRYPTED_DUMP_DATA = 0x100
    DECRYPTED_DUMP = 0x200
    VSM_ENABLED = 0x800
    SELECTIVE_DUMP = 0x4000


ATTRIBUTE_NAMES: dict[Attributes, str] = {
    Attributes.HIBER_CRASH: "HiberCrash",
    Attributes.DUMP_DEVICE_POWER_OFF: "DumpDevicePowerOff",
    Attributes.INSUFFICIENT_DUMPFILE_SIZE: "InsufficientDumpfileSize",
    Attributes.KERNEL_GENERATED_TRIAGE_DUMP: "KernelGeneratedTriageDump",
    Attributes.LIVE_DUMP_GENERATED_DUMP: "LiveDumpGeneratedDump",
    Attributes.DUMP_IS_GENERATED_OFFLINE: "DumpIsGeneratedOffline",
    Attributes.FILTER_DUMP_FILE: "FilterDumpFile",
    Attributes.EARLY_BOOT_CRASH: "EarlyBootCrash",
    Attributes.ENCRYPTED_DUMP_DATA: "EncryptedDumpData",
    Attributes.DECRYPTED_DUMP: "DecryptedDump",
    Attributes.VSM_ENABLED: "VsmEnabled",
    Attributes.SELECTIVE_DUMP: "SelectiveDump",
}


def attribute_names(attributes: int) -> tuple[str, ...]:
    """The names of the bits that are set, lowest first; a bit without a name as ``0x1000``."""
    bits = (1 << n for n in range(32) if attributes >> n & 1)
    named = {int(bit): name for bit, name in ATTRIBUTE_NAMES.items()}
    return tuple(named.get(bit, f"{bit:#x}") for bit in bits)


class Dump(NamedTuple):
    """The file as a container. None means not known."""

    path: FilePath
    size: int | None
    """Bytes of the file; None where an engine cannot tell."""
    type: int | None
    """DumpType as stored."""
    machine: str | None
    """x64, ARM64, x86, ARM, IA64 or the hex machine type."""
    attributes: int | None
    """None when the header's field was never written or the engine cannot see it."""
    captured_at: datetime | None
    """Aware, UTC."""
    uptime: timedelta | None
    directory_table_base: Address | None
    """Physical address of the page tables of the process that was current."""
    pages_present: int | None = None
    pages_promised: int | None = None
    expected_size: int | None = None
    """Bytes that the header says the file has."""
    reported_truncated: bool | None = None
    """What a debugger said about it when it opened the file; None when none was asked."""
    saved_again: tuple[str, ...] | None = None
    """How it shows, for people, that a debugger wrote the file from a dump that was open (``.dump``); empty where
    nothing shows it, None where nobody looked. The attributes of such a file are the debugger's work and weak evidence:
    it makes the bit of a live dump out of a field that was never written."""
    told: Told | None = None
    """What a text about the dump says beside the answers; None where the dump itself is at hand."""
    problems: tuple[str, ...] = ()
    """What of the file's own parts is not there, was left out, or contradicts another, for people."""
    missing: tuple[str, ...] | None = ()
    """What a live dump is meant to hold and this one does not, for people; None when that could not be looked at."""
    comment: ForeignText | None = None
    """Free text in the header; None where nobody wrote one."""

    @property
    def kind(self) -> DumpKind:
        """The kind by name; UNKNOWN for a number without one."""
        return DUMP_KINDS.get(self.type, DumpKind.UNKNOWN) if self.type is not None else DumpKind.UNKNOWN

    @property
    def marked_live(self) -> bool | None:
        """Whether the attributes mark a live dump; None when they were never written."""
        return None if self.attributes is None else bool(self.attributes & Attributes.LIVE_DUMP_GENERATED_DUMP)

    @property
    def truncated(self) -> bool | None:
        """Whether the file ends before the header or the page count says it should; None when nothing tells."""
        checks = (
            (self.pages_present, self.pages_promised),
            (self.size, self.expected_size),
        )
        found = [have < expected for have, expected in checks if have is not None and expected is not None]
        return self.reported_truncated or any(found) if found else self.reported_truncated

    @property
    def complete(self) -> bool | None:
        """Whether all is there that should be: counted and found, not only promised; None when that is not known."""
        if self.truncated or self.problems or self.missing:
            return False
        return None if self.truncated is None or self.missing is None else True


class System(NamedTuple):
    """The machine that was captured."""

    build: int | None
    build_lab: CodeText | None
    """``26100.1.amd64fre.ge_release.240331-1435``; None when its page is missing."""
    processors: int | None
    """Active logical processors."""
    product: str | None
    """workstation, domain-controller or server."""
    kernel_base: Address | None
    free_build: bool | None = True
    debugger_block_decoding: str | None = None
    """How the kernel's debugger data block was decoded; None where it was in clear, as in what Windows writes, or
    nobody looked."""
