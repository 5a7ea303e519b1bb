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
        The jobs' shards, those with most to read first, so that workers end at about the same time; where there is
        one worker only, in the order in which they are read fastest.
    """
    passes: dict[int, list[ShardPlan]] = defaultdict(list)
    for shard in shards:
        passes[pass_of_units(source, shard.units)].append(shard)
    anywhere = passes.pop(ANYWHERE, [])
    jobs = [*map(tuple, passes.values()), *batches(anywhere)]
    return sorted(jobs, key=_bytes_of, reverse=True) if source.splits else jobs


def _bytes_of(shards: Sequence[ShardPlan]) -> int:
    return sum(shard.source_bytes for shard in shards)
