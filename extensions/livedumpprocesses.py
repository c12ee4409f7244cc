#!python3
"""!livedumpprocesses: processes, their threads, handles, memory and times, and which of them asked for the dump."""

import sys

sys.path[:] = [place for place in sys.path if place not in ("", ".")]  # the debugger may stand in a folder of evidence

from livedump.frontends.windbg import run  # noqa: E402 - only now

run("processes")
