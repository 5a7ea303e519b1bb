"""Tell what a source of rows is: a folder, a dataset directory, or a repository on the Hub."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TypeAlias

from vmeval_builders.scan import Scan, scan_rows
from vmeval_hfds.store.directory import ROWS_FOLDER, DatasetFiles, open_dataset_dir

#: A folder, a dataset directory, a repo id (as text only), or what was opened of them already.
Source: TypeAlias = "str | os.PathLike[str] | Scan | DatasetFiles"

_REPO_ID = re.compile(r"[\w.-]+/[\w.-]+")


def find_source(source: Source, builder: str | None = None) -> Scan | DatasetFiles:
    """Open a folder, a dataset directory or a repository, by what is there.

    A directory with shards in ``data/*/`` is a dataset directory, and so is one that has other Parquet files and
    no row; any other is a folder or archive. Text that is the path of nothing here, and looks like ``user/name``,
    is a repo id.

    Args:
        source: What to open.
        builder: The name of the builder that describes a folder; None finds it out.

    Raises:
        FileNotFoundError: There is no such folder, dataset directory or repository.
        NotADirectoryError: The path is a file.
        DatasetError: The repository holds no questions.
    """
    if isinstance(source, Scan | DatasetFiles):
        return source
    path = Path(source)
    if isinstance(source, str) and not os.path.lexists(path) and _REPO_ID.fullmatch(source):
        return _open_repo(source)
    if next(path.glob(f"{ROWS_FOLDER}/*/*.parquet"), None) is not None:
        return open_dataset_dir(path)
    scan = scan_rows(path, builder)
    if not scan.units and any(entry.path.endswith(".parquet") for entry in scan.files):
        return open_dataset_dir(path)
    return scan


def _open_repo(repo_id: str) -> DatasetFiles:
    from vmeval_hfds.store.repository import open_repo

    try:
        return open_repo(repo_id)
    except OSError as error:
        error.add_note(f"There is no folder {repo_id!r} here either.")
        raise
