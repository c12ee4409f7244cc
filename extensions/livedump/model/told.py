"""What only a text says of a dump: whom the debugger blames, what a record calls it, and how good the text is."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from livedump.model.text_kinds import CodeText, FilePath, ModuleName, SymbolText


class Blame(NamedTuple):
    """Whom the debugger blames. Its own guess, by its own rules: no finding of ours. None where it says nothing."""

    image_name: ModuleName | None = None
    """File: ``nvlddmkm.sys``."""
    module_name: ModuleName | None = None
    symbol_name: SymbolText | None = None
    """``nvlddmkm+1986740``."""
    image_version: CodeText | None = None
    bucket: CodeText | None = None
    """The line under which Microsoft groups like failures: ``LKD_0x141_IMAGE_nvlddmkm.sys``."""
    bucket_hash: CodeText | None = None
    """The same as a GUID without braces."""


class Told(NamedTuple):
    """What stands in the text beside the answers."""

    source: str
    """For people: ``the debugger``, ``Windows Error Reporting``."""
    live: bool | None = None
    """Whether the text calls the dump a live one; None where it calls it neither."""
    live_words: str | None = None
    """The words that do so."""
    blame: Blame | None = None
    doubts: tuple[str, ...] = ()
    """Why nothing drawn from the text is certain: what had to be repaired, what was left out, what was inferred."""
    registered: bool = False
    """Whether Windows Error Reporting has registered the dump as one of its own."""
    dump_path: FilePath | None = None
    """The dump that the text is about, as it names it."""
    recorded_at: datetime | None = None
    """Aware, UTC: when a record was written, later than the dump was captured."""
