"""Amounts as an engineer says them."""

from __future__ import annotations

GIB, MIB, KIB = 1 << 30, 1 << 20, 1 << 10


def size_text(size: float) -> str:
    """``3.1 GiB``, ``812 MiB``, ``40 KiB``."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}" if size < 10 * unit else f"{size / unit:,.0f} {name}"
    return f"{size:,.0f} bytes"


def seconds_text(seconds: float | None) -> str:
    """As an engineer says it: ``0.5 s``, ``93 s``, ``12 min 5 s``, ``2 d 3 h``; ``an unknown time``."""
    if seconds is None:
        return "an unknown time"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    for size, name, small, small_name in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (120, "min", 1, "s")):
        if whole >= size:
            unit = 60 if name == "min" else size
            rest = whole % unit // small
            return f"{whole // unit} {name}" + (f" {rest} {small_name}" if rest else "")
    return f"{whole} s"


def count_text(count: int, what: str) -> str:
    """``1 thread``, ``40 threads``, ``2 processes``."""
    plural = "es" if what.endswith("s") else "s"
    return f"{count:,} {what}{'' if count == 1 else plural}"
