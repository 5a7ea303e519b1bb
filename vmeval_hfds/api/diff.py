"""How do two versions differ? Told from lists of files and texts; no picture is fetched."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Unpack

from vmeval_builders.choice import ALL_BUT_TOOLS
from vmeval_builders.json_values import parse_object
from vmeval_builders.scan import Scan, refuse_changes
from vmeval_hfds.engine.pool import Engine, Progress
from vmeval_hfds.errors import DatasetError, SourceTypeError
from vmeval_hfds.folder.check import folders_of
from vmeval_hfds.folder.folder_side import FolderSide
from vmeval_hfds.folder.listed_side import ListedSide
from vmeval_hfds.folder.sides import Near, Side
from vmeval_hfds.rows.open import Opened, Source, open_rows, open_source
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.difference import Difference, compare
from vmeval_hfds.table.listing import digest_of
from vmeval_hfds.table.wanted import Chooser, Chosen, Wanted

if TYPE_CHECKING:
    from concurrent.futures import Executor


@dataclass(frozen=True, slots=True)
class DiffRow:
    """A row that only one side has.

    Attributes:
        path: The row's path.
        config: Its config.
    """

    path: str
    config: str


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """A row that both sides have, with different files.

    Attributes:
        path: The row's path.
        config: Its config, on the new side.
        added: Files, below the row's path, that the new side has more; an empty folder ends in ``/``.
        removed: Files that the old side has more.
        changed: Files with other bytes.
        keys: The keys whose values differ in the layout's JSON file, where it is one of `changed`:
            ``inference.status`` stands for a key in an object.
    """

    path: str
    config: str
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DiffResult:
    """How two versions differ.

    Attributes:
        old: The one.
        new: The other.
        configs: Config to how many of its rows were ``added``, ``removed`` and ``changed``; those without are left out.
        added: Rows that the new side has more, by path.
        removed: Rows that the old side has more.
        changed: Rows that both have, with different files.
        other_added: Files outside of rows that the new side has more; an empty folder ends in ``/``.
        other_removed: Files outside of rows that the old side has more.
        other_changed: Files outside of rows with other bytes.
        other_times: Files and folders with another modification time, where both sides know it.
        replaced: Shards that somebody replaced since the list of files was made: what their rows hold is not known
            from it, and was not compared.
    """

    old: str
    new: str
    configs: dict[str, dict[str, int]] = field(default_factory=dict)
    added: list[DiffRow] = field(default_factory=list)
    removed: list[DiffRow] = field(default_factory=list)
    changed: list[ChangedRow] = field(default_factory=list)
    other_added: list[str] = field(default_factory=list)
    other_removed: list[str] = field(default_factory=list)
    other_changed: list[str] = field(default_factory=list)
    other_times: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        rows = self.added or self.removed or self.changed
        others = self.other_added or self.other_removed or self.other_changed
        return not (rows or others or self.other_times or self.replaced)


def diff_datasets(
    old: Source,
    new: Source,
    *,
    builder: str | None = None,
    num_proc: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    **rows: Unpack[Chosen],
) -> DiffResult:
    """Tell which rows, and which files of them, differ between two versions.

    Of datasets, only the list of files is read, and the JSON texts of rows in which such a text changed. Of folders
    and archives, the files that both sides have are hashed.

    Args:
        old: A folder, an archive, a dataset directory, a repository (its id or address), or what was opened.
        new: Another.
        builder: The name of the builder that describes a folder; None finds it out.
        num_proc: How many processes hash; None chooses.
        executor: Hashes in their place: any `concurrent.futures.Executor`, such as Dask's. Its workers need a
            folder at the same path or URL.
        progress: Called with files hashed and files to hash, of each folder.
        **rows: Which rows are told of, and nothing outside of rows, as `export` takes them: `domains`, `ids`,
            `models`, `evaluators`, `experiments`, `where`.

    Raises:
        DatasetError: A dataset has no list of files, or a damaged one, or its layout is not installed here.
        UnknownNameError: No row of either has what is asked for, or a layout has no such column.
        MissingPathError: There is no such folder or dataset.
        SourceTypeError: It is a `datasets.Dataset`, which lists no files.
        LayoutNameError: There is no such builder.
        AmbiguousFolderError: Several builders know a folder's layout, and none was named.
        ArchiveError: An archive is damaged or cut short.
        HubError: A repository cannot be read.
        OSError: A file cannot be read.
        WorkerError: A worker of the executor does not see a folder, or was killed.
        FolderChangedError: A file at a URL changed while a folder was read.
    """
    engine = Engine(num_proc, executor)
    opened = [open_source(source, builder) for source in (old, new)]
    one, other = (_side(source, engine, progress) for source in opened)
    kept = _wanted_paths(opened, builder, Wanted(**rows)) if rows else None
    one, other = _as_walked(one, other), _as_walked(other, one)
    result = _result(one, other, compare(one.files, other.files))
    for scan in opened:
        if isinstance(scan, Scan):
            refuse_changes(scan)
    return result if kept is None else _only(result, kept)


def _wanted_paths(opened: Sequence[Opened], builder: str | None, wanted: Wanted) -> set[str]:
    """Give the paths of the rows that are wanted, of either side."""
    sides = [open_rows(one, builder) for one in opened]
    choosers = [Chooser(wanted, side.about.layout, side.about.name) for side in sides]
    kept = {
        row.path
        for side, chooser in zip(sides, choosers, strict=True)
        for row in side.texts(list(dict.fromkeys([*chooser.needed, "path"])))
        if chooser.fits(row.texts)
    }
    choosers[0].check(choosers[1].met)
    if wanted and not kept:
        raise choosers[0].nothing_found()
    return kept


def _only(result: DiffResult, kept: Set[str]) -> DiffResult:
    """Leave out what is not of some rows."""
    added, removed = ([row for row in rows if row.path in kept] for rows in (result.added, result.removed))
    changed = [row for row in result.changed if row.path in kept]
    return replace(
        result,
        configs=_counts(added=added, removed=removed, changed=changed),
        added=added,
        removed=removed,
        changed=changed,
        other_added=[],
        other_removed=[],
        other_changed=[],
        other_times=[path for path in result.other_times if kept & {path.rstrip("/"), *folders_of(path)}],
    )


def _side(opened: Opened, engine: Engine, progress: Progress | None) -> Side:
    if isinstance(opened, Scan):
        engine.require(opened.root)
        return FolderSide(opened, opened.layout.keeps_times, engine, progress)
    if not isinstance(opened, DatasetFiles):
        raise SourceTypeError(
            f"expected a folder, archive, dataset directory or repository, found a {type(opened).__name__}: it lists "
            "no files; build or push its folder"
        )
    if not opened.listing_shards:
        raise DatasetError(f"{opened.name}: has no config files, so that there is nothing to compare")
    return ListedSide(opened)


def _as_walked(side: Side, other: Side) -> Side:
    """Leave out of a list what a walk of the other side's folder leaves out."""
    if isinstance(side, ListedSide) and isinstance(other, FolderSide):
        return side.meant(ALL_BUT_TOOLS)
    return side


