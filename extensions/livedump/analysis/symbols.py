"""What happened when symbols were looked for, and what of that a reader of a report should know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livedump.model.errors import DumpError
from livedump.model.symbol_lookups import SymbolAttempt, SymbolLookup, SymbolLookups, SymbolResult

if TYPE_CHECKING:
    from livedump.model.engine import Engine

ADVICE = "give a symbol path"
_TELLING = (
    SymbolResult.OTHER_BUILD,
    SymbolResult.DAMAGED,
    SymbolResult.TIME_LIMIT,
    SymbolResult.UNREACHABLE,
    SymbolResult.IN_QUARANTINE,
    SymbolResult.REFUSED,
)
"""Results that say more than that a file was not there, the most telling first."""


def find_symbols(engine: Engine, every: bool = False) -> SymbolLookups:
    """What was looked for, for the modules that the report needs; with ``every`` for all of them.

    Raises:
        DumpError: the engine does not look for symbols itself, or the dump tells of no modules.
    """
    return engine.symbol_lookups(every)


def why_no_names(engine: Engine) -> str:
    """Why frames have no names, in one line: what became of the kernel's PDB, else of the first one that is missing."""
    try:
        lookups = [each for each in engine.symbol_lookups().modules if each.found is None]
    except DumpError:
        return ADVICE
    lookups.sort(key=lambda each: each.module != "nt")
    return _why(lookups[0]) if lookups else ADVICE


def _why(lookup: SymbolLookup) -> str:
    if lookup.wanted is None and not lookup.attempts:
        return f"{lookup.module}: {lookup.status}"
    telling = min(filter(_tells, lookup.attempts), key=lambda each: _TELLING.index(each.result), default=None)
    if telling is not None:
        return f"{telling.file} of {lookup.module}: {telling.reason}{_until(telling)}"
    wanted = lookup.wanted or f"the image that names the PDB of {lookup.module}"
    places = list(dict.fromkeys(each.place for each in lookup.attempts))
    where = "nowhere: there is no symbol path" if not places else f"not in {places[0]}"
    more = f" or {len(places) - 1} more" if len(places) > 1 else ""
    return f"{wanted} is {where}{more}; {ADVICE}"


def _tells(attempt: SymbolAttempt) -> bool:
    return attempt.result in _TELLING


def _until(attempt: SymbolAttempt) -> str:
    return "" if attempt.until is None else f", until {attempt.until:%Y-%m-%d %H:%M} UTC (--symbols-retry asks at once)"
