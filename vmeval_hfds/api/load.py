"""Load a dataset for a notebook's first line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from datasets import Dataset


def load(source: str | Path, config: str | None = None, *, split: str = "test") -> Dataset:
    """Load a dataset as `datasets.load_dataset` does: pictures are decoded when a row is asked for, videos are bytes.

    Args:
        source: A repository (``user/name``), or a dataset directory.
        config: A domain, model or evaluator; None is all of them.
        split: The split.
    """
    from datasets import load_dataset

    return cast("Dataset", load_dataset(str(source), config, split=split))
