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
