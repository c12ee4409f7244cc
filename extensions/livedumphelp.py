#!python3
"""!livedumphelp: the commands of livedump."""

from livedump.frontends.windbg import run

run("help")
