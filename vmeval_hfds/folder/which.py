"""Which rows an id means: one that several have is asked back, and a row's path stands for it alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from vmeval_builders.entries import FileEntry, FolderEntry
from vmeval_builders.layouts.layout import Layout
from vmeval_hfds.errors import AmbiguousNameError
from vmeval_hfds.folder.check import folders_of
from vmeval_hfds.folder.select import GroupRows
from vmeval_hfds.table.listing import Listing
from vmeval_hfds.table.wanted import Wanted

_SHOWN = 10


def listed_rows(layout: Layout, listing: Listing) -> dict[str, str | None]:
    """Give the rows that a list of files tells of: path to id."""
    paths, ids = (listing.table[name].to_pylist() for name in ("path", "id"))
    files = [FileEntry(path, 0, 0) for path in listing.files]
    folders = {folder: FolderEntry(0, None) for path in paths for folder in folders_of(path)}
    rows = {*layout.units(files, folders).paths}
    rows |= {one.path for one in files if layout.row_is_file(one.path) and layout.parts(one.path) is not None}
    found: dict[str, str | None] = {}
    for path, row_id in zip(paths, ids, strict=True):
        nearest = next((one for one in (path, *folders_of(path)) if one in rows), None)
        if nearest is not None:
            found.setdefault(nearest, row_id)
    return found


def check_ids(
    name: str, layout: Layout, wanted: Wanted, selected: Sequence[GroupRows], listed: Mapping[str, str | None]
) -> None:
    """Refuse an id that several tasks have, where it is to name one.

    Args:
        name: What to call the dataset in a message.
        layout: What describes the rows.
        wanted: What was asked for.
        selected: The rows that were found by looking into shards.
        listed: Those that the list of files tells of: path to id.

    Raises:
        AmbiguousNameError: The message lists their paths.
    """
    paths: dict[str, set[str]] = defaultdict(set)
    for path, row_id in (*_looked_into(selected), *listed.items()):
        if row_id in wanted.ids and path not in wanted.ids:
            paths[str(row_id)].add(path)
    for row_id in wanted.ids if layout.one_task_an_id else ():
        if len(found := sorted(paths[row_id])) > 1:
            more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
            raise AmbiguousNameError(
                f"{name}: {len(found):,} tasks have the id {row_id!a}; say which with --domain, or give --id one of "
                f"their paths: {', '.join(found[:_SHOWN])}{more}"
            )


def _looked_into(selected: Sequence[GroupRows]) -> Iterator[tuple[str, str]]:
    for group in selected:
        yield from zip(group.paths, group.ids, strict=True)
