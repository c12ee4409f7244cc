"""A made-up dump in which whatever may be somebody's own is a secret: programs, files, folders, comment, parameter."""

from __future__ import annotations

from pathlib import Path

from tests.engines.test_contract import built_or_skip

SECRETS = ("zoltan", "zquarter", "zqpayro", "zqmail", "zqhost", "zanzibar", "7a6f6c74616e71", "007a6f6c`74616e71")
"""In small letters; the last two are the parameter."""
_COMMENT = (0xFB0, b"zanzibar for zqmail@zqhost.corp\0")
_PARAMETER = (0x40, b"qnatloz\0")
_PROGRAM = (b"clussvc.exe", b"zqpayro.exe")
_WIDE = (
    ("\\Users\\lab\\data.bin", "\\Users\\zoltan\\z.bin"),
    ("\\SystemRoot\\system32\\drivers\\labflt.sys", "\\??\\C:\\Users\\zoltan\\zquarter\\labflt.sys"),
)


def planted_dump(folder: Path, scenario: str = "storage-stall") -> tuple[Path, Path]:
    """The dump, in a folder whose names are secrets as well, and the folder of its symbols."""
    built = built_or_skip(scenario)
    data = bytearray(built.path.read_bytes())
    for offset, text in (_COMMENT, _PARAMETER):
        data[offset : offset + len(text)] = text
    whole = bytes(data)
    for old, new in (_PROGRAM, *((a.encode("utf-16-le"), b.encode("utf-16-le")) for a, b in _WIDE)):
        assert len(old) == len(new)
        assert old in whole
        whole = whole.replace(old, new)
    home = folder / "Users" / "zoltan" / "Zquarter Plans"
    symbols = home / "zanzibar"
    symbols.mkdir(parents=True)
    for each in built.symbols.iterdir():
        (symbols / each.name).write_bytes(each.read_bytes())
    dump = home / "zqhost-zanzibar.dmp"
    dump.write_bytes(whole)
    return dump, symbols


def secrets_in(text: str) -> list[str]:
    """The secrets that stand in a text."""
    return [secret for secret in SECRETS if secret in text.lower()]
