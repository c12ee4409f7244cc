"""The questions that every engine answers, in the words of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from livedump.model.bug_check import BugCheck
from livedump.model.contents import SecondaryBlob
from livedump.model.dump import Dump, System
from livedump.model.frames import Stack
from livedump.model.holdings import PageTally, Region
from livedump.model.images import Module, UnloadedModule
from livedump.model.listing import Listing
from livedump.model.patience import KeepGoing
from livedump.model.processors import Process, Processor, Requester

if TYPE_CHECKING:
    from livedump.model.memory_use import MemoryFacts
    from livedump.model.requests import RequestFacts
    from livedump.model.thread_view import ThreadFacts
    from livedump.model.threads import Census, Thread
    from livedump.model.waits import WaitFacts
from livedump.model.symbol_lookups import SymbolLookups


class Engine(Protocol):
    """One open dump. Each question is independent of the others and may be asked in any order.

    Every method raises a DumpError that says why when the answer cannot be had; NotKnown when the dump or the
    engine does not hold it.
    """

    name: str
    """native, pykd, cdb or transcript."""

    def dump(self) -> Dump:
        """The file as a container."""

    def system(self) -> System:
        """The machine that was captured."""

    def bug_check(self) -> BugCheck:
        """Code and parameters as stored."""

    def stack(self, processor: int | None = None) -> Stack:
        """The call stack of one processor; of the one that wrote the dump when None."""

    def modules(self) -> Listing[Module]:
        """Loaded modules in load order, kernel first."""

    def unloaded_modules(self) -> Listing[UnloadedModule]:
        """Modules that were unloaded, as remembered by the system."""

    def processors(self) -> Listing[Processor]:
        """All logical processors by number."""

    def processes(self) -> Listing[Process]:
        """All processes in the system's own order."""

    def requesting_process(self) -> Process:
        """The process whose thread was current when the dump was taken."""

    def requester(self) -> Requester:
        """The same by each trace that leads to it; as ``requesting_process`` where only one does."""

    def holds_user_pages(self) -> bool:
        """Whether user pages of the requesting process are in the dump."""

    def read(self, address: int, size: int) -> bytes:
        """Bytes at a virtual address. Raises MemoryGap where the dump holds none."""

    def regions(self) -> tuple[Region, ...]:
        """Where the structures lie that a live dump captures, but for images and for what nothing leads to."""

    def tally_pages(self, address: int, size: int, physical: bool = False) -> PageTally:
        """How many pages of a range the dump holds; bounded, and without reading them where the engine can tell."""

    def census(self, keep_going: KeepGoing) -> Census:
        """Processors, processes and threads in one pass, as far as there is time."""

    def waits(self, census: Census, keep_going: KeepGoing) -> WaitFacts:
        """What each waiting thread of the census waits for, and who holds it."""

    def memory_use(self, census: Census, keep_going: KeepGoing) -> MemoryFacts:
        """Commit, pools and their tags, handles, objects."""

    def requests(self, census: Census, keep_going: KeepGoing) -> RequestFacts:
        """Requests on the lists of threads, and the system's work queues."""

    def thread_facts(self, thread: Thread) -> ThreadFacts:
        """What one thread alone is asked for; each part that is missing is None."""

    def thread_stack(self, thread: Thread) -> Stack:
        """The stack of a thread that does not run."""

    def code_name(self, address: int) -> str | None:
        """``module!function`` at an address, the module alone where there is no name; None outside of any module."""

    def secondary_data(self) -> Listing[SecondaryBlob]:
        """The blocks behind the memory of the dump, in the file's order."""

    def symbol_lookups(self, every: bool = False) -> SymbolLookups:
        """What happened when symbols of the modules that were needed were looked for; with ``every`` of all."""

    def file_changed(self) -> bool | None:
        """Whether the file was changed since it was opened; None where nobody can tell."""

    def close(self) -> None:
        """Gives files and memory back."""
