"""Records of any type with a secret in every text that they have."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Annotated, Any

from livedump.model.listing import Listing
from livedump.report.codec import hints_of, is_record, without_none
from livedump.report.redaction import TextKind, field_kinds

SECRETS = (
    "zoltan", "zquarter", "zqplan", "zqpayroll", "zanzibar", "zqhost", "zqdomain", "10.9.8.7", "fe80::9a1b", "zqserial",
    "00-1b-63-84-45-e6", "6f1c2b3a-1111-4222-8333-944445555666", "s-1-5-21-99", "zqmail", "zqvendor", "zqshare",
)  # fmt: skip
"""In small letters."""
PARAMETER = int.from_bytes(b"zoltanq", "big")
SECRET_FORMS = (*SECRETS, f"{PARAMETER:x}", f"{PARAMETER >> 32:08x}`{PARAMETER & 0xFFFFFFFF:08x}")
SENTENCE = (
    r"thread of zqpayroll.exe: C:\Users\zoltan.q\Zquarter Plans\zqplan.docx, \\zqhost\zqshare\x.dmp, ZQDOMAIN\zoltan, "
    "/home/zoltan/zquarter/zqplan.dmp and https://zoltan:zanzibar@zqhost.example.com/zqshare?x=zanzibar, "
    "zqmail@zqhost.corp, 10.9.8.7 or fe80::9a1b, 00-1B-63-84-45-E6, S-1-5-21-99-1, serial ZQSERIAL77, "
    "{6F1C2B3A-1111-4222-8333-944445555666}: 'zanzibar' (Zqvendor)"
)
TEXTS: Mapping[TextKind, str] = {
    TextKind.SENTENCE: SENTENCE,
    TextKind.FILE_PATH: r"C:\Users\zoltan.q\Zquarter Plans\zqplan.docx",
    TextKind.IMAGE_PATH: r"\??\C:\Users\zoltan.q\Zquarter Plans\livedrv.sys",
    TextKind.MODULE: "zqpayroll.exe",
    TextKind.SYMBOL: "zqpayroll!main+0x10",
    TextKind.PROCESS: "zqpayroll.exe",
    TextKind.THREAD: "1c54.1d10 zqpayroll.exe",
    TextKind.CODE: "{6F1C2B3A-1111-4222-8333-944445555666}",
    TextKind.FOREIGN: "Zanzibar, by zqmail",
    TextKind.PARAMETER_HEX: f"{PARAMETER:#018x}",
    TextKind.SYMPTOM_KEYS: "handles:zqpayroll.exe, blocked:Zqvendor",
}
PLAIN: Mapping[Any, Any] = {
    int: 7,
    bool: True,
    float: 1.5,
    datetime: datetime(2026, 1, 2, tzinfo=timezone.utc),
    timedelta: timedelta(seconds=90),
}


def planted(hint: Any, kind: TextKind = TextKind.SENTENCE) -> Any:
    """A value of that type in which every text is a secret."""
    if hint is Any:
        return None
    known = without_none(hint)
    if known is not hint:
        return planted(known, kind)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return PARAMETER if kind is TextKind.PARAMETER else 0x1000
    if origin is Listing:
        return Listing((planted(arguments[0], kind),), SENTENCE)
    if origin is tuple:
        return tuple(planted(each, kind) for each in arguments if each is not Ellipsis)
    if is_record(hint):
        kinds = field_kinds(hint)
        return hint(**{name: planted(each, kinds[name]) for name, each in hints_of(hint).items()})
    if hint is str:
        return TEXTS[kind]
    if issubclass(hint, Enum):
        return next(iter(hint))
    return PLAIN[hint]


def leaks(text: str) -> list[str]:
    """The secrets that stand in a text."""
    return [secret for secret in SECRET_FORMS if secret in text.lower()]