@dataclass(frozen=True, slots=True)
class _Paths:
    """Files and folders that differ, each with the row that it belongs to, or None."""

    added: dict[str, str | None]
    removed: dict[str, str | None]
    changed: dict[str, str | None]


def _result(old: Side, new: Side, found: Difference) -> DiffResult:
    near_old = old.near([*found.removed, *found.changed])
    near_new = new.near([*found.added, *found.changed])
    removed = {*found.removed, *(old.unlisted - new.unlisted)}
    added = {*found.added, *(new.unlisted - old.unlisted - removed)}
    paths = _Paths(
        added={path: near_new.rows.get(path) for path in added},
        removed={path: near_old.rows.get(path) for path in removed},
        changed={path: near_new.rows.get(path) or near_old.rows.get(path) for path in found.changed},
    )
    touched = {
        row for of_kind in (paths.added, paths.removed, paths.changed) for row in of_kind.values() if row
    }
    before = touched & {
        *paths.removed.values(),
        *paths.changed.values(),
        *_untouched(near_new, found.empty_new, added),
    }
    after = touched & {
        *paths.added.values(),
        *paths.changed.values(),
        *_untouched(near_old, found.empty_old, removed),
    }
    configs = {**near_old.configs, **near_new.configs}
    rows = _changed_rows(paths, before & after, configs, _changed_keys(old, new, paths.changed))
    only_old, only_new = (
        [DiffRow(path, configs[path]) for path in sorted(one - other)]
        for one, other in ((before, after), (after, before))
    )
    return DiffResult(
        old=old.name,
        new=new.name,
        configs=_counts(added=only_new, removed=only_old, changed=rows),
        added=only_new,
        removed=only_old,
        changed=rows,
        other_added=_outside(paths.added),
        other_removed=_outside(paths.removed),
        other_changed=_outside(paths.changed),
        other_times=sorted({*found.other_times} - {*found.changed}),
        replaced=_replaced(old, new),
    )


