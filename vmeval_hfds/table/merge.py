"""What a push changes: rows of a folder compared with those of a dataset, and both put together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.arrow.arrays import integer_array, text_array
from vmeval_hfds.store.names import config_of
from vmeval_hfds.table.facts import ShardFacts
from vmeval_hfds.table.shards import ShardReport

#: A row of a dataset: its shard's name and its number there.
Place = tuple[str, int]

#: What of a list of files says which rows are the same.
MATCHED_COLUMNS = ("path", "sha256", "shard", "row")


@dataclass(frozen=True, slots=True)
class RowChanges:
    """Rows that a push adds, changes and removes, counted by config.

    Attributes:
        added: Rows that the folder has and the dataset has not.
        changed: Rows of which a file has other bytes, or is new, or gone.
        removed: Rows that the dataset has and the folder has not.
        unchanged: Rows that are the same.
    """

    added: Mapping[str, int] = field(default_factory=dict)
    changed: Mapping[str, int] = field(default_factory=dict)
    removed: Mapping[str, int] = field(default_factory=dict)
    unchanged: Mapping[str, int] = field(default_factory=dict)

    def lost_configs(self) -> list[str]:
        """Name the configs of which no row is left."""
        left = {*self.added, *self.changed, *self.unchanged}
        return sorted(config for config in self.removed if config not in left)

    @property
    def removed_share(self) -> float:
        """How much of the dataset's rows is removed, from 0 to 1."""
        removed = sum(self.removed.values())
        before = removed + sum(self.changed.values()) + sum(self.unchanged.values())
        return removed / before if before else 0.0


@dataclass(frozen=True, slots=True)
class Matched:
    """The rows of a dataset, matched with a folder's by their paths.

    Attributes:
        changes: Both counted.
        places: The folder's row's path to the place of the same row in the dataset; left out where both are in
            shards that are alike.
        different: Paths of the folder's rows that are new, or of which files differ.
        gone: Places of rows that the folder has not.
    """

    changes: RowChanges
    places: Mapping[str, Sequence[Place]]
    different: frozenset[str]
    gone: frozenset[Place]


def rows_by_config(reports: Iterable[ShardReport]) -> Counter[str]:
    """Count what was read of a folder."""
    found: Counter[str] = Counter()
    for report in reports:
        found[report.plan.config] += report.rows
    return found


def unlike(
    reports: Sequence[ShardReport], shards: Mapping[str, ShardFacts]
) -> tuple[list[ShardReport], dict[str, ShardFacts]]:
    """Leave out the shards of a folder and of a dataset that hold the same rows: none of these need be compared.

    Most versions differ in few shards, so that a comparison takes as much memory as these have files.
    """
    alike = {report.content for report in reports} & {facts.content for facts in shards.values()}
    return (
        [report for report in reports if report.content not in alike],
        {name: facts for name, facts in shards.items() if facts.content not in alike},
    )


def match_rows(
    listed: pa.Table, reports: Sequence[ShardReport], shards: Mapping[str, ShardFacts], *, several_rows: bool
) -> Matched:
    """Compare a dataset's list of files with what was read of a folder; no shard is opened.

    Args:
        listed: The dataset's list of files; at least `MATCHED_COLUMNS` of the shards that `unlike` leaves.
        reports: What was read of the folder.
        shards: What is known of the dataset's shards.
        several_rows: Whether a file may be several rows, which follow each other.
    """
    everything = rows_by_config(reports)
    reports, shards = unlike(reports, shards)
    alike = everything - rows_by_config(reports)
    spans = row_spans(listed, shards) if several_rows else {}
    several = {path: count for report in reports for path, count in report.several.items()}
    configs = {path: report.plan.config for report in reports for path in report.plan.units.paths}
    here = dict(chain.from_iterable(report.digests_by_path() for report in reports))
    there: dict[str, dict[str, str]] = defaultdict(dict)
    places: dict[str, set[Place]] = defaultdict(set)
    gone: set[Place] = set()
    held = listed.filter(pc.is_in(listed["shard"], value_set=text_array(sorted(shards))))
    columns = (held[name].to_pylist() for name in MATCHED_COLUMNS)
    for path, digest, shard, number in zip(*columns, strict=True):
        row = nearest(path, configs)
        if row is None:
            gone.update(spans.get((shard, number), [(shard, number)]))
        else:
            there[row][path] = digest
            places[row].update(spans.get((shard, number), [(shard, number)]))
    for path, place in bare_rows(shards).items():
        if path in configs:
            places[path].add(place)
        else:
            gone.add(place)
    own: dict[str, dict[str, str]] = defaultdict(dict)
    for path, digest in here.items():
        own[str(nearest(path, configs))][path] = digest
    different = {path for path in configs if path not in places or own[path] != there[path]}

    def counted(paths: Iterable[str]) -> Counter[str]:
        found: Counter[str] = Counter()
        for path in paths:
            found[configs[path]] += several.get(path, 1)
        return found

    return Matched(
        changes=RowChanges(
            added=counted(path for path in different if path not in places),
            changed=counted(path for path in different if path in places),
            removed=Counter(config_of(shard) for shard, _ in gone),
            unchanged=alike + counted(path for path in configs if path not in different),
        ),
        places={path: sorted(found) for path, found in places.items()},
        different=frozenset(different),
        gone=frozenset(gone),
    )


