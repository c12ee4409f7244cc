"""Names in text: of dump files, of modules and functions as old debuggers spelled them."""

from __future__ import annotations

import re

_NAME = r"[^\\/:*?\"<>|\r\n]{1,200}?\.(?:dmp|kdmp|hdmp)"
_TITLE = re.compile(
    rf"\s*(?:[#=*>\-]{{1,12}}\s{{0,4}}|\[?\d{{1,4}}(?:/\d{{1,4}})?[\].:)]\s{{1,4}})?"
    rf"(?:(?:Dump ?(?:file)?|File|Analy[sz]ing|Processing|Report for)\s?:?\s+)?[\"'`]?"
    rf"(?P<path>(?:[A-Za-z]:|%\w{{1,40}}%|\\\\|\.{{1,2}}|~|[\w.-]{{1,60}}(?=[\\/]))?(?:[^:*?\"<>|\r\n]{{0,300}}[\\/])?(?P<name>{_NAME}))"
    rf"[\"'`]?(?:\s{{1,4}}[-=#*]{{0,12}}\s*$|[\s,:(|].{{0,300}})?$",
    re.IGNORECASE,
)
_DECORATED = re.compile(r"_?([A-Z]\w{1,120})(?:@\d{1,3})?")


def title_path(line: str) -> str | None:
    """The path of the dump that the line is the title of, as tools print it above each report; None: it is no title."""
    if ".dmp" not in line.lower():
        return None
    found = _TITLE.match(line)
    return found.group("path") if found and " " not in found.group("name").strip() else None


def base_name(path: str) -> str:
    """The file's name without its folder, in small letters; of whatever is no path, itself."""
    name = path.strip()
    return name[max(name.rfind("\\"), name.rfind("/")) + 1 :].lower()


def plain_module(name: str) -> str:
    """The module's name; the kernel's as it is spelled today, where old debuggers wrote ``NT``."""
    return "nt" if name == "NT" else name


def plain_symbol(name: str) -> str:
    """The function's name without the mark of its calling convention: KeBugCheckEx of ``_KeBugCheckEx@20``."""
    found = _DECORATED.fullmatch(name)
    return found.group(1) if found else name
