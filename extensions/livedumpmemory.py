#!python3
"""!livedumpmemory: what memory is used for: commit, pools, tags and their owners, handles, processes."""

import sys

sys.path[:] = [place for place in sys.path if place not in ("", ".")]  # the debugger may stand in a folder of evidence

from livedump.frontends.windbg import run  # noqa: E402 - only now

run("memory")
