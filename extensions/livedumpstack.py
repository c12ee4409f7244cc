#!python3
"""!livedumpstack: the stack of the open dump, with the role of each frame."""

from livedump.frontends.windbg import livedumpstack

livedumpstack()
