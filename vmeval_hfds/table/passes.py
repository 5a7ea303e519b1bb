"""Which shards are made by one job: small ones together, and all that come from one compressed archive."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from vmeval_builders.sources.passes import pass_of_units
from vmeval_builders.sources.source import ANYWHERE, Source
from vmeval_hfds.table.plan import ShardPlan, batches


def shards_of_jobs(source: Source, shards: Sequence[ShardPlan]) -> list[tuple[ShardPlan, ...]]:
    """Gather shards into jobs.

    A compressed archive of several is decompressed from its start by every worker that reads from it, so its shards
    are one job's, whatever their configs are. Where rows of a config go on from one archive into the next, the shard
    between is the first one's, and so reads the start of the second too.

    Args:
        source: Holds the rows' files.
        shards: The shards, in their order.

    Returns:
        The jobs' shards; those of one archive are not always neighbours, so that the order may be another.
    """
    passes: dict[int, list[ShardPlan]] = defaultdict(list)
    for shard in shards:
        passes[pass_of_units(source, shard.units)].append(shard)
    anywhere = passes.pop(ANYWHERE, [])
    return [*map(tuple, passes.values()), *batches(anywhere)]