def _untouched(near: Near, empty: Collection[str], differing: Collection[str]) -> set[str]:
    """Name the rows of which the other side has some file, or empty folder, too."""
    kept = ((path, row) for path, row in near.rows.items() if path not in differing)
    return {row for path, row in kept if not path.endswith("/") or path in empty}


def _outside(paths: Mapping[str, str | None]) -> list[str]:
    return sorted(path for path, row in paths.items() if row is None)


def _changed_rows(
    paths: _Paths, both: Collection[str], configs: Mapping[str, str], keys: Mapping[str, list[str]]
) -> list[ChangedRow]:
    rows = {row: ChangedRow(row, configs[row]) for row in sorted(both)}
    for kind in ("added", "removed", "changed"):
        for path, name in sorted(getattr(paths, kind).items()):
            if name in rows:
                getattr(rows[name], kind).append(path[len(name) + 1 :] or path.rpartition("/")[2] or "./")
    return [replace(row, keys=keys.get(row.path, [])) for row in rows.values()]


def _counts(**rows: Sequence[DiffRow | ChangedRow]) -> dict[str, dict[str, int]]:
    by_kind = {kind: Counter(row.config for row in of_kind) for kind, of_kind in rows.items()}
    configs = sorted({config for counter in by_kind.values() for config in counter})
    return {config: {kind: counter[config] for kind, counter in by_kind.items()} for config in configs}


def _changed_keys(old: Side, new: Side, changed: Mapping[str, str | None]) -> dict[str, list[str]]:
    """Give the keys that differ in rows' JSON texts, by row."""
    column = old.layout.json_from
    if old.layout != new.layout or not column:
        return {}
    paths = {
        path: row for path, row in changed.items() if row and path in old.layout.places_of(column, row, None)
    }
    if not paths:
        return {}
    before, after = old.texts(paths), new.texts(paths)
    return {row: differing_keys(before.get(path), after.get(path)) for path, row in paths.items()}


def differing_keys(old: str | None, new: str | None) -> list[str]:
    """Name the keys whose values differ between two JSON texts; none where one is no JSON object.

    A key in an object in an object is named with all of them: ``inference.status``.
    """
    one, other = parse_object(old)[0], parse_object(new)[0]
    return [] if one is None or other is None else list(_differing(one, other, ""))


def _differing(old: Mapping[str, Any], new: Mapping[str, Any], above: str) -> Iterator[str]:
    for key in sorted({*old, *new}):
        one, other = old.get(key), new.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _differing(one, other, f"{above}{key}.")
        # To Python, 1 and 1.0 and true are one value; to JSON they are not.
        elif (key in old) != (key in new) or json.dumps(one) != json.dumps(other):
            yield f"{above}{key}"


def _replaced(old: Side, new: Side) -> list[str]:
    """Name the shards that are not what the list of files says, unless both sides have the same instead."""
    one, other = _unlike_list(old), _unlike_list(new)
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def _unlike_list(side: Side) -> dict[str, str]:
    """Give the hashes of shards that are not what the list of files says; "" where there is no such shard."""
    if not isinstance(side, ListedSide) or side.facts is None:
        return {}
    dataset = side.dataset
    names = {*dataset.row_shards, *side.facts.shards} - side.trusted
    return {name: digest_of(dataset, name) if name in dataset.row_shards else "" for name in names}
