"""Modules in debugger text: the lists of lm, lm t n, lmf and lmv, loaded and unloaded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from livedump.engines.text.lines import ADDRESS, Prompt, iter_commands, parse_hex, parse_prompt
from livedump.model.addresses import is_kernel_address
from livedump.model.images import Module, UnloadedModule

MAX_MODULES = 10_000

_UNLOADED = "Unloaded modules:"
_HEADINGS = ("start  ", _UNLOADED)
_ROW = re.compile(rf"\s*({ADDRESS})\s+({ADDRESS})\s+(\S{{1,260}})(?:\s+(\S.*))?$")
_SYMBOL_STATE = re.compile(r"(?:[A-Z#~] {1,4}){0,3}\(")
_IMAGE_AND_STAMP = re.compile(
    r"(.*?)\s(\*{5} Invalid .*|unavailable .*|(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat) .*|[0-9A-F]{8} \(This.*)$"
)
_STAMP = re.compile(r"\(([0-9A-F]{8})\)|^([0-9A-F]{8}) \(")
_FILTERED = re.compile(r"lm\w{0,8}m(?: |$)|lm.{0,40} [amM] ")


class ListedModule(NamedTuple):
    """One row of a list and the details below it. None where this kind of list does not tell."""

    name: str
    start: int
    end: int
    image_name: str | None = None
    timestamp: int | None = None
    path: str | None = None
    checksum: int | None = None
    version: str | None = None
    unloaded: bool = False
    filtered: bool = False
    """Whether the command asked for some modules only."""


def iter_listed_modules(lines: Sequence[str]) -> Iterator[ListedModule]:
    """The rows of every list in the text, in its order; at most MAX_MODULES."""
    listing = unloaded = filtered = False
    current: ListedModule | None = None
    count = 0
    for line in lines:
        prompt = parse_prompt(line)
        if prompt:
            listing, filtered = False, _is_filtered(prompt)
        elif line.lstrip().startswith(_HEADINGS):
            listing, unloaded = True, line.lstrip().startswith(_UNLOADED)
        elif listing and ("RetAddr" in line[:60] or "STACK_TEXT" in line[:20]):
            listing = False
        row = _parse_row(line) if listing else None
        if current and (row or not listing):
            yield current
            current, count = None, count + 1
        if count >= MAX_MODULES:
            return
        if row:
            current = row._replace(unloaded=unloaded, filtered=filtered)
        elif current:
            current = _with_detail(current, line.strip())
    if current:
        yield current


def parse_modules(lines: Sequence[str]) -> tuple[Module, ...] | None:
    """Loaded modules: the kernel, then the order of the list, which is that of addresses; user mode last.

    None when the text holds no list of all modules. A list that does not name the files gives a module's name instead.
    """
    rows = [row for row in iter_listed_modules(lines) if not row.unloaded]
    whole = {row.start for row in rows if not row.filtered}
    if len(whole) < 2:
        return None
    modules = [_module(row) for row in _merged(row for row in rows if row.start in whole)]
    return tuple(sorted(modules, key=lambda module: (module.user, module.name != "nt")))


def parse_unloaded_modules(lines: Sequence[str]) -> tuple[UnloadedModule, ...] | None:
    """Modules under ``Unloaded modules:``; None when the text has no such list."""
    rows = dict.fromkeys((row.name, row.start, row.end) for row in iter_listed_modules(lines) if row.unloaded)
    listed = bool(rows) or any(line.lstrip().startswith(_UNLOADED) for line in lines)
    return tuple(UnloadedModule(*row) for row in rows) if listed else None


def find_module_base(lines: Sequence[str], name: str) -> int | None:
    """Where the named module starts, from any list in the text, whole or not."""
    return next((row.start for row in iter_listed_modules(lines) if row.name == name and not row.unloaded), None)


def _is_filtered(prompt: Prompt) -> bool:
    return any(_FILTERED.match(f"{word} {arguments}") for word, arguments in iter_commands(prompt))


def _parse_row(line: str) -> ListedModule | None:
    found = _ROW.match(line.rstrip())
    start, end = (parse_hex(found.group(1)), parse_hex(found.group(2))) if found else (None, None)
    if not found or start is None or end is None or end <= start:
        return None
    row = ListedModule(found.group(3), start, end)
    rest = found.group(4) or ""
    if not rest or _SYMBOL_STATE.match(rest):
        return row
    image, stamp = _image_and_stamp(rest)
    path = image if "\\" in image else None
    return row._replace(image_name=image.rpartition("\\")[2] or None, path=path, timestamp=_timestamp(stamp))


def _image_and_stamp(rest: str) -> tuple[str, str]:
    found = _IMAGE_AND_STAMP.match(rest)
    return (found.group(1).strip(), found.group(2)) if found else (rest, "")


def _timestamp(text: str) -> int | None:
    found = _STAMP.search(text)
    value = parse_hex(found.group(1) or found.group(2)) if found else None
    return None if value in {0, 0xFFFFFFFE} and "unavailable" in text else value


def _with_detail(row: ListedModule, line: str) -> ListedModule:
    key, colon, value = line.partition(":")
    value = value.strip()
    if not colon or not value:
        return row
    if key == "Image name":
        return row._replace(image_name=value)
    if key == "Image path":
        return row._replace(path=value if "\\" in value else row.path)
    if key == "Timestamp":
        return row._replace(timestamp=_timestamp(value))
    if key == "CheckSum":
        return row._replace(checksum=parse_hex(value))
    return row._replace(version=value) if key == "File version" else row


def _merged(rows: Iterable[ListedModule]) -> Iterable[ListedModule]:
    # A later list of the same module adds what an earlier one did not tell.
    by_start: dict[int, ListedModule] = {}
    for row in rows:
        known = by_start.setdefault(row.start, row)
        missing = {field for field, value in known._asdict().items() if value is None}
        by_start[row.start] = known._replace(**{field: getattr(row, field) for field in missing})
    return by_start.values()


def _module(row: ListedModule) -> Module:
    return Module(
        name=row.name,
        image_name=row.image_name or row.name,
        base=row.start,
        size=row.end - row.start,
        timestamp=row.timestamp,
        checksum=row.checksum,
        path=row.path,
        version=row.version,
        user=not _is_kernel(row.start),
    )


def _is_kernel(address: int) -> bool:
    return is_kernel_address(address) if address >> 32 else address >> 31 == 1
