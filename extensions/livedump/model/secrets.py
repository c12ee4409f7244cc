"""Passwords in addresses: what is kept, shown or told to anybody went through here first."""

from __future__ import annotations

import re

HIDDEN = "***"
_USER = r"(?<=://)[^/?#\s\"'<>*;@]*(?:@[^/?#\s\"'<>*;@]*)*@"
"""User and password before a host, which ends at the last ``@``."""
_NAMES = "sig|signature|token|key|password|passwd|pwd|pass|secret|credential|auth|code"
_VALUE = rf"(?i)([?&;][\w.%-]*(?:{_NAMES})[\w.%-]*=)[^&#\s\"'<>*;]+"
"""What is as good as a password: the parts of a signed address that prove who may read."""


def without_secrets(text: str) -> str:
    """The text with user and password of every address in it, and all that signs one, written as ``***``."""
    if "://" not in text:
        return text
    return re.sub(_VALUE, rf"\g<1>{HIDDEN}", re.sub(_USER, f"{HIDDEN}@", text))  # compiled where there is an address
