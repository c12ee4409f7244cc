"""Asks Microsoft's dbghelp; run by the Windows Python of the lab, which has ctypes and nothing of ours.

``dbghelp_script.py DLL names IN OUT``: each line undecorated with UNDNAME_NAME_ONLY.
``dbghelp_script.py DLL symbols IMAGE OUT START END``: for each RVA of the range where the answer changes, the RVA, the
start of the symbol and its name; ``-`` where there is none.
"""

import ctypes
import sys
from ctypes import wintypes
from pathlib import Path
from typing import Any

UNDNAME_NAME_ONLY = 0x1000
OPTIONS = 0x30237  # what WinDbg sets
BASE = 0x180000000
PROCESS = ctypes.c_void_p(0x1234)
MAX_NAME = 4000


class SymbolInfo(ctypes.Structure):
    """SYMBOL_INFO, https://learn.microsoft.com/windows/win32/api/dbghelp/ns-dbghelp-symbol_info"""

    _fields_ = [
        ("SizeOfStruct", wintypes.ULONG), ("TypeIndex", wintypes.ULONG), ("Reserved", ctypes.c_uint64 * 2),
        ("Index", wintypes.ULONG), ("Size", wintypes.ULONG), ("ModBase", ctypes.c_uint64), ("Flags", wintypes.ULONG),
        ("Value", ctypes.c_uint64), ("Address", ctypes.c_uint64), ("Register", wintypes.ULONG),
        ("Scope", wintypes.ULONG), ("Tag", wintypes.ULONG), ("NameLen", wintypes.ULONG), ("MaxNameLen", wintypes.ULONG),
        ("Name", ctypes.c_char * (MAX_NAME + 1)),
    ]  # fmt: skip


def undecorated(dll: Any, source: str, target: str) -> None:
    """Writes each line of ``source`` as dbghelp shows it."""
    text = ctypes.create_string_buffer(1 << 16)
    with Path(source).open(encoding="utf-8") as names, Path(target).open("w", encoding="utf-8") as out:
        for line in names:
            dll.UnDecorateSymbolName(line.rstrip("\n").encode(), text, len(text), UNDNAME_NAME_ONLY)
            out.write(text.value.decode("utf-8", "replace") + "\n")


def symbols(dll: Any, image: str, target: str, start: int, end: int) -> None:
    """Writes where the answer of SymFromAddr changes."""
    dll.SymLoadModuleEx.restype = ctypes.c_uint64
    dll.SymLoadModuleEx.argtypes = [
        ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint64, wintypes.DWORD,
        ctypes.c_void_p, wintypes.DWORD,
    ]  # fmt: skip
    dll.SymFromAddr.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_void_p]
    dll.SymSetOptions(OPTIONS)
    dll.SymInitialize(PROCESS, str(Path(image).parent).encode(), False)
    if not dll.SymLoadModuleEx(PROCESS, None, image.encode(), None, BASE, end, None, 0):
        sys.exit("dbghelp does not load the image")
    last = None
    with Path(target).open("w", encoding="utf-8") as out:
        for rva in range(start, end):
            answer = symbol_at(dll, rva)
            if answer != last:
                out.write(f"{rva:x} {answer}\n")
            last = answer


def symbol_at(dll: Any, rva: int) -> str:
    """Start and name of the symbol; a displacement below 0 means that there is none."""
    info, displacement = SymbolInfo(), ctypes.c_uint64()
    info.SizeOfStruct, info.MaxNameLen = 88, MAX_NAME
    found = dll.SymFromAddr(PROCESS, BASE + rva, ctypes.byref(displacement), ctypes.byref(info))
    if not found or displacement.value >= 1 << 40:
        return "-"
    return f"{rva - displacement.value:x} {info.Name.decode('utf-8', 'replace')}"


if __name__ == "__main__":
    library = getattr(ctypes, "WinDLL")(sys.argv[1])  # noqa: B009 - the type checker runs on Linux
    if sys.argv[2] == "names":
        undecorated(library, sys.argv[3], sys.argv[4])
    else:
        symbols(library, sys.argv[3], sys.argv[4], int(sys.argv[5], 16), int(sys.argv[6], 16))
