"""Which rows of a folder go into which config and which shard, decided before any picture is read."""

from __future__ import annotations

import hashlib
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise

from vmeval_builders.entries import Unit
from vmeval_builders.paths import config_names
from vmeval_builders.rows import read_unit, rows_of, text_files
from vmeval_builders.scan import Scan
from vmeval_builders.sources.remote import read_ahead
from vmeval_builders.unit_list import UnitList
from vmeval_hfds.store.names import ROWS_FOLDER, shard_name

#: The usual size of a shard while a dataset is small.
SHARD_BYTES = 64 * 2**20
#: A job has no more rows, but those of one shard, so that small files too are work for several.
JOB_ROWS = 4_000
#: Shards double until they are no more than this, so that a dataset always fits one commit with its other files.
MOST_SHARDS = 800


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """A shard of rows that is to be.

    Attributes:
        name: Its name, relative to the dataset.
        config: The config that its rows are of.
        units: Its rows' files, in the order of their paths.
        source_bytes: The size of its rows' files.
    """

    name: str
    config: str
    units: UnitList
    source_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        """Sum up the sizes once: they are asked for again and again."""
        object.__setattr__(self, "source_bytes", self.units.size_bytes)


@dataclass(frozen=True, slots=True)
class Plan:
    """The shards of rows that a folder becomes.

    Attributes:
        split: The split that every config has.
        groups: Config name to what its rows have in common, by config name.
        shards: The shards, by config and then in row order.
    """

    split: str
    groups: Mapping[str, str]
    shards: Sequence[ShardPlan]

    @property
    def units(self) -> dict[str, Iterator[Unit]]:
        """What rows have in common, to the rows, in their order; each is made when it is asked for."""
        found: dict[str, list[UnitList]] = {group: [] for group in self.groups.values()}
        for shard in self.shards:
            found[self.groups[shard.config]].append(shard.units)
        return {group: chain.from_iterable(units) for group, units in found.items()}

    def only(self, paths: Collection[str]) -> Plan:
        """Cut some of the rows, by their paths, into shards anew."""
        groups: dict[str, UnitList] = {}
        for shard in self.shards:
            numbers = [number for number, path in enumerate(shard.units.paths) if path in paths]
            if numbers and (group := self.groups[shard.config]) in groups:
                groups[group].extend(shard.units.take(numbers))
            elif numbers:
                groups[group] = shard.units.take(numbers)
        return plan_groups(groups, self.split)


def plan_shards(scan: Scan, split: str) -> Plan:
    """Cut the rows of a walked folder into shards.

    Raises:
        OSError: A text that says a row's config cannot be read.
    """
    return plan_groups(units_by_config(scan), split)


def plan_groups(groups: Mapping[str, UnitList], split: str) -> Plan:
    """Cut rows into shards, each group of them for itself.

    Where a config is cut depends on the rows' paths and sizes: a row more or less changes the shard that it is in,
    not all that follow.

    Args:
        groups: What rows have in common, to the rows by path.
        split: The split that every config gets.
    """
    names = config_names(groups)
    usual_bytes = shard_bytes(sum(units.size_bytes for units in groups.values()), len(groups))
    shards = []
    for group in sorted(groups, key=lambda group: names[group]):
        runs = cut_by_content(groups[group], usual_bytes)
        folder = f"{ROWS_FOLDER}/{names[group]}"
        for number, units in enumerate(runs):
            name = f"{folder}/{shard_name(split, number, len(runs))}"
            shards.append(ShardPlan(name, names[group], units))
    by_config = {names[group]: group for group in groups}
    return Plan(split, {config: by_config[config] for config in sorted(by_config)}, shards)


def shard_bytes(total_bytes: int, configs: int) -> int:
    """Say how large a shard usually is: it grows with the dataset, so that there are never too many."""
    usual = SHARD_BYTES
    while total_bytes // usual + configs > max(MOST_SHARDS, 2 * configs):
        usual *= 2
    return usual


def cut_by_content(units: UnitList, usual_bytes: int) -> list[UnitList]:
    """Cut rows where a hash of a row's path says so, between half of a shard's usual size and twice that.

    Returns:
        The runs, in order; none is empty.
    """
    starts, filled_bytes = [0], 0
    mean_bytes = max(1, units.size_bytes // max(1, len(units)))
    # One row in so many ends a shard; a power of two, so that a few rows more or less do not change it.
    one_in = 1 << max(0, (usual_bytes // 2 // mean_bytes).bit_length() - 1)
    for number, (path, size_bytes) in enumerate(zip(units.paths, units.sizes_bytes(), strict=True)):
        ends = filled_bytes >= usual_bytes // 2 and _path_number(path) % one_in == 0
        if number > starts[-1] and (ends or filled_bytes + size_bytes > 2 * usual_bytes):
            starts.append(number)
            filled_bytes = 0
        filled_bytes += size_bytes
    return [units[start:end] for start, end in pairwise([*starts, len(units)]) if end > start]


def _path_number(path: str) -> int:
    digest = hashlib.blake2b(path.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def batches(shards: Sequence[ShardPlan]) -> Iterator[tuple[ShardPlan, ...]]:
    """Gather shards into runs that are worth a job: many small ones are sent to the Hub at once."""
    batch: list[ShardPlan] = []
    batch_bytes = batch_rows = 0
    for shard in shards:
        is_full = batch_bytes + shard.source_bytes > SHARD_BYTES or batch_rows + len(shard.units) > JOB_ROWS
        if batch and is_full:
            yield tuple(batch)
            batch, batch_bytes, batch_rows = [], 0, 0
        batch.append(shard)
        batch_bytes += shard.source_bytes
        batch_rows += len(shard.units)
    if batch:
        yield tuple(batch)


def units_by_config(scan: Scan) -> dict[str, UnitList]:
    """Sort rows by their layout's group column, keeping their order; those without a value are one group."""
    return units_by(scan, scan.layout.group_column)


def units_by(scan: Scan, column: str) -> dict[str, UnitList]:
    """Sort rows by the values of a text column, keeping their order; those without a value are one group."""
    layout, units = scan.layout, scan.units
    groups: dict[str, array[int]] = defaultdict(lambda: array("I"))
    asked = array("I")
    for number, (parts, has_json) in enumerate(
        zip(units.parts(), units.have_json(layout.json_from), strict=True)
    ):
        if (value := parts.get(column)) is None or layout.needs_row(parts, has_json):
            asked.append(number)
        else:
            groups[value or f"no-{column}"].append(number)
    ahead = read_ahead(scan.source, units.take(asked), lambda unit: text_files(layout, unit).values())
    for number, unit in zip(asked, ahead, strict=True):
        contents = read_unit(scan.source, layout, unit, media=False)
        groups[next(rows_of(layout, contents))[column] or f"no-{column}"].append(number)
    return {group: units.take(sorted(numbers) if asked else numbers) for group, numbers in groups.items()}
