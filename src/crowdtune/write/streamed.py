"""Tables with texts that may be more than memory, as Parquet, some rows after the other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crowdtune.ragged import Texts
from crowdtune.write.room import put

ROWS = 4096  # of a piece


def write_streamed(path: Path, columns: Mapping[str, Any]) -> None:
    """Write columns of equal length as Parquet beside `path`, and rename it into place."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    plain = pa.table({name: c for name, c in columns.items() if not isinstance(c, Texts)})
    size = max(map(len, columns.values()), default=0)
    kinds = {
        name: pa.string() if isinstance(c, Texts) else plain.schema.field(name).type for name, c in columns.items()
    }
    schema = pa.schema(list(kinds.items()))
    with put(path) as file, pq.ParquetWriter(file, schema) as writer:
        for start in range(0, size, ROWS):
            rows = plain.slice(start, ROWS)
            parts = {
                name: list(column[start : start + ROWS]) if isinstance(column, Texts) else rows[name]
                for name, column in columns.items()
            }
            writer.write_table(pa.table(parts, schema=schema))
