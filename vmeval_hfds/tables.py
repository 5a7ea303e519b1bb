"""A question folder as a `datasets.Dataset` in one call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vmeval_builders.checks import check_folder
from vmeval_hfds.dataset_dir import check_split, refuse

if TYPE_CHECKING:
    from datasets import Dataset


def to_dataset(
    folder: str | os.PathLike[str],
    *,
    split: str = "test",
    keep_incomplete: bool = False,
    cache_dir: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Read all questions of a folder into a dataset with Image and text columns.

    The dataset holds what the columns hold. Files that are no column (the manifest, anything else) are in the
    config ``files`` of what `build` and `push` make, not in here.

    Args:
        folder: The folder that holds the ``*_task`` folders.
        split: The dataset's split.
        keep_incomplete: Take in tasks without first frame or prompt, as nulls.
        cache_dir: Where `datasets` keeps what it prepared; None is its own place. A changed folder is read anew.

    Returns:
        One row per task, in the order of their paths, with the columns of `QUESTION_COLUMNS`.

    Raises:
        FolderError: The folder has errors; it carries all problems.
        FileNotFoundError: There is no such folder.
    """
    from vmeval_builders.questions import QuestionsBuilder

    check_split(split)
    refuse(folder, check_folder(folder, quick=True), keep_incomplete)
    builder = QuestionsBuilder.of(folder, split, None if cache_dir is None else os.fspath(cache_dir))
    builder.download_and_prepare()
    return builder.as_dataset(split=split)
