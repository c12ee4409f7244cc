"""Where symbols are to be looked for: what somebody said, else what the environment says."""

from __future__ import annotations

from collections.abc import Mapping

ENVIRONMENT_NAMES = ("_NT_ALT_SYMBOL_PATH", "_NT_SYMBOL_PATH")
"""In the order in which dbghelp searches them."""


def symbol_places(said: str | None, environment: Mapping[str, str]) -> str:
    """The places in WinDbg's syntax; empty where there are none. An empty text that was said is none, too."""
    texts = [said] if said is not None else [environment.get(name, "") for name in ENVIRONMENT_NAMES]
    return ";".join(filter(None, texts))
