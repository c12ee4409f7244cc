"""What a dump holds of the structures that every live dump captures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest

from livedump.analysis.contents import inspect_contents
from livedump.model.contents import Contents, SecondaryBlob
from livedump.model.engine import Engine
from livedump.model.errors import NotKnown
from livedump.model.holdings import CapturedPart, Holding, PageTally, Presence, Region
from livedump.model.images import Module
from livedump.model.listing import Listing, ListProblem
from livedump.model.processors import Processor

PAGE = 0x1000
KDBG, LIST, BLOCK, PRCB, STACK = (0xFFFFF801_78727040 + 0x10000 * number for number in range(5))
ROOT, SHARED = 0x14D000, 0xFFFFF780_00000000
NT = Module("nt", "ntoskrnl.exe", 0xFFFFF801_77E00000, 0x1000000, None)
HAL = Module("hal", "hal.dll", 0xFFFFF801_77CC0000, 0xA0000, None)
REGIONS = (
    Region(CapturedPart.DEBUGGER_BLOCK, KDBG, 0x3A0),
    Region(CapturedPart.MODULE_LIST, LIST, 0x10),
    Region(CapturedPart.MODULE_LIST, LIST + 0x100, 0x88),
    Region(CapturedPart.MODULE_LIST, LIST + PAGE, 0x88),
    Region(CapturedPart.PROCESSOR_BLOCK, BLOCK, 0x10),
    Region(CapturedPart.PRCBS, PRCB, 0xBF00),
    Region(CapturedPart.PRCBS, PRCB + 0x100000, 0xBF00),
    Region(CapturedPart.STACK, STACK, 0x1800),
    Region(CapturedPart.PAGE_DIRECTORY, ROOT, PAGE, physical=True),
    Region(CapturedPart.SHARED_DATA, SHARED, PAGE),
)


@dataclass
class Dump:
    """An engine that answers the four questions; every page is there but those named."""

    found: tuple[Region, ...] = REGIONS
    loaded: tuple[Module, ...] | None = (NT, HAL)
    not_captured: set[int] = field(default_factory=set)
    not_present: set[int] = field(default_factory=set)
    modules_problem: str | None = None
    processors_problem: str | None = None
    asked: list[tuple[int, int, bool]] = field(default_factory=list)

    def regions(self) -> tuple[Region, ...]:
        return self.found

    def modules(self) -> Listing[Module]:
        if self.loaded is None:
            raise NotKnown("the module list is missing")
        return Listing(self.loaded, self.modules_problem)

    def processors(self) -> Listing[Processor]:
        return Listing((), self.processors_problem)

    def secondary_data(self) -> Listing[SecondaryBlob]:
        return Listing(())

    def tally_pages(self, address: int, size: int, physical: bool = False) -> PageTally:
        self.asked.append((address, size, physical))
        pages = {page * PAGE for page in range(address // PAGE, -(-(address + size) // PAGE))}
        lost, out = len(pages & self.not_captured), len(pages & self.not_present)
        return PageTally(len(pages) - lost - out, out, lost)


def contents_of(dump: Dump) -> Contents:
    return inspect_contents(cast(Engine, dump))


def holding(dump: Dump, structure: CapturedPart) -> Holding:
    return next(each for each in contents_of(dump).holdings if each.structure is structure)


def page_of(address: int) -> int:
    return address & -PAGE


def test_all_nine_are_told_in_their_documented_order() -> None:
    found = contents_of(Dump())
    # Lenovo Press LP2142, Introduction
    assert [each.structure.value for each in found.holdings] == [
        "KdDebuggerBlock",
        "Loaded module list",
        "KiProcessorBlock",
        "PRCBs",
        "Current stack",
        "Current page directory",
        "KI_USER_SHARED_DATA",
        "NTOS kernel image",
        "HAL image",
    ]
    assert {each.presence for each in found.holdings} == {Presence.PRESENT}
    assert found.complete


def test_pages_are_counted_once_however_many_parts_lie_on_them() -> None:
    assert holding(Dump(), CapturedPart.MODULE_LIST).tally == PageTally(2, 0, 0)


def test_each_processor_counts() -> None:
    # 0x40 bytes into a page, 0xbf00 bytes: twelve pages each
    assert holding(Dump(), CapturedPart.PRCBS).tally == PageTally(24, 0, 0)


@pytest.mark.parametrize(
    ("structure", "lost", "presence", "tally"),
    [
        (CapturedPart.DEBUGGER_BLOCK, {page_of(KDBG)}, Presence.ABSENT, PageTally(0, 0, 1)),
        (CapturedPart.MODULE_LIST, {page_of(LIST) + PAGE}, Presence.PARTLY, PageTally(1, 0, 1)),
        (CapturedPart.PRCBS, {page_of(PRCB) + 3 * PAGE}, Presence.PARTLY, PageTally(23, 0, 1)),
        (CapturedPart.STACK, {page_of(STACK) + PAGE}, Presence.PARTLY, PageTally(1, 0, 1)),
        (CapturedPart.PAGE_DIRECTORY, {ROOT}, Presence.ABSENT, PageTally(0, 0, 1)),
        (CapturedPart.SHARED_DATA, {SHARED}, Presence.ABSENT, PageTally(0, 0, 1)),
        (CapturedPart.KERNEL_IMAGE, {NT.base + 9 * PAGE}, Presence.PARTLY, PageTally(0xFFF, 0, 1)),
    ],
)
def test_a_page_that_was_not_captured(
    structure: CapturedPart, lost: set[int], presence: Presence, tally: PageTally
) -> None:
    dump = Dump(not_captured=lost)
    found = holding(dump, structure)
    assert (found.presence, found.tally) == (presence, tally)
    assert not contents_of(dump).complete


def test_pages_of_an_image_that_were_discarded_are_no_loss() -> None:
    found = holding(Dump(not_present={NT.base + 9 * PAGE, NT.base + 10 * PAGE}), CapturedPart.KERNEL_IMAGE)
    assert (found.presence, found.tally) == (Presence.PRESENT, PageTally(0xFFE, 2, 0))
    assert found.note == "2 of its pages were not in memory"


def test_a_part_of_the_module_list_that_nothing_maps_is_a_loss() -> None:
    found = holding(Dump(not_present={page_of(LIST) + PAGE}), CapturedPart.MODULE_LIST)
    assert found.presence is Presence.PARTLY


def test_an_image_that_was_wholly_out_of_memory_is_absent() -> None:
    pages = {HAL.base + offset for offset in range(0, HAL.size, PAGE)}
    assert holding(Dump(not_present=pages), CapturedPart.HAL_IMAGE).presence is Presence.ABSENT


def test_a_small_hal_is_told_for_what_it_is() -> None:
    # lm t n of a 19041 system: hal.dll from fffff807`5ba60000 to fffff807`5ba66000
    small = Module("hal", "hal.dll", HAL.base, 0x6000, None)
    found = holding(Dump(loaded=(NT, small)), CapturedPart.HAL_IMAGE)
    assert (found.presence, found.tally) == (Presence.PRESENT, PageTally(6, 0, 0))
    assert found.note == "24 KiB that lead on to nt, which holds the code of the HAL"


def test_a_system_without_hal_lacks_nothing() -> None:
    dump = Dump(loaded=(NT,))
    assert holding(dump, CapturedPart.HAL_IMAGE).presence is Presence.NOT_SEPARATE
    assert contents_of(dump).complete


def test_a_user_module_called_hal_is_no_hal() -> None:
    fake = Module("hal", "hal.dll", 0x7FFC_00000000, 0x6000, None, user=True)
    assert holding(Dump(loaded=(NT, fake)), CapturedPart.HAL_IMAGE).presence is Presence.NOT_SEPARATE


def test_without_a_module_list_the_images_are_not_known() -> None:
    dump = Dump(loaded=None)
    for structure in (CapturedPart.KERNEL_IMAGE, CapturedPart.HAL_IMAGE):
        found = holding(dump, structure)
        assert (found.presence, found.note) == (Presence.NOT_KNOWN, "the module list is missing")
    assert not contents_of(dump).complete


def test_what_nothing_leads_to_is_not_known() -> None:
    found = holding(Dump(found=REGIONS[:1]), CapturedPart.PRCBS)
    assert (found.presence, found.address, found.tally, found.check) == (Presence.NOT_KNOWN, None, None, None)


def test_an_engine_that_cannot_count_answers_not_known() -> None:
    class Transcript(Dump):
        def regions(self) -> tuple[Region, ...]:
            raise NotKnown("a transcript holds no memory")

        def tally_pages(self, address: int, size: int, physical: bool = False) -> PageTally:  # noqa: ARG002
            raise NotKnown("a transcript holds no memory")

    found = contents_of(Transcript())
    assert {each.presence for each in found.holdings} == {Presence.NOT_KNOWN}
    assert {each.note for each in found.holdings} == {"a transcript holds no memory"}


def test_every_structure_that_was_looked_for_has_a_command_that_shows_it() -> None:
    checks = [each.check for each in contents_of(Dump()).holdings]
    assert checks[0] == "db fffff801`78727040 L10"
    assert checks[5] == "!db 14d000 L10"
    assert checks[7] == "lmvm nt"
    assert all(checks)


def test_an_image_is_asked_about_in_one_question() -> None:
    dump = Dump()
    contents_of(dump)
    assert (NT.base, NT.size, False) in dump.asked
    assert len(dump.asked) == 11


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_any_size_of_an_image_is_passed_on(size: int) -> None:
    found = holding(Dump(loaded=(Module("nt", "nt.exe", NT.base, size, None),)), CapturedPart.KERNEL_IMAGE)
    assert found.presence is Presence.PRESENT


def test_a_list_that_may_not_be_whole_is_not_complete_though_each_known_page_is_there() -> None:
    one, other = contents_of(Dump(modules_problem="a circle")), contents_of(Dump(processors_problem="a circle"))
    assert one.incomplete == (ListProblem("modules", "a circle"),)
    assert other.incomplete == (ListProblem("processors", "a circle"),)
    assert (one.complete, other.complete) == (False, False)


def test_of_what_only_the_beginning_is_known_nobody_knows_whether_all_is_there() -> None:
    stack = Region(CapturedPart.STACK, STACK, 8, whole=False)
    dump = Dump(found=(*(each for each in REGIONS if each.structure is not CapturedPart.STACK), stack))
    found = holding(dump, CapturedPart.STACK)
    assert (found.presence, found.note) == (Presence.NOT_KNOWN, "its beginning is there; how far it goes is not known")
    assert not contents_of(dump).complete


def test_no_hal_is_no_answer_where_modules_may_be_missing() -> None:
    found = holding(Dump(loaded=(NT,), modules_problem="a circle"), CapturedPart.HAL_IMAGE)
    assert (found.presence, found.note) == (Presence.NOT_KNOWN, "a circle")
