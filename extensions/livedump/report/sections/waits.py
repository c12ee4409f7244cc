"""Who waits for whom: chains down to the thread that all wait for, and deadlocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from livedump.model.addresses import Address
from livedump.model.amounts import count_text
from livedump.model.examination import WaitFindings
from livedump.model.waits import Chain, Link, ObjectKind, Waits
from livedump.report.document import Block, Cell, Document, Paragraph, Table, address, number, text
from livedump.report.sections.symptom_parts import elapsed, finding_evidence, findings_block, limit_of

_LINKS = ("Thread", "Cid and process", "Waits for", "Object", "Held by", "Owners", "Since")
MAX_CHAINS = 10


class WaitRow(NamedTuple):
    """One thread that waits for something owned."""

    thread: Address
    kind: ObjectKind
    object: Address
    owner: Address | None
    owners: int
    owner_problem: str | None


def row_type() -> type:
    """The record that ``rows`` gives any number of."""
    return WaitRow


def document(record: WaitFindings, title: str) -> Document:
    """Findings, then each chain as a table, from the thread farthest behind to the one in front of the head."""
    waits = record.waits
    blocks: list[Block] = [findings_block(record.findings)] if record.findings else []
    blocks += [_table(chain) for chain in waits.chains[:MAX_CHAINS]]
    more = len(waits.chains) + waits.more_chains - MAX_CHAINS
    if more > 0:
        known = f"the first {len(waits.chains)} of all" if waits.more_chains else "them"
        blocks.append(Paragraph(f"and {count_text(more, 'more chain')}; --format json has {known}"))
    return Document(
        title,
        tuple(blocks),
        headline=waits.summary,
        evidence=finding_evidence(record.findings),
        limits=(*limit_of(waits.state, waits.reason), *_resource_limit(waits)),
    )


def rows(record: WaitFindings) -> Iterator[WaitRow]:
    """All waits for something that somebody owns."""
    for each in record.waits.waits:
        owner = each.owners[0] if each.owners else each.lost_owner
        yield WaitRow(each.thread, each.object.kind, each.object.address, owner, len(each.owners), each.owner_problem)


def _table(chain: Chain) -> Table:
    head = (
        f"thread {chain.head_name or format(chain.head, 'x')}"
        if chain.head is not None
        else "an owner that is not known"
    )
    where = f", in {chain.why}" if chain.why else ""
    behind = f"{chain.behind:,} thread{'' if chain.behind == 1 else 's'} behind {head}{where}"
    return Table(_LINKS, tuple(map(_link, chain.links)), behind)


def _link(link: Link) -> tuple[Cell, ...]:
    waited = link.waits_for
    return (
        address(link.thread),
        text(link.name),
        text(waited.kind.title),
        address(waited.address),
        address(link.held_by) if link.held_by is not None else text("not known"),
        number(link.owners or None),
        text(elapsed(link.seconds)),
    )


def _resource_limit(waits: Waits) -> tuple[str, ...]:
    if all(each.object.kind is not ObjectKind.RESOURCE for each in waits.waits):
        return ()
    return ("threads wait for an ERESOURCE in rounds of seconds: 'Since' is that of the round, not of the wait",)
