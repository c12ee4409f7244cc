"""One tree of errors. Each says what is wrong and, where there is something to do, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livedump.model.addresses import format_address

if TYPE_CHECKING:
    from datetime import datetime

    from livedump.model.symbol_lookups import SymbolAttempt, SymbolResult


class DumpError(Exception):
    """Anything that keeps a question about a dump from being answered."""

    category = "error"
    """Stable word for scripts; also in the report's ``errors``."""


class UnreadableFile(DumpError):
    """The operating system does not give us the file: missing, a folder, no permission, I/O error."""

    category = "unreadable"


class NotAKernelDump(DumpError):
    """The file is something else; the message names what, where it is known."""

    category = "not-a-kernel-dump"


class InterruptedDump(DumpError):
    """A live dump whose header, which Windows writes last, was never written."""

    category = "interrupted"


class DamagedDump(DumpError):
    """A kernel dump that contradicts itself or ends too early for the question asked."""

    category = "damaged"


class Unsupported(DumpError):
    """A sound dump of a kind, or a machine, that this question is not answered for."""

    category = "unsupported"


class LimitReached(DumpError):
    """Reading took more time, memory or room than it may have, or ended the process that read."""

    category = "limit"


class NotKnown(DumpError):
    """The dump, or this engine, does not hold the answer; the message says why."""

    category = "not-known"


class EngineUnavailable(DumpError):
    """The engine that was asked for cannot run here."""

    category = "engine-unavailable"


class SymbolError(DumpError):
    """Symbols are missing, do not belong to the image, or are damaged."""

    category = "symbols"

    def __init__(
        self,
        message: str,
        result: SymbolResult | None = None,
        until: datetime | None = None,
        attempts: tuple[SymbolAttempt, ...] = (),
    ) -> None:
        self.result = result
        """What became of the place that was tried; None where it is damage or no place at all."""
        self.until = until
        """When it is tried again; aware, UTC."""
        self.attempts = attempts
        """The places that were tried."""
        super().__init__(message)


class MemoryGap(DumpError):
    """Bytes that the dump does not hold."""

    category = "gap"

    NOT_PRESENT = "not present"
    """The page table entry says that the page was not in memory."""
    NOT_CAPTURED = "not captured"
    """The page existed, the dump does not hold it."""

    def __init__(
        self, address: int, reason: str, level: str | None = None, entry: int | None = None, lost: str = ""
    ) -> None:
        """``lost`` says in words what cannot be had without them."""
        self.address = address
        """The first byte that is missing."""
        self.reason = reason
        """``NOT_PRESENT`` or ``NOT_CAPTURED``."""
        self.level = level
        """PXE, PPE, PDE or PTE when the walk of the page tables ended early; None for the page itself."""
        self.entry = entry
        """The entry where it ended, when that is none of the processor's and what it says is not known."""
        where = f" at its {level}" if level else ""
        where += f" (software entry {entry:#x})" if entry else ""
        super().__init__(f"{lost}{': ' if lost else ''}{format_address(address)} is {reason}{where}")


def error_text(error: Exception) -> str:
    """What is wrong; of an error of the system the file and the reason, without the number that it gives that."""
    if not isinstance(error, OSError):
        return str(error)
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason
