#!python3
"""!livedumpsignature: the line that groups like dumps together."""

from livedump.frontends.windbg import run

run("signature")
