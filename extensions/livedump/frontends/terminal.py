"""What a stream is to whoever reads it: a terminal with a width and colours, or something else."""

from __future__ import annotations

import os
from typing import TextIO


def use_color(stream: TextIO) -> bool:
    """Whether colours are shown there, and wanted: https://no-color.org."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return wanted and os.name != "nt" and stream.isatty()


def width_of(stream: TextIO) -> int | None:
    """How many letters fit into a line; None where lines may have any length."""
    if not stream.isatty():
        return None
    from shutil import get_terminal_size

    return get_terminal_size().columns


def where_symbols_are(symbol_path: str | None) -> str:
    """Where symbols are looked for, for whoever asks to be told; without passwords."""
    from livedump.model.secrets import without_secrets
    from livedump.model.symbol_places import symbol_places
    from livedump.model.text import clean_text

    said = symbol_places(symbol_path, os.environ)
    return f"symbols: the dump's folder{f', {clean_text(without_secrets(said))}' if said else ''}"
