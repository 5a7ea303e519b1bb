"""Whatever holds rows, opened as shards: a dataset directory, a repository, a `datasets.Dataset`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from vmeval_hfds.store.directory import DatasetFiles, open_dataset_dir
from vmeval_hfds.table.shards import ROW_GROUP_ROWS

if TYPE_CHECKING:
    from datasets import Dataset


@contextmanager
def open_rows(source: str | os.PathLike[str] | DatasetFiles | Dataset) -> Iterator[DatasetFiles]:
    """Open whatever holds rows, for as long as they are read.

    Args:
        source: A dataset directory, what `open_repo` or `open_dataset_dir` gave, or a `datasets.Dataset`.

    Raises:
        FileNotFoundError: There is no such dataset directory.
        DatasetError: It is not a dataset directory.
        TypeError: It is something else, such as a `DatasetDict`.
    """
    if isinstance(source, DatasetFiles):
        yield source
    elif isinstance(source, str | os.PathLike):
        yield open_dataset_dir(source)
    elif hasattr(source, "with_format") and hasattr(source, "num_rows") and not isinstance(source, dict):
        with tempfile.TemporaryDirectory(prefix="vmeval-hfds-") as folder:
            yield _spill(source, Path(folder))
    else:
        raise TypeError(f"expected a dataset directory or a datasets.Dataset, found {type(source).__name__}")


def _spill(dataset: Dataset, folder: Path) -> DatasetFiles:
    """Write a dataset's rows as they are to a shard.

    Not with `to_parquet`, which would read a file wherever a row has a path and no bytes.
    """
    batches = dataset.with_format("arrow")
    schema = batches[:0].schema
    with pq.ParquetWriter(
        folder / "rows.parquet", schema, compression="none", write_statistics=False
    ) as writer:
        for batch in batches.iter(ROW_GROUP_ROWS):
            writer.write_table(batch.cast(schema))
    return DatasetFiles("the dataset", ["rows.parquet"], [], folder.joinpath, folder.joinpath)
