#!python3
"""!livedumpcodes: live dump codes and what their parameters mean."""

from livedump.frontends.windbg import run

run("codes")
