"""Names of functions without what differs from build to build."""

from __future__ import annotations

import re

_BUILD_PARTS = (
    (re.compile(r"\$(?:filt|fin|catch|dtor)\$\d+\Z"), ""),  # handlers that the compiler moved out of the function
    (re.compile(r"<lambda_[0-9a-f]+>"), "<lambda>"),
    (re.compile(r"\?A0x[0-9a-f]{8}|\bA0x[0-9a-f]{8}(?=::)"), "`anonymous namespace'"),
)


def stable_name(symbol: str) -> str:
    """The function's name with its handlers' suffixes, hashes and template arguments taken off."""
    for pattern, replacement in _BUILD_PARTS:
        symbol = pattern.sub(replacement, symbol)
    return symbol if "operator" in symbol else _without_template_arguments(symbol)


def _without_template_arguments(symbol: str) -> str:
    # <lambda> is a name of its own; a name whose brackets do not match stays as it is.
    parts, depth = [], 0
    for piece in re.split(r"(<lambda>|[<>])", symbol):
        if piece == "<":
            parts += ["<T>"] if depth == 0 else []
            depth += 1
        elif piece == ">":
            depth -= 1
        elif depth == 0:
            parts.append(piece)
        if depth < 0:
            return symbol
    return "".join(parts) if depth == 0 else symbol
