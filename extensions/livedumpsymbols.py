#!python3
"""!livedumpsymbols: which PDBs were asked for, every place that was tried, and what became of it."""

import sys

sys.path[:] = [place for place in sys.path if place not in ("", ".")]  # the debugger may stand in a folder of evidence

from livedump.frontends.windbg import run  # noqa: E402 - only now

run("symbols")
