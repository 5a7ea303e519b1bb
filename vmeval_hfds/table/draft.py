"""The shards that a dataset is to have: which it has already, which lose rows, which are written from the folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from vmeval_builders.paths import config_names
from vmeval_hfds.store.names import ROWS_FOLDER, config_of, shard_name
from vmeval_hfds.table.facts import ShardFacts
from vmeval_hfds.table.merge import Place
from vmeval_hfds.table.plan import Plan, ShardPlan
from vmeval_hfds.table.shards import ShardReport


@dataclass(frozen=True, slots=True)
class DraftShard:
    """A shard that a dataset is to have.

    Attributes:
        name: The name that it will have.
        old: The name of the shard that it is, or is made of; None where its rows come from the folder.
        facts: What is known of `old`.
        dropped: The numbers of the rows that it loses.
        plan: Its rows in the folder; None where `old` has them.
    """

    name: str
    old: str | None = None
    facts: ShardFacts | None = None
    dropped: frozenset[int] = frozenset()
    plan: ShardPlan | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """The shards of rows that a dataset is to have.

    Attributes:
        groups: Config name to what its rows have in common.
        shards: The shards, by config and in row order.
    """

    groups: Mapping[str, str]
    shards: Sequence[DraftShard] = field(default_factory=list)

    @property
    def new(self) -> list[ShardPlan]:
        """The shards to be written from the folder."""
        return [shard.plan for shard in self.shards if shard.plan is not None]

    @property
    def names(self) -> dict[str, str]:
        """Old name to new name, of the shards that the dataset has."""
        return {shard.old: shard.name for shard in self.shards if shard.old is not None}


def draft_of_folder(plan: Plan, reports: Sequence[ShardReport], there: Mapping[str, ShardFacts]) -> Draft:
    """Draft a dataset that is the folder and nothing else.

    Args:
        plan: The folder's rows in shards.
        reports: What was read of each of these.
        there: The shards that the dataset has.
    """
    by_content = {facts.content: name for name, facts in there.items() if facts.content}
    shards = []
    for shard, report in zip(plan.shards, reports, strict=True):
        old = by_content.get(report.content)
        if old is None:
            shards.append(DraftShard(shard.name, plan=shard))
        else:
            shards.append(DraftShard(shard.name, old, there[old]))
    return Draft(plan.groups, shards)


def draft_of_union(
    plan: Plan, there: Mapping[str, ShardFacts], groups: Mapping[str, str], dropped: Collection[Place]
) -> Draft:
    """Draft a dataset that keeps its rows, but for some, and gets those of a folder.

    Shards that lose no row stay as they are; where their number or config has another name then, they are called
    anew, which sends no byte.

    Args:
        plan: The folder's rows that are new or changed, in shards.
        there: The shards that the dataset has.
        groups: Config name to what its rows have in common, as the dataset has them.
        dropped: The rows that go.
    """
    lost: dict[str, set[int]] = defaultdict(set)
    for shard, row in dropped:
        lost[shard].add(row)
    of_group: dict[str, list[DraftShard]] = defaultdict(list)
    for old, facts in there.items():
        if len(lost[old]) < facts.rows:
            kept = DraftShard("", old, facts, dropped=frozenset(lost[old]))
            of_group[groups[config_of(old)]].append(kept)
    for planned in plan.shards:
        of_group[plan.groups[planned.config]].append(DraftShard("", plan=planned))
    names = config_names(of_group)
    shards = []
    for group in sorted(of_group, key=lambda group: names[group]):
        for number, one in enumerate(of_group[group]):
            name = f"{ROWS_FOLDER}/{names[group]}/{shard_name(plan.split, number, len(of_group[group]))}"
            rows = one.plan and replace(one.plan, name=name, config=names[group])
            shards.append(replace(one, name=name, plan=rows))
    return Draft({names[group]: group for group in sorted(of_group)}, shards)
