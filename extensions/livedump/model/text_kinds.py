"""What the texts of records name: the types of their fields, each a ``str`` to everything but what takes names out.

A field of plain ``str`` holds a sentence of our own, with values in it: of that only words that we know stay when names
are taken out. So a field that nobody thought of shows too little, never too much.
"""

from __future__ import annotations

FilePath = str
"""A path or an address, of the machine that reads or of the one that was captured."""
ImagePath = str
"""The path of an image, a PDB or a driver: its last part is a name that stays."""
ModuleName = str
"""A module, or the file name of its image."""
SymbolText = str
"""``module!function+0x1``, a part of it, or a line made of such."""
ProcessName = str
"""The file name of a program, as far as the kernel keeps it."""
ThreadName = str
"""``1c54.1d10 clussvc.exe``: ids, then a program."""
CodeText = str
"""What stands for a build, a version, a tag or a bucket: a code of somebody's software."""
ForeignText = str
"""Free text that anybody may have written: nothing is known of what it says."""
ParameterHex = str
"""A parameter of a bug check, in hexadecimal."""
SymptomKeys = str
"""``pool-tag:Leak, handles:a.exe``: keys of findings."""
