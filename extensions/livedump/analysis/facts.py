"""What the rules look at: the answers of an engine, gathered once."""

from __future__ import annotations

from typing import NamedTuple

from livedump.analysis.roles import find_reporter, machinery_end, trusted
from livedump.model.bug_check import BugCheck
from livedump.model.dump import Dump
from livedump.model.frames import Frame, Stack
from livedump.model.images import Module
from livedump.model.listing import Listing
from livedump.model.outside import is_from_outside
from livedump.model.processors import Process

TASK_MANAGER_PARAMETER = 0x005461736B6D6772
"""The text Taskmgr, highest byte first."""


class Facts(NamedTuple):
    """Answers of an engine; None where it had none."""

    dump: Dump | None
    bug_check: BugCheck | None
    stack: Stack | None
    """Its frames have their roles."""
    process: Process | None
    modules: Listing[Module] | None
    live: bool | None = None
    """The verdict of ``liveness``, once it is known."""
    build: int | None = None
    """Build of the system that was captured."""
    two_requesters: bool | None = None
    """Whether the header's page tables are those of another process than the current thread's."""

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The frames of the stack; empty when there is none."""
        return self.stack.frames if self.stack else ()

    @property
    def trusted_frames(self) -> tuple[Frame, ...]:
        """The frames that were not guessed."""
        return trusted(self.frames)

    @property
    def has_symbols(self) -> bool:
        """Whether at least one frame has a name."""
        return any(frame.symbol for frame in self.frames)

    @property
    def shows_absence(self) -> bool:
        """Whether the stack tells what is not on it: its kernel part has names and goes on to its end, unguessed."""
        kernel = [frame for frame in self.frames if frame.kernel_mode is not False]
        whole = len(kernel) < len(self.frames) or (self.stack is not None and self.stack.stop_reason is None)
        named = all(frame.symbol for frame in kernel if frame.module == "nt")
        return bool(kernel) and whole and named and self.has_symbols and self.trusted_frames == self.frames

    @property
    def process_name(self) -> str | None:
        """Name of the requesting process."""
        return self.process.name if self.process else None

    def find_frame(self, module: str, symbol: str = "") -> Frame | None:
        """The innermost frame in ``module`` whose symbol starts with ``symbol``; no guessed one."""
        for frame in self.trusted_frames:
            if frame.module == module and (not symbol or (frame.symbol or "").startswith(symbol)):
                return frame
        return None

    def find_module(self, name: str) -> Module | None:
        """The loaded module of that name, whatever its case."""
        return next((module for module in self.modules or () if module.name.lower() == name), None)

    @property
    def from_outside(self) -> bool:
        """Whether the header looks as a hypervisor, or a debugger that opened its dump, leaves it."""
        dump, code = self.dump, self.bug_check.code if self.bug_check else None
        return dump is not None and is_from_outside(dump.type, code, dump.attributes, bool(dump.saved_again))

    @property
    def captures(self) -> bool:
        """Whether the capture machinery is on the stack."""
        return machinery_end(self.frames) > 0

    @property
    def reporter(self) -> Frame | None:
        """The first frame outside of the capture machinery, where the stack shows that; no mere start of a thread."""
        return find_reporter(self.frames) if self.captures else None
