"""Names that come from a dump, before they may become part of a path."""

from __future__ import annotations

import re

MAX_NAME = 128
"""Bytes of UTF-8."""
FORBIDDEN = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\ud800-\udfff]')
DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|clock\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])\s*(\.|$)", re.I)


def safe_file_name(name: str) -> str | None:
    """The last part of a path from a dump, when it may name a file in a store; None when it may not.

    Whatever stands before the last slash or backslash is dropped: where somebody built the image is no place to look.
    """
    base = re.split(r"[/\\]", name)[-1]
    if not base or len(base.encode("utf-8", "replace")) > MAX_NAME or base[0] in " ." or base[-1] in " .":
        return None
    return None if FORBIDDEN.search(base) or DEVICES.match(base) else base
