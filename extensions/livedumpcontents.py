#!python3
"""!livedumpcontents: which structures of the kernel the dump holds."""

from livedump.frontends.windbg import run

run("contents")
