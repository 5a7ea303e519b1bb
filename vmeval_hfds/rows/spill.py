"""A `datasets.Dataset` as a shard on this disk, for as long as it is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from vmeval_hfds.scratch import scratch_folder
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.parquet import ROW_GROUP_ROWS

if TYPE_CHECKING:
    from datasets import Dataset


@contextmanager
def spilled(dataset: Dataset) -> Iterator[DatasetFiles]:
    """Write a dataset's rows as they are to a shard.

    Not with `to_parquet`, which would read a file wherever a row has a path and no bytes.
    """
    batches = dataset.with_format("arrow")
    schema = batches[:0].schema
    with scratch_folder("vmeval-hfds-rows-") as folder:
        with pq.ParquetWriter(
            folder / "rows.parquet", schema, compression="none", write_statistics=False
        ) as writer:
            for batch in batches.iter(ROW_GROUP_ROWS):
                writer.write_table(batch.cast(schema))
        yield DatasetFiles("the dataset", ["rows.parquet"], [], folder.joinpath, folder.joinpath)
