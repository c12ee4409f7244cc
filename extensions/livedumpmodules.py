#!python3
"""!livedumpmodules: loaded and unloaded modules, with their PDBs and versions."""

from livedump.frontends.windbg import run

run("modules")
