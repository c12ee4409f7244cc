"""Which of the structures that every live dump captures are in this one.

A dump that lacks some is a partial one: Windows ran out of buffers, or of file. It can still be opened while the
debugger block, the module list and the page directory are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from livedump.model.addresses import PAGE_SIZE, format_address
from livedump.model.errors import DumpError
from livedump.model.holdings import CapturedPart, Holding, PageTally, Presence, Region
from livedump.model.images import Module
from livedump.model.listing import Listing, ListProblem

if TYPE_CHECKING:
    from livedump.model.engine import Engine

IMAGES = {CapturedPart.KERNEL_IMAGE: "nt", CapturedPart.HAL_IMAGE: "hal"}
MAY_BE_OUT = {*IMAGES, CapturedPart.STACK}
"""What need not be in memory as a whole: an image's code for the start is discarded, other parts are paged out."""
LARGEST_FORWARDER = 0x10000
"""A hal.dll that only leads on to the kernel has 24 KiB; one with code of its own more than ten times that."""


def inspect_structures(engine: Engine) -> tuple[tuple[Holding, ...], tuple[ListProblem, ...]]:
    """One holding for each structure, in their documented order, and which lists may not be whole.

    Pages are counted, not read: of an image of 16 MB only the page tables are looked at.
    """
    regions, unknown = _regions(engine)
    modules, unlisted = _modules(engine)
    holdings = []
    for structure in CapturedPart:
        if structure in IMAGES:
            holdings.append(_image(engine, structure, modules, unlisted))
        else:
            mine = [region for region in regions if region.structure is structure]
            holdings.append(_holding(engine, structure, mine, unknown))
    return tuple(holdings), _incomplete(modules, _processors_problem(engine) if regions else None)


def _regions(engine: Engine) -> tuple[Sequence[Region], str | None]:
    try:
        return engine.regions(), None
    except DumpError as error:
        return (), str(error)


def _modules(engine: Engine) -> tuple[Listing[Module], str | None]:
    try:
        found = engine.modules()
    except DumpError as error:
        return Listing(()), str(error)
    return found, found.problem


def _processors_problem(engine: Engine) -> str | None:
    try:
        return engine.processors().problem
    except DumpError:  # the holdings of KiProcessorBlock and of the PRCBs say so
        return None


def _incomplete(modules: Listing[Module], processors_problem: str | None) -> tuple[ListProblem, ...]:
    found = {"modules": modules.problem, "processors": processors_problem}
    return tuple(ListProblem(what, message) for what, message in found.items() if message)


def _image(engine: Engine, structure: CapturedPart, modules: Listing[Module], unlisted: str | None) -> Holding:
    name = IMAGES[structure]
    module = next((each for each in modules if each.name.lower() == name and not each.user), None)
    if module is not None:
        region = Region(structure, module.base, module.size or PAGE_SIZE)
        return _holding(engine, structure, [region], None, _forwarder_note(structure, module))
    if structure is CapturedPart.HAL_IMAGE and modules and not modules.problem:
        note = "no hal among the loaded modules: it is part of nt"
        return Holding(structure, Presence.NOT_SEPARATE, None, None, note, "lm m hal")
    return Holding(structure, Presence.NOT_KNOWN, None, None, unlisted or f"no {name} among the loaded modules", None)


def _forwarder_note(structure: CapturedPart, module: Module) -> str | None:
    if structure is not CapturedPart.HAL_IMAGE or module.size > LARGEST_FORWARDER:
        return None
    return f"{module.size // 1024} KiB that lead on to nt, which holds the code of the HAL"


def _holding(
    engine: Engine, structure: CapturedPart, regions: Sequence[Region], unknown: str | None, note: str | None = None
) -> Holding:
    if not regions:
        reason = unknown or "what leads to it is not in the dump"
        return Holding(structure, Presence.NOT_KNOWN, None, None, reason, None)
    first = regions[0]
    try:
        tally = _total(engine.tally_pages(each.address, each.size, each.physical) for each in _joined(regions))
    except DumpError as error:
        return Holding(structure, Presence.NOT_KNOWN, first.address, None, str(error), _check(first))
    presence, cut = _presence(structure, tally), None
    if presence is Presence.PRESENT and not all(each.whole for each in regions):
        presence, cut = Presence.NOT_KNOWN, "its beginning is there; how far it goes is not known"
    notes = [text for text in (note, cut, _out_note(structure, tally)) if text]
    return Holding(structure, presence, first.address, tally, "; ".join(notes) or None, _check(first))


def _presence(structure: CapturedPart, tally: PageTally) -> Presence:
    missing = tally.not_captured + tally.not_visited + (0 if structure in MAY_BE_OUT else tally.not_present)
    if tally.present == 0:
        return Presence.ABSENT
    return Presence.PARTLY if missing else Presence.PRESENT


def _out_note(structure: CapturedPart, tally: PageTally) -> str | None:
    if structure not in MAY_BE_OUT or not tally.not_present or not tally.present:
        return None
    return f"{tally.not_present} of its pages were not in memory"


def _total(tallies: Iterable[PageTally]) -> PageTally:
    present, not_present, not_captured, not_visited = map(sum, zip(*tallies))
    return PageTally(present, not_present, not_captured, not_visited)


def _joined(regions: Iterable[Region]) -> Iterator[Region]:
    # Each page once: regions that share one become one.
    ordered = sorted(regions, key=lambda region: (region.physical, region.address))
    current = ordered[0]
    for region in ordered[1:]:
        end = current.address + current.size
        if region.physical == current.physical and region.address // PAGE_SIZE <= (end - 1) // PAGE_SIZE:
            reach = max(end, region.address + region.size)
            current = current._replace(size=reach - current.address)
        else:
            yield current
            current = region
    yield current


def _check(region: Region) -> str:
    if region.structure in IMAGES:
        return f"lmvm {IMAGES[region.structure]}"
    if region.physical:
        return f"!db {region.address:x} L10"
    return f"db {format_address(region.address)} L10"
