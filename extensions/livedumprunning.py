#!python3
"""!livedumprunning: who runs on each processor, who waits for one, and who took most time."""

import sys

sys.path[:] = [place for place in sys.path if place not in ("", ".")]  # the debugger may stand in a folder of evidence

from livedump.frontends.windbg import run  # noqa: E402 - only now

run("running")
