#!python3
"""!livedumpinfo: the report: verdict, facts, evidence with the command that checks it."""

from livedump.frontends.windbg import run

run("info")
