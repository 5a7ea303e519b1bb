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
            for name in names[number] if names else (None,):
                yield from layout.places_of(column, path, name)


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
    for place in places:
        if expected.get(place) == digest:
            return place, digest
    listed = (place for place in places if place in expected)
    return next(listed, places[0]), digest
