#!python3
"""!livedumpinfo: what the open dump is, who took it and why, whether it is complete."""

from livedump.frontends.windbg import livedumpinfo

livedumpinfo()
