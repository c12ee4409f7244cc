"""Which engine reads a file."""

from __future__ import annotations

from livedump.model.engine import Engine

ENGINES = ("auto", "native", "pykd", "cdb")


def open_engine(path: str, name: str = "auto", symbols: str | None = None, cdb: str | None = None) -> Engine:
    """The engine called ``name`` on the file at ``path``; ``auto`` is native.

    Raises:
        DumpError: the file cannot be read, or the engine cannot run here.
    """
    if name == "pykd":
        from livedump.engines.pykd import load_dump  # noqa: PLC0415 - only Windows has it

        return load_dump(path, symbols)
    if name == "cdb":
        from livedump.engines.cdb import CdbEngine  # noqa: PLC0415

        return CdbEngine(path, cdb=cdb, symbol_path=symbols)
    from livedump.engines.native import NativeEngine  # noqa: PLC0415

    return NativeEngine(path, symbols)
