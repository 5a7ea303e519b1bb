"""Tell what a repository holds, from its files' names and its card: a dataset, or something else."""

from __future__ import annotations

from collections.abc import Iterable

from vmeval_hfds.errors import DatasetError
from vmeval_hfds.store.names import CARD_NAME, PREVIEW_NAME, is_shard_name
from vmeval_hfds.table.card import card_layout, schema_version, states_dataset

#: Files that a repository may have without holding somebody's data.
_HARMLESS_FILES = frozenset(
    {".gitattributes", ".gitignore", CARD_NAME, "LICENSE", "LICENSE.md", "LICENSE.txt"}
)


def foreign_content(files: Iterable[str], card: str | None, layout: str) -> str | None:
    """Say what in a repository is not of a push's making, or None where a push may go on.

    What a push made itself is never foreign, also where the card has gone, or half of it: shards and the
    card's picture are known by their names.

    Args:
        files: Paths of the repository's files.
        card: Its card's text.
        layout: The name of the layout that is to be published.
    """
    if card is not None and _is_ours(card):
        found = card_layout(card)
        return None if found == layout else f"{found}, not {layout}"
    if card is not None and states_dataset(card):
        return "a card with dataset_info that vmeval-hfds did not write"
    return next((path for path in sorted(files) if not _is_of_a_push(path)), None)


def held_dataset(files: Iterable[str], card: str | None) -> str | None:
    """Say which dataset a repository or a folder holds, whoever made it, or None where it holds none.

    Args:
        files: Paths of all files.
        card: The text of the README.md at its root.
    """
    if card is not None and _is_ours(card):
        return f"a dataset of {card_layout(card)}"
    if card is not None and states_dataset(card):
        return "a dataset that load_dataset reads"
    return "the shards of a dataset" if any(map(is_shard_name, files)) else None


def is_dataset_file(path: str) -> bool:
    """Whether a file of a repository that holds a dataset is likely a part of it."""
    return path.endswith(".parquet") or path in (CARD_NAME, PREVIEW_NAME)


def _is_of_a_push(path: str) -> bool:
    return path in _HARMLESS_FILES or path == PREVIEW_NAME or is_shard_name(path)


def _is_ours(card: str) -> bool:
    try:
        return schema_version(card) is not None
    except DatasetError:
        return False
