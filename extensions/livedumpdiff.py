#!python3
"""!livedumpdiff: two dumps of one machine, or more: what grew and how fast, what never moved, who ran."""

import sys

sys.path[:] = [place for place in sys.path if place not in ("", ".")]  # the debugger may stand in a folder of evidence

from livedump.frontends.windbg import run  # noqa: E402 - only now

run("diff")
