"""Damaged lists are damaged as they say, on every layout."""

from __future__ import annotations

import pytest

from tests.synth.kernel.kernel_reader import KernelReader
from tests.synth.kernel.layout import BUILDS
from tests.synth.kernel.scenario_damage import DAMAGED, DAMAGED_AT, HOWS, NOWHERE, RINGS, damaged_ring
from tests.synth.kernel.scenarios import build_damaged

pytestmark = pytest.mark.usefixtures("compiler")


@pytest.mark.parametrize("build_name", BUILDS)
@pytest.mark.parametrize("name", RINGS)
def test_links_lead_where_the_damage_says(name: str, build_name: str) -> None:
    for how in HOWS:
        dump = build_damaged(f"{name}-{how}", build_name)
        reader = KernelReader(dump)
        (truth,) = dump.truth.system.lists
        entry = RINGS[name].entry_path
        links = [dump.truth.names[member] + item_offset(reader, member, entry) for member in truth.members]
        followed = follow(reader, links)
        if how in ("empty", "one"):
            assert followed == links
        elif how == "circular":
            assert reader.memory.pointer(links[DAMAGED_AT]) == links[1]
        elif how == "cut":
            with pytest.raises(ValueError, match="not in the dump"):
                reader.memory.pointer(links[DAMAGED_AT])
        else:
            assert reader.memory.pointer(links[DAMAGED_AT]) >> 47 == 0


def item_offset(reader: KernelReader, member: str, path: str) -> int:
    """Where the links lie in a member."""
    return 0 if member.startswith("item:") else reader.layout.at(path)


def follow(reader: KernelReader, links: list[int]) -> list[int]:
    """Links that one comes to from the first on, as many as there should be."""
    followed = links[:1]
    while len(followed) < len(links):
        followed.append(reader.memory.pointer(followed[-1]))
        if followed[-1] == links[DAMAGED_AT]:
            break
    return followed


@pytest.mark.parametrize("name", DAMAGED)
def test_every_damage_can_be_made(name: str) -> None:
    assert build_damaged(name).path.stat().st_size > 1_000_000


def test_a_waiter_can_be_led_astray() -> None:
    dump = build_damaged("waiters-astray", "22000")
    reader = KernelReader(dump)
    first = reader.field("_ERESOURCE.ExclusiveWaiters", dump.truth.names["resource:A"])
    blocks = [first]
    while blocks[-1] != NOWHERE:
        blocks.append(reader.memory.pointer(blocks[-1]))
    assert len(blocks) > 1


def test_an_unknown_damage_is_not_made() -> None:
    with pytest.raises(KeyError):
        damaged_ring("nothing", "empty", "22000")
