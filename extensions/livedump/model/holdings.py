"""How much of each structure that a live dump captures is in the file."""

from enum import Enum
from typing import NamedTuple, Optional

from livedump.model.addresses import Address


class CapturedPart(Enum):
    """What every live dump is meant to hold, by the names that its documentation uses."""

    DEBUGGER_BLOCK = "KdDebuggerBlock"
    MODULE_LIST = "Loaded module list"
    PROCESSOR_BLOCK = "KiProcessorBlock"
    PRCBS = "PRCBs"
    STACK = "Current stack"
    PAGE_DIRECTORY = "Current page directory"
    SHARED_DATA = "KI_USER_SHARED_DATA"
    KERNEL_IMAGE = "NTOS kernel image"
    HAL_IMAGE = "HAL image"


class Presence(Enum):
    """How much of a structure is in the dump."""

    PRESENT = "present"
    """All of it, or all of what was in memory."""
    PARTLY = "partly"
    ABSENT = "absent"
    NOT_SEPARATE = "not-separate"
    """The system has no such thing of its own: it is part of another."""
    NOT_KNOWN = "not-known"
    """Where it lies could not be found out."""


class Region(NamedTuple):
    """Where a structure, or a part of one, lies."""

    structure: CapturedPart
    address: int
    size: int
    """Bytes."""
    physical: bool = False
    """Whether the address is a physical one."""
    whole: bool = True
    """False where only its beginning is known, not how far it goes."""


class PageTally(NamedTuple):
    """How much of a range the dump holds, in pages of 4 KiB."""

    present: int
    not_present: int
    """Pages that were not in memory: their page table entry says so."""
    not_captured: int
    """Pages that were in memory, or may have been, and that the dump does not hold."""
    not_visited: int = 0
    """Pages behind the point where a bound ended the survey."""

    @property
    def total(self) -> int:
        """All pages of the range."""
        return sum(self)


class Holding(NamedTuple):
    """One structure, and how much of it is there."""

    structure: CapturedPart
    presence: Presence
    address: Optional[Address]
    """Where it begins; of several parts the first. None when not known."""
    tally: Optional[PageTally]
    """None when it was not looked for."""
    note: Optional[str]
    """What the other fields do not say, for people."""
    check: Optional[str]
    """The WinDbg command that shows it; None where there is nothing to look at."""
