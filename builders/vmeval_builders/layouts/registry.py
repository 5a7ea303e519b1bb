"""Which builders there are, and which of them a folder or a table is for."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from vmeval_builders.entries import FileEntry, FolderEntry
from vmeval_builders.errors import AmbiguousFolderError, LayoutNameError
from vmeval_builders.file_list import FileList
from vmeval_builders.layouts.evaluations import Evaluations
from vmeval_builders.layouts.files import Files
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.layouts.outputs import Outputs
from vmeval_builders.layouts.peers import MmeCof, TiViBench, VReasonBench
from vmeval_builders.layouts.questions import Questions
from vmeval_builders.layouts.results import Results
from vmeval_builders.unit_list import UnitList

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

#: Where third parties register theirs: ``[project.entry-points."vmeval_hfds.builders"]``.
ENTRY_POINT_GROUP = "vmeval_hfds.builders"

QUESTIONS, OUTPUTS, EVALUATIONS, RESULTS = Questions(), Outputs(), Evaluations(), Results()
_PEERS: tuple[Layout, ...] = (MmeCof(), TiViBench(), VReasonBench())
_OWN: dict[str, Layout] = {
    one.name: one for one in (QUESTIONS, OUTPUTS, EVALUATIONS, RESULTS, *_PEERS, Files())
}


def layout_named(name: str) -> Layout:
    """Give the builder of a name.

    Raises:
        LayoutNameError: There is none, or it cannot be loaded.
    """
    if name in _OWN:
        return _OWN[name]
    known = _registered()
    if name not in known:
        raise LayoutNameError(
            f"there is no builder {name!r}; there are: {', '.join([*_OWN, *sorted(known)])}"
        )
    return _load(known[name])


def layouts() -> list[Layout]:
    """Give every builder, our own first.

    Raises:
        LayoutNameError: One that is registered cannot be loaded.
    """
    registered = _registered()
    return [*_OWN.values(), *(_load(registered[name]) for name in sorted(registered))]


@cache
def _registered() -> dict[str, EntryPoint]:
    # A dataset that names one of our own builders need not wait for this; nor need a folder where nobody else is.
    if not any(map(_names_group, sys.path)):
        return {}
    from importlib.metadata import entry_points

    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if point.name in _OWN or point.name in found:
            raise LayoutNameError(
                f"two packages register a builder {point.name!r} ({point.value}); uninstall one of them"
            )
        found[point.name] = point
    return found


def _names_group(place: str) -> bool:
    """Whether a package in a folder of Python's path may register a builder.

    It takes a tenth of the time that `importlib.metadata` takes to be imported and to read all packages.
    """
    try:
        packages = [name for name in os.listdir(place or ".") if name.endswith((".dist-info", ".egg-info"))]
    except FileNotFoundError:
        return False
    except OSError:
        return True  # such as a zip, which is for `importlib.metadata` to look into
    for name in packages:
        with suppress(OSError), open(os.path.join(place, name, "entry_points.txt"), "rb") as stream:
            if ENTRY_POINT_GROUP.encode() in stream.read():
                return True
    return False


@cache
def _load(point: EntryPoint) -> Layout:
    try:
        layout: object = point.load()()
    except Exception as error:
        raise LayoutNameError(
            f"the layout {point.name!r} ({point.value}) cannot be loaded: {error!r}"
        ) from error
    if not isinstance(layout, Layout):
        fault = "is no subclass of vmeval_builders.layouts.layout.Layout"
    elif layout.name != point.name:
        fault = f"calls itself {layout.name!r}"
    else:
        return layout
    raise LayoutNameError(f"the layout {point.name!r} ({point.value}) {fault}; mend its description")


def find_layout(
    files: Iterable[FileEntry],
    folders: Mapping[str, FolderEntry],
    candidates: Iterable[Layout] | None = None,
) -> tuple[Layout, UnitList]:
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
        LayoutNameError: A builder that is registered cannot be loaded.
    """
    files = FileList.of(files)
    known = layouts() if candidates is None else candidates
    found = {one: UnitList.of(one.units(files, folders), one.parts, files) for one in known}
    claimed = [one for one, units in found.items() if units.has_files]
    claimed = [one for one in claimed if not any(_yields(one, other, found) for other in claimed)]
    if len(claimed) == 1:
        return claimed[0], found[claimed[0]]
    counts = {}
    for builder, units in found.items():
        if builder not in claimed:
            continue
        others = {path for other, of_other in found.items() if other != builder for path in of_other.paths}
        counts[builder] = sum(not _lies_in(path, others) for path in units.paths_with_files())
    claiming = [builder for builder, count in counts.items() if count]
    if len(claiming) > 1:
        listed = ", ".join(
            f"{one.name} ({counts[one]} {one.noun}{'' if counts[one] == 1 else 's'})" for one in claiming
        )
        raise AmbiguousFolderError(f"several builders know this layout: {listed}; name one with --builder")
    chosen = claiming[0] if claiming else QUESTIONS
    return chosen, found.get(chosen, UnitList(chosen.parts, files))


def _yields(one: Layout, other: Layout, found: Mapping[Layout, UnitList]) -> bool:
    """Whether a layout gives way to another that has found rows too (see `Layout.rank`)."""
    if one.rank >= other.rank or one.rank < 0:
        return one.rank < other.rank
    held = set(found[other].file_paths())
    return all(path in held for path in found[one].file_paths())


def _lies_in(path: str, folders: Collection[str]) -> bool:
    above = path.rpartition("/")[0]
    while above:
        if above in folders:
            return True
        above = above.rpartition("/")[0]
    return False


def layout_of_columns(columns: Collection[str]) -> Layout | None:
    """Give the builder that makes tables with these columns, or None where none does.

    Raises:
        AmbiguousFolderError: Several do; the message lists them.
        LayoutNameError: A builder that is registered cannot be loaded.
    """
    for choice in (_OWN.values, layouts):
        fitting = [one for one in choice() if one.has_rows and one.columns.keys() <= set(columns)]
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
