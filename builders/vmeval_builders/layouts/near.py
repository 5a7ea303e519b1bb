"""What a folder that no layout knows has in it, which layouts come near, and in what they differ."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from vmeval_builders.layouts.columns import Part
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.layouts.match import compile_pattern

_SHOWN_KINDS = 6
_SHOWN_LAYOUTS = 3
_SHOWN_NAMES = 4


def unknown_folder(paths: Sequence[str], known: Iterable[Layout]) -> str:
    """Say what is there, what comes near, and what can be done all the same.

    Args:
        paths: The folder's files.
        known: The layouts that find no row in it.
    """
    found = f"It holds {_kinds(paths)}." if paths else "It holds no file."
    near = sorted(_near(paths, known), reverse=True)[:_SHOWN_LAYOUTS]
    compared = "; ".join(sentence for _, _, sentence in near)
    compared = f"Near: {compared}." if near else "No layout comes near."
    return (
        f"{found} {compared} Give a folder of a known layout (docs/formats.md), describe this one "
        "(docs/another-layout.md), or take its files as they are with --builder files."
    )


def _kinds(paths: Sequence[str]) -> str:
    """Count files by their endings, most first, with an example of each."""
    by_ending: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        _, dot, ending = path.rpartition("/")[2].rpartition(".")
        by_ending[f"{dot}{ending.lower()}" if dot else ""].append(path)
    kinds = sorted(by_ending.items(), key=lambda kind: (-len(kind[1]), kind[0]))
    shown = [
        f"{len(those):,} {ending or 'without an ending'} (such as {min(those)[:200]!a})"
        for ending, those in kinds[:_SHOWN_KINDS]
    ]
    return ", ".join(
        [*shown, *([f"{len(kinds) - _SHOWN_KINDS} more kinds"] if len(kinds) > _SHOWN_KINDS else [])]
    )


def _near(paths: Sequence[str], known: Iterable[Layout]) -> Iterator[tuple[bool, int, str]]:
    """Give the layouts of which some files are called as theirs are, and in what these differ.

    Yields:
        Whether paths fit too, how many files are called so, and what to say.
    """
    for layout in known:
        names = _names(layout)
        like = [path for path in paths if any(name.fullmatch(path.rpartition("/")[2]) for name in names)]
        if not like:
            continue
        rows = layout.rows if isinstance(layout.rows, str) else layout.rows[0]
        marks = layout.marks or [place for places in layout.files.values() for place in places if place]
        wanted = sorted(mark for mark in marks if not mark.startswith("../"))
        there = {path.rpartition("/")[2] for path in paths}
        missing = [name for name in wanted if "*" not in name and name.rpartition("/")[2] not in there]
        lacks = f", has no {' or '.join(missing[:_SHOWN_NAMES])}" if missing else ""
        told_by = getattr(layout, "told_by", "").rpartition("/")[2]
        if told_by and told_by not in there:
            lacks = f"{lacks}, has no {told_by}"
        yield (
            bool(told_by) and any(layout.parts(path) is not None for path in like),
            len(like),
            f"{layout.name} ({len(like):,} of the files are called so, such as {like[0][:200]!a}, but no path is that "
            f"of a {layout.noun}, {rows}{lacks})",
        )


def _names(layout: Layout) -> list[re.Pattern[str]]:
    """Give expressions for what the files of a layout's rows are called."""
    last = {place.rpartition("/")[2] for places in layout.files.values() for place in places}
    names = [
        re.compile(re.escape(name).replace(r"\*", ".*")) for name in sorted(last) if name and "{" not in name
    ]
    if any("" in places for places in layout.files.values()):
        parts = {name: one.expression for name, one in layout.declared.items() if isinstance(one, Part)}
        rows = (layout.rows,) if isinstance(layout.rows, str) else layout.rows
        names += [compile_pattern(row.rpartition("/")[2], parts) for row in rows]
    return names
