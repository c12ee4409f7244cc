#!python3
"""!livedumpstack: call stacks, byte for byte as kn prints them, and what each frame did."""

import sys

sys.path[:] = [place for place in sys.path if place not in ("", ".")]  # the debugger may stand in a folder of evidence

from livedump.frontends.windbg import run  # noqa: E402 - only now

run("stack")
