"""An engine that reads nothing but the header: what it cannot tell from there is not known."""

from __future__ import annotations

from typing import NoReturn

from livedump.dumpfile.header import Header, bug_check_of, describe_container, read_header
from livedump.dumpfile.source import ByteSource
from livedump.model.bug_check import BugCheck
from livedump.model.dump import Dump, System
from livedump.model.errors import NotKnown


class HeaderEngine:
    """One read of two pages. Closing the source is the caller's business."""

    name = "native"

    def __init__(self, path: str, source: ByteSource, size: int | None) -> None:
        """Reads the header; ``size`` is that of the whole file, None when it is not known.

        Raises:
            DumpError: the file cannot be read or is no kernel dump.
        """
        self._path = path
        self._size = size
        self._header: Header = read_header(source)

    def dump(self) -> Dump:
        """The file as a container, without counts of pages."""
        return describe_container(self._header, self._path, self._size)

    def system(self) -> System:
        """The machine as the header has it."""
        header = self._header
        return System(header.build, None, header.processors, header.product, None, header.free_build)

    def bug_check(self) -> BugCheck:
        """Code and parameters as stored."""
        return bug_check_of(self._header)

    def symbol_lookups(self, every: bool = False) -> NoReturn:  # noqa: ARG002 - whoever asks may say it
        """Nothing is looked for."""
        raise NotKnown("only the header was read")

    def file_changed(self) -> None:
        """Not known: one read does not tell."""

    def close(self) -> None:
        """Nothing to give back."""

    def _not_read(self, *_: object, **__: object) -> NoReturn:
        raise NotKnown("only the header was read")

    stack = modules = unloaded_modules = processors = processes = _not_read
    requesting_process = requester = holds_user_pages = read = regions = tally_pages = secondary_data = _not_read
    census = waits = memory_use = requests = thread_facts = thread_stack = code_name = _not_read
