#!python3
"""!livedumpthread: one thread as !thread shows it: state, what it waits for, times, stack."""

import sys

sys.path[:] = [place for place in sys.path if place not in ("", ".")]  # the debugger may stand in a folder of evidence

from livedump.frontends.windbg import run  # noqa: E402 - only now

run("thread")
