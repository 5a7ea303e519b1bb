"""Read back what was written, as an export would, before anybody sees it: what is published can be read."""

from __future__ import annotations

import pyarrow as pa

from vmeval_hfds.folder.check import check_row_paths
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.listing import listing_of, read_listing


def read_back(name: str, dataset: DatasetFiles) -> None:
    """Refuse a dataset that no export could read; its list of files is read, and no picture.

    Args:
        name: What to call the dataset in a message.
        dataset: The dataset, whole.

    Raises:
        UnsafePathError: It lists a path that no export would write.
        DatasetError: It has no list of files that can be read.
    """
    check_row_paths(name, [], read_listing(dataset), tuple, repeats_allowed=False)


def read_back_listing(name: str, listed: pa.Table) -> None:
    """Refuse a list of files that no export could read, before the commit that would publish it.

    Args:
        name: What to call the dataset in a message.
        listed: The rows of `files`.

    Raises:
        UnsafePathError: It lists a path that no export would write.
    """
    check_row_paths(name, [], listing_of(listed), tuple, repeats_allowed=False)
