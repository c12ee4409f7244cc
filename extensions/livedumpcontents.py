#!python3
"""!livedumpcontents: which structures of the kernel the open dump holds."""

from livedump.frontends.windbg import livedumpcontents

livedumpcontents()
