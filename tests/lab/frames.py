"""The frames in what an engine prints of a stack, whichever engine it is."""

from __future__ import annotations

import re

_FRAME = re.compile(r"[0-9a-f]{2} [0-9a-f]{8}`[0-9a-f]{8} [0-9a-f]{8}`[0-9a-f]{8} +")


def frame_lines(output: str) -> str:
    """The rows of a ``kn`` as that of 2017 prints them.

    Engines mix remarks into any output, and today's puts five blanks before the last column.
    """
    rows = ((line, _FRAME.match(line)) for line in output.splitlines())
    return "".join(f"{frame[0].rstrip()} {line[frame.end() :].rstrip()}\n" for line, frame in rows if frame)
