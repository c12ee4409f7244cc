"""How a download goes, for whoever waits for it."""

from __future__ import annotations

from typing import Callable, NamedTuple


class DownloadProgress(NamedTuple):
    """How far the download of a symbol file or an image has come."""

    name: str
    received: int
    """Bytes."""
    total: int | None
    """Bytes; None when the server does not say."""


ProgressCallback = Callable[[DownloadProgress], None]
