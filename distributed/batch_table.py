"""A shard as one parquet file: a row for each photo, with the columns of `montage describe` and its embedding."""

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.described import DescribedPhoto

__all__ = ["META", "shard_file"]

META = b"montage"
"""Key, in the file's footer, of what a shard says of itself."""


def shard_file(lines: Sequence[DescribedPhoto], vectors: Sequence[np.ndarray | None], meta: Mapping[str, Any]) -> bytes:
    """The bytes of a shard.

    Args:
        vectors: of each photo float32 (d,), or None.
        meta: goes into the footer, to be read without the rows.
    """
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    kinds = dict.fromkeys(DescribedPhoto.model_fields, pa.string()) | {"variants": pa.list_(pa.string())}
    columns = {name: pa.array([_cell(line, name) for line in lines], kind) for name, kind in kinds.items()}
    columns["embedding"] = pa.array(vectors, pa.list_(pa.float32()))
    table = pa.table(columns).replace_schema_metadata({META: json.dumps(dict(meta)).encode()})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _cell(line: DescribedPhoto, name: str) -> Any:
    value = getattr(line, name)
    return list(value) if name == "variants" else value
