"""Read back what was written, as an export would, before anybody sees it: what is published can be read."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, zip_longest

from vmeval_hfds.errors import DatasetError
from vmeval_hfds.folder.check import check_row_paths
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.listed_rows import ListedRows
from vmeval_hfds.table.listing import listed_names, listing_of, read_listing
from vmeval_hfds.table.listing_shards import LISTING_GROUP_ROWS
from vmeval_hfds.table.parquet import ROW_GROUP_BYTES


def read_back(name: str, dataset: DatasetFiles, names: Iterable[str]) -> None:
    """Refuse a dataset that no export could read; its list of files is read, and no picture.

    Args:
        name: What to call the dataset in a message.
        dataset: The dataset, whole.
        names: What it should list, by path order: the files, and the folders with a ``/``, of a folder whose paths
            were checked.

    Raises:
        UnsafePathError: It lists a path that no export would write.
        DatasetError: It has no list of files that can be read, or it lists others.
    """
    if all(one == other for one, other in zip_longest(listed_names(dataset), names)):
        return
    check_row_paths(name, [], read_listing(dataset), tuple, repeats_allowed=False)
    raise DatasetError(
        f"{name}: expected a list of the folder's files, found one of others; nothing was written, run again when "
        "nothing writes there"
    )


def read_back_listing(name: str, listed: ListedRows, names: Iterable[str]) -> None:
    """Refuse a list of files that no export could read, before the commit that would publish it.

    Args:
        name: What to call the dataset in a message.
        listed: The list, which is looked at a part at a time where it is that of the folder alone.
        names: What is listed of the folder, as in `read_back`.

    Raises:
        UnsafePathError: It lists a path that no export would write.
    """
    parts = listed.cut(ROW_GROUP_BYTES, LISTING_GROUP_ROWS)
    found = chain.from_iterable(part.table()["path"].to_pylist() for part in parts)
    if any(one != other for one, other in zip_longest(found, names)):
        check_row_paths(name, [], listing_of(listed.table()), tuple, repeats_allowed=False)
