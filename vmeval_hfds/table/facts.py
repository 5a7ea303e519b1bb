"""What a shard of `files` says, in its Parquet metadata, of the shards of rows that its files lie in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from vmeval_builders.arrow.schema import SCHEMA_VERSION
from vmeval_hfds.errors import DatasetError

#: The key under which the facts stand in a Parquet file's metadata.
METADATA_KEY = "vmeval_hfds"


@dataclass(frozen=True, slots=True)
class ShardFacts:
    """A shard of rows, as it was written.

    Attributes:
        sha256: Its hash, hexadecimal: whoever has another replaced it.
        size_bytes: Its size.
        rows: How many rows it has.
        table_bytes: The size of its rows in Arrow's memory (`dataset_info` calls it num_bytes).
        source_bytes: The size of the files that its rows hold.
        content: A hash over its rows' paths and files: shards in which it is the same have the same rows. Empty where
            it is not known.
        bare: Path to number of the rows that hold no file, so that no listed file says where they are.
    """

    sha256: str
    size_bytes: int
    rows: int
    table_bytes: int
    source_bytes: int
    content: str = ""
    bare: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ListingFacts:
    """What shards of `files` say of what they list.

    Attributes:
        builder: The name of the layout that describes the rows.
        groups: Config to the value by which its rows were put together, such as the domain.
        shards: Shards of rows by their names in the dataset.
    """

    builder: str
    groups: Mapping[str, str] = field(default_factory=dict)
    shards: Mapping[str, ShardFacts] = field(default_factory=dict)

    def only(self, shards: Iterable[str], configs: Iterable[str]) -> ListingFacts:
        """Keep what concerns some shards and configs: a shard of `files` speaks of those that it refers to."""
        named, wanted = set(shards), set(configs)
        return replace(
            self,
            groups={config: value for config, value in self.groups.items() if config in wanted},
            shards={name: facts for name, facts in self.shards.items() if name in named},
        )

    def to_json(self) -> str:
        """Spell the facts as they stand in a Parquet file's metadata; `parse_facts` reads them."""
        shards = {
            name: {
                "sha256": facts.sha256,
                "size": facts.size_bytes,
                "rows": facts.rows,
                "table_bytes": facts.table_bytes,
                "source_bytes": facts.source_bytes,
                "content": facts.content,
                **({"bare": dict(facts.bare)} if facts.bare else {}),
            }
            for name, facts in sorted(self.shards.items())
        }
        groups = dict(sorted(self.groups.items()))
        stated = {"version": SCHEMA_VERSION, "builder": self.builder, "groups": groups, "shards": shards}
        return json.dumps(stated, ensure_ascii=False)


def parse_facts(metadata: Mapping[bytes, bytes] | None, name: str) -> ListingFacts | None:
    """Read the facts from a Parquet file's metadata.

    Args:
        metadata: The file's metadata.
        name: What to call the file in messages.

    Returns:
        The facts; None where the file has none, or is of another version: then rows must be looked for.

    Raises:
        DatasetError: They are not what this version writes.
    """
    text = (metadata or {}).get(METADATA_KEY.encode())
    if text is None:
        return None
    try:
        stated = json.loads(text)
        if stated["version"] != SCHEMA_VERSION:
            return None
        shards = {str(shard): _shard_facts(facts) for shard, facts in stated["shards"].items()}
        groups = {str(config): str(value) for config, value in stated["groups"].items()}
        return ListingFacts(str(stated["builder"]), groups, shards)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DatasetError(
            f"{name}: its metadata {METADATA_KEY!r} is damaged ({error!r}); fetch or build it again"
        ) from error


def _shard_facts(stated: Mapping[str, Any]) -> ShardFacts:
    size, rows, table, source = (
        int(str(stated[key])) for key in ("size", "rows", "table_bytes", "source_bytes")
    )
    bare = {str(path): int(number) for path, number in stated.get("bare", {}).items()}
    return ShardFacts(str(stated["sha256"]), size, rows, table, source, str(stated.get("content", "")), bare)


def merge_facts(parts: Iterable[ListingFacts | None]) -> ListingFacts | None:
    """Put together what several shards of `files` say; None where one says nothing, or there are none."""
    whole: ListingFacts | None = None
    for part in parts:
        if part is None:
            return None
        groups, shards = (dict(whole.groups), dict(whole.shards)) if whole else ({}, {})
        whole = ListingFacts(part.builder, groups | dict(part.groups), shards | dict(part.shards))
    return whole
