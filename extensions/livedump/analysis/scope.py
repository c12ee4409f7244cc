"""What a dump set out to hold, and how one knows."""

from __future__ import annotations

from livedump.model.dump import Attributes, Dump, DumpKind, Scope
from livedump.model.findings import Confidence, Evidence, Finding


def judge_scope(dump: Dump, live: bool | None, user_pages: bool | None) -> tuple[Scope, Finding]:
    """The scope and the evidence for it. UNKNOWN for a crash dump that is not a triage dump.

    ``user_pages``: whether user pages of the requesting process are there; None where that is not known.
    """
    scope, confidence, evidence = _scope(dump, live, user_pages)
    return scope, Finding(f"scope: {scope.title}", confidence, (evidence,))


def _scope(dump: Dump, live: bool | None, user_pages: bool | None) -> tuple[Scope, Confidence, Evidence]:
    if dump.kind is DumpKind.TRIAGE:
        fact = "dump type 4 holds registers, one stack and a few blocks"
        return Scope.TRIAGE, Confidence.CERTAIN, Evidence("scope", fact, "||")
    if dump.told and dump.kind is DumpKind.UNKNOWN:
        return Scope.UNKNOWN, Confidence.NONE, Evidence("scope", "the text does not name the kind of dump", "||")
    if not live or dump.kind is not DumpKind.BITMAP_KERNEL:
        which = f"live dumps of kind {DumpKind.BITMAP_KERNEL.value}" if live else "live dumps"
        fact = f"a scope is known of {which} only; this is kind {dump.kind.value}"
        return Scope.UNKNOWN, Confidence.NONE, Evidence("scope", fact, "||")
    if dump.attributes is not None and dump.attributes & Attributes.SELECTIVE_DUMP:
        fact = f"attributes {dump.attributes:#x}: 0x4000 marks a dump of kernel stacks only"
        return Scope.KERNEL_STACKS, Confidence.CERTAIN, Evidence("scope", fact, ".dumpdebug")
    return _full(dump, user_pages)


def _full(dump: Dump, user_pages: bool | None) -> tuple[Scope, Confidence, Evidence]:
    if user_pages:
        fact = "user pages of the requesting process are in the dump"
        return Scope.FULL_USER, Confidence.CERTAIN, Evidence("scope", fact, "!peb")
    if dump.attributes is None:
        fact = "the text holds no attributes" if dump.told else "attributes were never written"
        return Scope.UNKNOWN, Confidence.NONE, Evidence("scope", fact, ".dumpdebug")
    seen = "are not in the dump" if user_pages is False else "are not known"
    fact = f"attributes {dump.attributes:#x} without 0x4000; user pages of the requesting process {seen}"
    return Scope.FULL, Confidence.LIKELY, Evidence("scope", fact, ".dumpdebug")
