"""The record engine: a dump that is known only from what Windows wrote of it elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from livedump.model.bug_check import BugCheck
from livedump.model.dump import Dump, System
from livedump.model.errors import NotKnown
from livedump.model.records import Record, RecordKind
from livedump.model.told import Blame, Told

NO_DUMP = {
    True: "no dump is at hand: Windows Error Reporting deleted it, or it was never written",
    False: "no dump is at hand",
    None: "nobody stopped the system and no dump was written: it lost its power, was reset, or hung",
}
_REGISTERED = frozenset({RecordKind.WER_REPORT, RecordKind.WER_EVENT, RecordKind.RELIABILITY})


class RecordEngine:
    """One record. All that it does not tell is not known."""

    name = "record"

    def __init__(self, record: Record, path: str, doubts: Sequence[str] = ()) -> None:
        """``path`` is that of the file that holds the record; ``doubts`` say what is wrong with it."""
        self.record = record
        self._path = path
        self._doubts = doubts

    def dump(self) -> Dump:
        """The dump as the record names it; no more is known of the file than its path."""
        return Dump(
            path=self.record.dump_path or self._path,
            size=None,
            type=None,
            machine=None,
            attributes=None,
            captured_at=None,
            uptime=None,
            directory_table_base=None,
            told=self._told(),
        )

    def system(self) -> System:
        """The machine, as far as its build.

        Raises:
            NotKnown: the record does not name it.
        """
        if self.record.build is None:
            self._not_told()
        return System(self.record.build, None, None, None, None, None)

    def bug_check(self) -> BugCheck:
        """Code and parameters; None for a parameter that the record leaves out.

        Raises:
            NotKnown: the record has no code.
        """
        if self.record.code is None:
            self._not_told()
        return BugCheck(self.record.code, self.record.parameters)

    def file_changed(self) -> None:
        """Not known: the dump is not here."""

    def close(self) -> None:
        """Nothing to give back."""

    def _told(self) -> Told:
        record = self.record
        blame = Blame(image_name=record.driver, bucket=record.bucket) if record.driver or record.bucket else None
        return Told(
            source=record.kind.title,
            live=record.live,
            live_words=None if record.live is None else record.sentence,
            blame=blame,
            doubts=(NO_DUMP[record.live], *self._doubts),
            registered=record.live is True and record.kind in _REGISTERED,
            dump_path=record.dump_path,
            recorded_at=record.recorded_at,
        )

    def _not_told(self, *_: object, **__: object) -> NoReturn:
        raise NotKnown(f"a record of {self.record.kind.title} tells no more of a dump")

    stack = modules = unloaded_modules = processors = processes = _not_told
    requesting_process = requester = holds_user_pages = read = regions = tally_pages = _not_told
    secondary_data = census = waits = memory_use = requests = thread_facts = thread_stack = code_name = _not_told
    symbol_lookups = _not_told
