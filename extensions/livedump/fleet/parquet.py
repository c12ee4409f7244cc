"""Rows as Parquet, for whoever counts over many batches. The only importer of pyarrow, an extra."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from livedump.model.errors import EngineUnavailable
from livedump.model.text import clean_text
from livedump.report.dump_row import DumpRow

ROWS_AT_ONCE = 10_000

_TYPES = {
    "size": "int64",
    "live": "bool",
    "type": "int32",
    "captured_at": "timestamp",
    "uptime_seconds": "float64",
    "build": "int32",
    "complete": "bool",
    "processors": "int32",
    "boot_id": "int64",
    "boot_time": "timestamp",
    "since_boot_seconds": "float64",
}


def write_parquet(rows: Iterable[DumpRow], path: str) -> None:
    """Writes one line for each row, with the row's own columns; times are UTC.

    Raises:
        EngineUnavailable: pyarrow is not installed.
    """
    try:
        import pyarrow  # noqa: PLC0415 - an extra
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError as error:
        raise EngineUnavailable("Parquet needs pyarrow: pip install '.[parquet]'") from error
    moment = pyarrow.timestamp("us", tz="UTC")
    fields = [(name, moment if kind == "timestamp" else pyarrow.type_for_alias(kind)) for name, kind in _kinds()]
    schema = pyarrow.schema(fields)
    remaining = iter(rows)
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        while True:
            some = list(islice(remaining, ROWS_AT_ONCE))
            if not some:
                return
            columns = {name: _plain(name, cells) for name, cells in zip(DumpRow._fields, zip(*some))}
            writer.write_table(pyarrow.table(columns, schema=schema))


def _plain(name: str, cells: Iterable[object]) -> list[object]:
    if name == "code":  # hexadecimal as everywhere
        return [None if cell is None else f"{cell:#x}" for cell in cells]
    return [clean_text(cell) if isinstance(cell, str) else cell for cell in cells]


def _kinds() -> list[tuple[str, str]]:
    return [(name, _TYPES.get(name, "string")) for name in DumpRow._fields]
