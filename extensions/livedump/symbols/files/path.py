"""The symbol path in WinDbg's syntax: where symbols may be looked for, and in which order.

Parsing touches no network, and of the disk only the default cache, to see whose it is.
Source: "Symbol path for Windows debuggers" of the Windows documentation.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from livedump.model.secrets import without_secrets
from livedump.model.symbol_places import symbol_places
from livedump.symbols.files.cache import user_cache

MICROSOFT_SERVER = "https://msdl.microsoft.com/download/symbols"
MAX_ELEMENTS = 256
NO_CACHE = "there is no folder of your own for it (HOME); name one, as in srv*FOLDER*SERVER"
WINDOWS_PATH = re.compile(r"[A-Za-z]:|\\\\|//")


class SymbolSource(NamedTuple):
    """One element of the path: a place to look in, and the caches in front of it."""

    location: str
    """A folder or an http(s) address."""
    store: bool
    """Whether only ``name/key/name`` is looked for; a plain folder may also hold ``name`` itself."""
    caches: tuple[str, ...] = ()
    """Folders that are looked in first; the first one keeps what was fetched from behind it."""

    @property
    def online(self) -> bool:
        """Whether the location is a server."""
        return is_address(self.location)


class SymbolPath(NamedTuple):
    """A parsed symbol path."""

    sources: tuple[SymbolSource, ...] = ()
    notes: tuple[str, ...] = ()
    """Elements that were left out, and why."""

    def then(self, *sources: SymbolSource) -> SymbolPath:
        """This path with more sources behind it."""
        return self._replace(sources=self.sources + sources)

    def offline(self) -> SymbolPath:
        """This path without its servers; what their caches already hold is still found."""
        caches = (SymbolSource(cache, True) for source in self.sources if source.online for cache in source.caches)
        local = tuple(source for source in self.sources if not source.online)
        return self._replace(sources=tuple(dict.fromkeys((*local, *caches))))


def symbol_path(option: str | None, environment: Mapping[str, str], dump: Path | None = None) -> SymbolPath:
    """The path that a run uses: ``-y`` when given, else the environment's; the dump's own folder comes last."""
    path = parse_symbol_path(symbol_places(option, environment), default_cache(environment))
    own = path.then(SymbolSource(str(dump.parent), store=False)) if dump is not None else path
    return own._replace(sources=tuple(_without_repeats(own.sources)))


def _without_repeats(sources: Iterable[SymbolSource]) -> Iterator[SymbolSource]:
    # What is looked in a second time tells nothing new, be it named or the dump's own.
    before: list[SymbolSource] = []
    for source in sources:
        if not any(_covers(other, source) for other in before):
            before.append(source)
            yield source


def _covers(wide: SymbolSource, source: SymbolSource) -> bool:
    forms = not wide.store or source.store
    return forms and _place(wide) == _place(source) and set(source.caches) <= set(wide.caches)


def _place(source: SymbolSource) -> str:
    return source.location if source.online else os.path.normcase(Path(source.location).absolute())


def parse_symbol_path(text: str, cache: str | None = None) -> SymbolPath:
    """The elements of ``text``; ``cache`` is the folder that an empty cache means (``srv*``, ``cache*``)."""
    default = cache or default_cache(os.environ) or ""
    sources: list[SymbolSource] = []
    notes: list[str] = []
    caches: tuple[str, ...] = ()
    for element in text.split(";")[:MAX_ELEMENTS]:
        kind, parts = _split(element.strip())
        if kind == "cache":
            caches = (*caches, *_usable(_named(parts[0] or default, notes), notes))
        elif kind == "srv":
            sources += _server(parts, caches, default, notes)
        elif kind == "folder":
            sources += [SymbolSource(folder, False, caches) for folder in _usable(parts, notes)]
    sources += [SymbolSource(caches[-1], True, caches[:-1])] if caches and not sources else []
    return SymbolPath(tuple(sources), tuple(notes))


def default_cache(environment: Mapping[str, str]) -> str | None:
    """The folder where symbols are kept when the path names none: WinDbg's own on Windows; None: nowhere is safe."""
    if os.name == "nt":
        return str(Path(environment.get("PROGRAMDATA", r"C:\ProgramData")) / "Dbg" / "sym")
    folder = user_cache(environment)
    return str(folder / "symbols") if folder else None


def is_address(text: str) -> bool:
    """Whether ``text`` is an http or https address."""
    return text.lower().startswith(("http://", "https://"))


def _split(element: str) -> tuple[str, tuple[str, ...]]:
    """The kind of an element (srv, cache, folder or nothing) and its parts."""
    if not element:
        return "", ()
    head, *parts = (part.strip() for part in element.split("*"))
    kind = head.lower()
    if kind == "symsrv" and parts:
        return "srv", tuple(parts[1:]) or ("",)  # the first part names the DLL that WinDbg would load
    if kind in ("srv", "cache") and parts:
        return kind, tuple(parts)
    return "folder", (element,)


def _server(parts: tuple[str, ...], caches: tuple[str, ...], default: str, notes: list[str]) -> list[SymbolSource]:
    """``srv*a*b*c``: c is the source, a and b are caches; an empty part means the default cache."""
    if not any(parts):
        return [SymbolSource(MICROSOFT_SERVER, True, (*caches, *_named(default, notes)))]
    *before, location = (named for part in parts for named in _named(part or default, notes))
    kept_in = (*caches, *_usable(before, notes))
    usable = _usable((location,), notes, addresses=True)
    own = (default,) if default else ()
    return [SymbolSource(place, True, kept_in or (own if is_address(place) else ())) for place in usable]


def _named(place: str, notes: list[str]) -> tuple[str, ...]:
    if not place:
        notes.append(f"symbol path: the default cache is left out: {NO_CACHE}")
    return (place,) if place else ()


def _usable(places: tuple[str, ...] | list[str], notes: list[str], addresses: bool = False) -> tuple[str, ...]:
    """The places that this system can look in; a note for each of the others."""
    good = []
    for place in places:
        problem = _problem(place, addresses)
        if problem:
            notes.append(f"symbol path: {without_secrets(place)} is left out: {problem}")
        else:
            good.append(place)
    return tuple(good)


def _problem(place: str, addresses: bool) -> str | None:
    if "\0" in place:
        return "a NUL is in it"
    if is_address(place):
        return None if addresses else "a server needs srv* before it"
    if os.name != "nt" and WINDOWS_PATH.match(place):
        return "it is a Windows path"
    return None
