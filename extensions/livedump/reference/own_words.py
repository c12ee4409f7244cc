"""Every word that livedump says by itself: of its texts, and of the data files of this room."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from types import CodeType

_WORD = re.compile(r"[^\W_]+")
PACKAGE = __name__.partition(".")[0]


@cache
def own_words() -> frozenset[str]:
    """The words, in small letters. What stands between them in a report comes from somewhere else.

    They are taken from the code itself, so that no list of them can be out of date. It takes a part of a second.
    """
    texts = "\n".join({*_texts_of_code(), *_texts_of_files()})
    return frozenset(_WORD.findall(texts.casefold()))


def _texts_of_code() -> Iterator[str]:
    for module in pkgutil.walk_packages(import_module(PACKAGE).__path__, f"{PACKAGE}."):
        loader = getattr(module.module_finder.find_spec(module.name, None), "loader", None)
        code = loader.get_code(module.name) if loader is not None else None
        if code is not None:
            yield from _constants(code)


def _constants(code: CodeType) -> Iterator[str]:
    pending: list[object] = [code]
    while pending:
        each = pending.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, (tuple, frozenset)):
            pending += each
        elif isinstance(each, CodeType):
            pending += each.co_consts


def _texts_of_files() -> Iterator[str]:
    for path in Path(__file__).parent.iterdir():
        if path.suffix == ".txt":
            yield path.read_text("utf-8-sig")
