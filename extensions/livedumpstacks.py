#!python3
"""!livedumpstacks: the stacks of all threads that do not run, like ones together."""

import sys

sys.path[:] = [place for place in sys.path if place not in ("", ".")]  # the debugger may stand in a folder of evidence

from livedump.frontends.windbg import run  # noqa: E402 - only now

run("stacks")
