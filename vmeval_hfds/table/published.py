"""What a branch of a repository holds before a push: its files, its card, its list of files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from vmeval_builders.arrow.arrays import empty_table, text_array
from vmeval_builders.arrow.schema import FILE_COLUMNS, arrow_schema
from vmeval_hfds.errors import HubNotFoundError, HubRevisionError
from vmeval_hfds.hub.repo import HubRepo, RemoteFile
from vmeval_hfds.hub.transfer import fetch
from vmeval_hfds.store.names import CARD_NAME, PREVIEW_NAME, pick_shards
from vmeval_hfds.table.card import check_card_size
from vmeval_hfds.table.facts import ListingFacts, ShardFacts, merge_facts, parse_facts
from vmeval_hfds.table.listed_columns import check_columns, typed
from vmeval_hfds.table.reader import Shard, open_shard

#: A larger picture was not drawn by a push, which takes parts of its own only.
_PICTURE_LIMIT_BYTES = 2**22


@dataclass(frozen=True)
class Published:
    """A branch as it was when it was looked at.

    Attributes:
        repo: The repository.
        exists: Whether there is such a repository.
        commit: The commit of the branch; where the branch is missing, that at which it would begin; None where
            the repository is missing.
        has_branch: Whether the branch exists.
        files: The branch's files by path.
    """

    repo: HubRepo
    exists: bool
    commit: str | None
    has_branch: bool
    files: Mapping[str, RemoteFile]

    @cached_property
    def card(self) -> str | None:
        """The card's text.

        Raises:
            HubError: It cannot be had.
            DatasetError: It is too large.
        """
        if CARD_NAME not in self.files:
            return None
        check_card_size(self.files[CARD_NAME].size_bytes, f"{self.repo.repo_id}: {CARD_NAME}")
        return fetch(self.repo, CARD_NAME, str(self.commit)).read_bytes().decode("utf-8", "replace")

    @cached_property
    def picture(self) -> bytes | None:
        """The card's picture, a PNG.

        Raises:
            HubError: It cannot be had.
        """
        if PREVIEW_NAME not in self.files or self.files[PREVIEW_NAME].size_bytes > _PICTURE_LIMIT_BYTES:
            return None
        return fetch(self.repo, PREVIEW_NAME, str(self.commit)).read_bytes()

    @cached_property
    def index(self) -> ListingFacts | None:
        """What the list of files says of the shards; None where there is none of this version."""
        return merge_facts(
            parse_facts(shard.file.metadata.metadata, shard.name) for shard in self._listings()
        )

    def _listings(self) -> Iterator[Shard]:
        for name in pick_shards(self.files)[1]:
            place = fetch(self.repo, name, str(self.commit))
            with open_shard(place, f"{self.repo.repo_id}: {name}") as shard:
                yield shard

    @cached_property
    def shards(self) -> dict[str, ShardFacts]:
        """The shards of rows that are what the list of files says of them."""
        facts = self.index.shards if self.index else {}
        return {
            name: one
            for name, one in facts.items()
            if name in self.files and self.files[name].sha256 == one.sha256
        }

    def listing(
        self, columns: Sequence[str] = tuple(FILE_COLUMNS), shards: Collection[str] | None = None
    ) -> pa.Table:
        """Read the list of files, by default the whole of it, contents too.

        Args:
            columns: The columns to read.
            shards: The shards whose files are meant; None for all files.

        Raises:
            DatasetError: It is damaged, or not of this version.
            HubError: It cannot be had.
        """
        chosen = list(columns)
        tables = [empty_table(arrow_schema(FILE_COLUMNS)).select(chosen)]
        wanted = None if shards is None else text_array(sorted(shards))
        for shard in self._listings():
            check_columns(shard, FILE_COLUMNS)
            for group in shard.row_groups():
                table = typed(shard, group.read(chosen)).select(chosen)
                tables.append(
                    table if wanted is None else table.filter(pc.is_in(table["shard"], value_set=wanted))
                )
        return pa.concat_tables(tables)


def look_at(repo: HubRepo, revision: str) -> Published:
    """Take down what is on a branch.

    Raises:
        HubError: The Hub failed or refused.
    """
    try:
        commit, files = repo.look(revision)
    except HubRevisionError:
        return Published(repo, exists=True, commit=repo.head(), has_branch=False, files={})
    except HubNotFoundError:
        return Published(repo, exists=False, commit=None, has_branch=False, files={})
    return Published(repo, exists=True, commit=commit, has_branch=True, files=files)
