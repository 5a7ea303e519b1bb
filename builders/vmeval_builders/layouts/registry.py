"""Which builders there are, and which of them a folder or a table is for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from vmeval_builders.arrow.schema import ROW_KINDS
from vmeval_builders.entries import FileEntry, FolderEntry, Unit
from vmeval_builders.errors import AmbiguousFolderError, BuilderNameError
from vmeval_builders.layouts.evaluations import Evaluations
from vmeval_builders.layouts.layout import Builder
from vmeval_builders.layouts.outputs import Outputs
from vmeval_builders.layouts.questions import Questions

#: Where third parties register theirs: ``[project.entry-points."vmeval_hfds.builders"]``.
ENTRY_POINT_GROUP = "vmeval_hfds.builders"

_PLACE = re.compile(r"(?:(?:[^/*]+/)?(?:[^/*]+|\*\.[^/*.]+))?")

QUESTIONS, OUTPUTS, EVALUATIONS = Questions(), Outputs(), Evaluations()
_OWN: dict[str, Builder] = {one.name: one for one in (QUESTIONS, OUTPUTS, EVALUATIONS)}


def builder_named(name: str) -> Builder:
    """Give the builder of a name.

    Raises:
        BuilderNameError: There is none, or it cannot be loaded.
    """
    if name in _OWN:
        return _OWN[name]
    known = _registered()
    if name not in known:
        raise BuilderNameError(
            f"there is no builder {name!r}; there are: {', '.join([*_OWN, *sorted(known)])}"
        )
    return _load(known[name])


def builders() -> list[Builder]:
    """Give every builder, our own first.

    Raises:
        BuilderNameError: One that is registered cannot be loaded.
    """
    registered = _registered()
    return [*_OWN.values(), *(_load(registered[name]) for name in sorted(registered))]


@cache
def _registered() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if point.name in _OWN or point.name in found:
            raise BuilderNameError(
                f"two packages register a builder {point.name!r} ({point.value}); uninstall one of them"
            )
        found[point.name] = point
    return found


@cache
def _load(point: EntryPoint) -> Builder:
    try:
        builder: object = point.load()()
    except Exception as error:
        raise BuilderNameError(
            f"the builder {point.name!r} ({point.value}) cannot be loaded: {error!r}"
        ) from error
    fault = _fault(builder, point.name)
    if fault or not isinstance(builder, Builder):
        raise BuilderNameError(f"the builder {point.name!r} ({point.value}) {fault}; mend its description")
    return builder


def _fault(builder: object, name: str) -> str | None:
    """Say what is wrong with a description, as the end of a sentence; None where nothing is."""
    if not isinstance(builder, Builder):
        return "is no subclass of vmeval_builders.layouts.layout.Builder"
    stated = ("noun", "title", "columns", "pattern", "files", "config")
    if absent := [attribute for attribute in stated if not hasattr(builder, attribute)]:
        return f"does not state {absent[0]!r}"
    columns = builder.columns
    named = [*builder.files, *builder.json_columns, builder.config, "path"]
    if builder.name != name:
        return f"calls itself {builder.name!r}"
    if unknown := [kind for kind in columns.values() if kind not in ROW_KINDS]:
        return f"has a column of the kind {unknown[0]!r}, which is none of {', '.join(ROW_KINDS)}"
    if missing := [column for column in named if column not in columns]:
        return f"names {missing[0]!r}, which is no column of it"
    if odd := [place for places in builder.files.values() for place in places if not _PLACE.fullmatch(place)]:
        return f"has a file at {odd[0]!r}; expected 'name', 'folder/name', '*.mp4', 'folder/*.mp4' or ''"
    if odd := [place for name in builder.text_files for place in builder.files[name] if "*" in place]:
        return f"has a text file at {odd[0]!r}; only images and videos may have any name"
    try:
        builder.parts("a/b")
    except re.error as error:
        return f"has a pattern that cannot be read ({error})"
    if builder.json_from not in ("", *builder.text_files):
        return f"takes JSON from {builder.json_from!r}, which holds no text file"
    return None


def find_builder(
    files: Sequence[FileEntry],
    folders: Mapping[str, FolderEntry],
    candidates: Iterable[Builder] | None = None,
) -> tuple[Builder, list[Unit]]:
    """Find out which builder a folder is for.

    What lies inside another builder's row is that row's business: the question in the folder of a run is no
    question of its own.

    Args:
        files: Every file, by path order.
        folders: Every folder by its path.
        candidates: The builders to choose from; None for all there are.

    Returns:
        The builder that alone finds rows, and the rows. Questions without a row where none finds any.

    Raises:
        AmbiguousFolderError: Several find rows; the message lists them.
        BuilderNameError: A builder that is registered cannot be loaded.
    """
    found = {one: one.units(files, folders) for one in (builders() if candidates is None else candidates)}
    claimed = [one for one, units in found.items() if any(unit.files for unit in units)]
    if len(claimed) == 1:
        return claimed[0], found[claimed[0]]
    counts = {}
    for builder, units in found.items():
        others = {unit.path for other, of_other in found.items() if other != builder for unit in of_other}
        counts[builder] = sum(bool(unit.files) and not _lies_in(unit.path, others) for unit in units)
    claiming = [builder for builder, count in counts.items() if count]
    if len(claiming) > 1:
        listed = ", ".join(
            f"{one.name} ({counts[one]} {one.noun}{'' if counts[one] == 1 else 's'})" for one in claiming
        )
        raise AmbiguousFolderError(f"several builders know this layout: {listed}; name one with --builder")
    chosen = claiming[0] if claiming else QUESTIONS
    return chosen, found.get(chosen, [])


def _lies_in(path: str, folders: Collection[str]) -> bool:
    above = path.rpartition("/")[0]
    while above:
        if above in folders:
            return True
        above = above.rpartition("/")[0]
    return False


def builder_of_columns(columns: Collection[str]) -> Builder | None:
    """Give the builder that makes tables with these columns, or None where none does.

    Raises:
        AmbiguousFolderError: Several do; the message lists them.
        BuilderNameError: A builder that is registered cannot be loaded.
    """
    for choice in (_OWN.values, builders):
        fitting = [one for one in choice() if one.columns.keys() <= set(columns)]
        if len(fitting) > 1:
            exact = [one for one in fitting if one.columns.keys() == set(columns)]
            fitting = exact or fitting
        if len(fitting) > 1:
            listed = ", ".join(one.name for one in fitting)
            raise AmbiguousFolderError(
                f"several builders make such a table: {listed}; name one with --builder"
            )
        if fitting:
            return fitting[0]
    return None