def bare_rows(shards: Mapping[str, ShardFacts]) -> dict[str, Place]:
    """Give the places of the rows that hold no file, by their paths."""
    return {path: (shard, number) for shard, facts in shards.items() for path, number in facts.bare.items()}


def row_spans(listed: pa.Table, shards: Mapping[str, ShardFacts]) -> dict[Place, list[Place]]:
    """Give all rows of each file that is several rows, by the place of the first, which holds the file.

    Args:
        listed: A list of files.
        shards: What is known of the shards.
    """
    firsts = {shard: set(facts.bare.values()) for shard, facts in shards.items()}
    for shard, number in zip(listed["shard"].to_pylist(), listed["row"].to_pylist(), strict=True):
        if shard in firsts:
            firsts[shard].add(number)
    spans = {}
    for shard, numbers in firsts.items():
        for first, after in pairwise([*sorted(numbers), shards[shard].rows]):
            spans[shard, first] = [(shard, number) for number in range(first, after)]
    return spans


def nearest(path: str, rows: Mapping[str, object]) -> str | None:
    """Name the row that a path is, or lies in; None where there is none."""
    while path:
        if path in rows:
            return path
        path = path.rpartition("/")[0]
    return None


def without_rows(listed: pa.Table, dropped: frozenset[Place], rows: Callable[[str], bool]) -> pa.Table:
    """Drop what belongs to some rows from a list of files, and number the rows that stay in their shards anew.

    Args:
        listed: A list of files.
        dropped: The rows that go.
        rows: Whether a path is a row that goes, or lies in one: files of it that no shard holds go too.
    """
    by_shard: dict[str, list[int]] = defaultdict(list)
    for shard, number in sorted(dropped):
        by_shard[shard].append(number)
    kept: list[int] = []
    numbers: list[int | None] = []
    columns = (listed[name].to_pylist() for name in ("path", "shard", "row"))
    for at, (path, shard, number) in enumerate(zip(*columns, strict=True)):
        if (shard, number) in dropped or rows(path.rstrip("/")):
            continue
        kept.append(at)
        gone = by_shard.get(shard, ())
        numbers.append(None if number is None else number - sum(one < number for one in gone))
    left = listed.take(integer_array(kept))
    return left.set_column(left.column_names.index("row"), left.schema.field("row"), integer_array(numbers))


def renamed(listed: pa.Table, names: Mapping[str, str]) -> pa.Table:
    """Give shards of a list of files, and with them the rows' configs, their new names.

    Args:
        listed: A list of files.
        names: A shard's name to its new one; others stay.
    """
    if all(old == new for old, new in names.items()):
        return listed
    shards = [name if name is None else names.get(name, name) for name in listed["shard"].to_pylist()]
    of_config = {config_of(old): config_of(new) for old, new in names.items()}
    configs = [name if name is None else of_config.get(name, name) for name in listed["config"].to_pylist()]
    for name, values in (("shard", shards), ("config", configs)):
        place = listed.column_names.index(name)
        listed = listed.set_column(place, listed.schema.field(name), text_array(values))
    return listed


def union(first: pa.Table, second: pa.Table) -> pa.Table:
    """Put two lists of files together, by path; where both have a path, the second counts."""
    new = set(second["path"].to_pylist())
    kept = [number for number, path in enumerate(first["path"].to_pylist()) if path not in new]
    whole = pa.concat_tables([first.take(integer_array(kept)), second])
    return whole.take(pc.sort_indices(whole["path"]))
