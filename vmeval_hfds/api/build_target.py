"""Where a dataset is built: on this disk or at a URL, and what may be there already."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from vmeval_builders.layouts.layout import Layout
from vmeval_builders.sources.urls import Url, is_url, read_url
from vmeval_hfds.errors import DatasetError, TargetExistsError
from vmeval_hfds.store.dataset_directory import DirectoryStore, new_directory
from vmeval_hfds.store.dataset_url import UrlStore, new_dataset_at, unfinished
from vmeval_hfds.store.directory import on_this_disk
from vmeval_hfds.store.names import CARD_NAME, PREVIEW_NAME, is_shard_name
from vmeval_hfds.store.objects import Objects
from vmeval_hfds.table.card import CARD_LIMIT_BYTES, card_layout, schema_version


@dataclass(frozen=True, slots=True)
class Existing:
    """What is at the target, and will be replaced.

    Attributes:
        card: The card of the dataset that is there; None where there is none.
        objects: All objects at a URL, by name, with their sizes.
    """

    card: str | None = None
    objects: Mapping[str, int] = field(default_factory=dict)


def place_of(target: str | os.PathLike[str]) -> Path | str:
    """Give the absolute path that is meant, or the URL without a slash at its end.

    Raises:
        ArgumentError: It is a URL at which nothing is built, such as a repository's.
    """
    return str(target).rstrip("/") if is_url(str(target)) else on_this_disk(target)


def check_apart(folder: Path | Url, target: Path | str) -> None:
    """Refuse a target that lies in the folder, or the other way round.

    Raises:
        TargetExistsError: It does.
    """
    if isinstance(folder, Url) and isinstance(target, str):
        here, there = f"{str(folder).rstrip('/')}/", f"{target}/"
        lies_in_other = here.startswith(there) or there.startswith(here)
    elif isinstance(folder, Path) and isinstance(target, Path):
        real = Path(os.path.realpath(target))
        lies_in_other = real.is_relative_to(folder) or folder.is_relative_to(real)
    else:
        return
    if lies_in_other:
        raise TargetExistsError(
            f"{target}: the target and the folder {folder} lie in each other; choose another place"
        )


@contextmanager
def new_dataset(
    target: Path | str, existing: Existing, *, on_workers: bool
) -> Iterator[DirectoryStore | UrlStore]:
    """Make a dataset that appears, or replaces the one that is there, whole or not at all."""
    if isinstance(target, Path):
        with new_directory(target, replaces=existing.card is not None) as directory:
            yield directory
    else:
        with new_dataset_at(target, existing.objects, on_workers=on_workers) as store:
            yield store


def what_is_there(target: Path | str, layout: Layout, force: bool) -> Existing:
    """Look at what is at the target, and refuse what must not be replaced.

    Raises:
        TargetExistsError: Something is there, and is no dataset of this layout or `force` is off.
        RemoteReadError: The store cannot be reached, or a package is missing.
    """
    if isinstance(target, str):
        return _at_url(target, layout, force)
    if not os.path.lexists(target):
        return Existing()
    if foreign := foreign_entry(target):
        raise TargetExistsError(
            f"{target}: expected nothing or a dataset directory to replace, but {foreign}; choose another target"
        )
    card = (target / CARD_NAME).read_bytes().decode()
    _refuse_layout(target, card, layout)
    if not force:
        raise TargetExistsError(f"{target}: already there; choose another target, or replace it with --force")
    return Existing(card)


def _at_url(url: str, layout: Layout, force: bool) -> Existing:
    objects = Objects(url).sizes()
    if not objects:
        return Existing()
    left = unfinished(objects)
    card = None
    if 0 < objects.get(CARD_NAME, 0) <= CARD_LIMIT_BYTES:
        card = read_url(f"{url}/{CARD_NAME}").decode("utf-8", "replace")
    ours = _is_our_card(card) if card is not None else bool(left) and CARD_NAME not in objects
    foreign = None if ours else f"this has no {CARD_NAME} that vmeval-hfds wrote"
    foreign = foreign or _foreign_name(name for name in sorted(objects) if name not in set(left))
    if foreign:
        raise TargetExistsError(
            f"{url}: expected nothing or a dataset to replace, but {foreign}; choose another target"
        )
    if card is not None:
        _refuse_layout(url, card, layout)
    if not force:
        what = "a dataset" if card is not None else "what a build left that did not end, or is at work"
        raise TargetExistsError(
            f"{url}: holds {what} ({len(objects):,} objects); choose another target, or replace all of them with "
            "--force"
        )
    return Existing(card, objects)


def _refuse_layout(target: Path | str, card: str, layout: Layout) -> None:
    if (other := card_layout(card)) != layout.name:
        raise TargetExistsError(f"{target}: holds {other}, not {layout.name}; choose another target")


def _is_our_card(card: str) -> bool:
    try:
        return schema_version(card) is not None
    except DatasetError:
        return False


def _foreign_name(names: Iterable[str]) -> str | None:
    for name in names:
        if name not in (CARD_NAME, PREVIEW_NAME) and not is_shard_name(name):
            return f"{name} is no part of one"
    return None


def foreign_entry(directory: Path) -> str | None:
    """Say what in a directory is not of a dataset directory's layout, or None where all of it is."""
    if directory.is_symlink() or not directory.is_dir():
        return "this is not a directory"
    card = directory / CARD_NAME
    try:
        is_small = card.is_file() and card.stat().st_size <= CARD_LIMIT_BYTES
        ours = is_small and _is_our_card(card.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        ours = False
    if not ours:
        return f"this has no {CARD_NAME} that vmeval-hfds wrote"
    found = (path for path in sorted(directory.rglob("*")) if path.is_symlink() or not path.is_dir())
    return _foreign_name(path.relative_to(directory).as_posix() for path in found)
