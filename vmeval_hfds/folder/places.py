"""Where the files of a dataset's rows belong in the folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from vmeval_builders.layouts.layout import Layout
from vmeval_builders.rows import RowFile
from vmeval_hfds.folder.select import GroupRows


def possible_places(rows: GroupRows) -> Iterator[str]:
    """List every path that the files of some rows might have, preferred or not."""
    layout = rows.columns.layout
    for number, path in enumerate(rows.paths):
        for column in layout.files:
            names = rows.file_names.get(column)
            yield from layout.places_of(column, path, names[number] if names else None)


def listed_sizes(
    layout: Layout, path: str, names: Mapping[str, str | None], sizes: Mapping[str, int]
) -> dict[str, int]:
    """Say how long a row's files are, as the dataset lists them.

    Args:
        layout: What describes the row.
        path: The row's path.
        names: Column to the file's name, where the builder leaves it open.
        sizes: Path to size in bytes, of all files.

    Returns:
        Column to size in bytes, for the files that are there.
    """
    found = {}
    for column in layout.files:
        places = layout.places_of(column, path, names.get(column))
        place = next((place for place in places if place in sizes), None)
        if place is not None:
            found[column] = sizes[place]
    return found


def place_of(layout: Layout, file: RowFile, expected: Mapping[str, bytes]) -> tuple[str, bytes]:
    """Say where a row's file belongs.

    Args:
        layout: What describes the row.
        file: The file.
        expected: The row's files and their SHA-256, as the dataset lists them.

    Returns:
        Its path, and the SHA-256 of its bytes: the place that is listed with these bytes, else one that is
        listed, else the usual one.
    """
    digest = hashlib.sha256(file.content).digest()
    places = layout.places_of(file.column, file.path, file.name)
    if len(places) == 1:
        return places[0], digest
    same = (place for place in places if expected.get(place) == digest)
    listed = (place for place in places if place in expected)
    return next(same, None) or next(listed, places[0]), digest
