#!python3
"""!livedumpprocesses: processes, and which of them asked for the dump."""

from livedump.frontends.windbg import run

run("processes")
