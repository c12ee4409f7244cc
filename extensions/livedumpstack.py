#!python3
"""!livedumpstack: call stacks, byte for byte as kn prints them, and what each frame did."""

from livedump.frontends.windbg import run

run("stack")
