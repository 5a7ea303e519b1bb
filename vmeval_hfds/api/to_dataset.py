"""A folder as a `datasets.Dataset` in one call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vmeval_builders.checks import Allowed
from vmeval_builders.scan import scan_rows
from vmeval_hfds.api.check import check_walked
from vmeval_hfds.errors import ArgumentError
from vmeval_hfds.table.tables import TableOptions, refuse

if TYPE_CHECKING:
    from datasets import Dataset


def to_dataset(
    folder: str | os.PathLike[str],
    *,
    builder: str | None = None,
    split: str = "test",
    keep_incomplete: bool = False,
    allow_secrets: bool = False,
    decode: bool = True,
    cache_dir: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Read all rows of a folder into a dataset with Image, Video and text columns.

    The dataset holds what the columns hold. Files that are no column (the manifest, anything else) are in the
    config ``files`` of what `build` and `push` make, not in here.

    Args:
        folder: The folder that holds the ``*_task`` folders.
        builder: The name of the builder that describes the folder; None finds it out.
        split: The dataset's split.
        keep_incomplete: Take in tasks without first frame or prompt, as nulls, and manifest entries without a folder.
        allow_secrets: Take in files with a Hugging Face token in them.
        decode: Decode every frame, as `check_folder` does; else damage behind its header is not found.
        cache_dir: Where `datasets` keeps what it prepared; None is its own place. A changed folder is read anew.

    Returns:
        One row per question, run or result, in the order of their paths, with the builder's columns.

    Raises:
        FolderError: The folder has errors; it carries all problems.
        ArgumentError: The layout has no rows.
        FileNotFoundError: There is no such folder.
    """
    from vmeval_builders.hf_builders import FolderBuilder

    TableOptions(split).check()
    scan = scan_rows(folder, builder)
    if not scan.layout.has_rows:
        raise ArgumentError(
            f"{folder}: expected a layout with rows, found {scan.layout.name}, which is a table of files; build or "
            "push makes that"
        )
    refuse(scan, check_walked(scan, quick=not decode), Allowed(keep_incomplete, allow_secrets))
    made = FolderBuilder.of_scan(scan, split, None if cache_dir is None else os.fspath(cache_dir))
    made.download_and_prepare()
    return made.as_dataset(split=split)
