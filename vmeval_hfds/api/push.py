"""Publish a folder as a dataset on the Hub, so that readers see all of a push or nothing of it.

`push_to_hub` makes several commits. They go to a scratch branch; what lies there is checked; then one commit
brings it to the branch that people read, on top of the commit that was there when the push began.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vmeval_builders.checks import Allowed
from vmeval_builders.choice import Choice
from vmeval_builders.problems import Problem
from vmeval_builders.scan import scan_rows
from vmeval_hfds.api.build import Tables, check_split, refuse_names, write_tables
from vmeval_hfds.engine.pool import Progress
from vmeval_hfds.errors import DatasetError, HubConflictError, HubError, TargetExistsError
from vmeval_hfds.hub.card import dataset_rows
from vmeval_hfds.hub.commit import (
    added,
    copied,
    deleted,
    make_commit,
    push_shards,
    scratch_branch,
    stale_scratch_branches,
)
from vmeval_hfds.hub.repo import HubRepo, RemoteFile
from vmeval_hfds.hub.token import DEFAULT_TOKEN_ENV
from vmeval_hfds.hub.transfer import fetch
from vmeval_hfds.store.directory import PREVIEW_NAME, DatasetFiles, is_shard_name, open_dataset_dir
from vmeval_hfds.store.repository import files_of_repo
from vmeval_hfds.table.card import (
    CARD_NAME,
    DEFAULT_CONFIG,
    CardFacts,
    ConfigFacts,
    render_card,
)
from vmeval_hfds.table.foreign import foreign_content
from vmeval_hfds.table.listing import read_whole_listing
from vmeval_hfds.table.shards import ROW_GROUP_BYTES, open_shard

if TYPE_CHECKING:
    from vmeval_hfds.hub.commit import Operation


@dataclass(frozen=True, slots=True)
class PushResult:
    """What a push did.

    Attributes:
        repo_id: The repository.
        revision: The branch.
        commit: The commit that readers see now.
        changed: Whether it is a new one.
        tag: The tag that was made, if any.
        builder: The builder that describes the folder.
        builder_found: Whether that was found out, not named.
        rows: How many rows it holds.
        configs: What rows are sorted by (for questions, the domain) to number of rows.
        problems: The folder's problems that did not stand in the way.
        left_out: Files and empty folders of the folder that were not published; folders end in ``/``.
    """

    repo_id: str
    revision: str
    commit: str
    changed: bool
    tag: str | None
    builder: str
    builder_found: bool
    rows: int
    configs: dict[str, int]
    problems: list[Problem] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PushPlan:
    """What a push would do.

    Attributes:
        repo_id: The repository.
        creates_repo: Whether the repository is missing.
        builder: The builder that describes the folder.
        builder_found: Whether that was found out, not named.
        rows: How many rows would be published.
        configs: What rows are sorted by (for questions, the domain) to number of rows.
        files: How many files they have.
        source_bytes: The size of these files, which is at most what would be sent.
        shards: How many Parquet files they become.
        commits: How many commits readers see: one.
        requests: About how many requests it would take.
        problems: The folder's problems that would not stand in the way.
        left_out: Files and empty folders of the folder that would not be published; folders end in ``/``.
    """

    repo_id: str
    creates_repo: bool
    builder: str
    builder_found: bool
    rows: int
    configs: dict[str, int]
    files: int
    source_bytes: int
    shards: int
    commits: int
    requests: int
    problems: list[Problem] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Remote:
    """The branch as it was when the push began."""

    commit: str | None
    branch_exists: bool
    files: Mapping[str, RemoteFile]
    card: str | None


def push(
    folder: str | os.PathLike[str],
    repo_id: str,
    *,
    builder: str | None = None,
    private: bool = False,
    commit_message: str | None = None,
    revision: str = "main",
    tag: str | None = None,
    split: str = "test",
    num_proc: int | None = None,
    keep_incomplete: bool = False,
    license_name: str | None = None,
    pretty_name: str | None = None,
    force: bool = False,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    allow_secrets: bool = False,
    token_env: str = DEFAULT_TOKEN_ENV,
    progress: Progress | None = None,
) -> PushResult:
    """Publish a folder, so that ``load_dataset(repo_id)`` works for others.

    Killed or failing at any point, the branch is as before, and a second run succeeds.

    Args:
        folder: The folder that holds the ``*_task`` folders; or a tar archive of it, which is not unpacked.
        repo_id: ``user/name``; made where it is missing.
        builder: The name of the builder that describes the folder; None finds it out.
        private: Make it private; refused where it exists and is public.
        commit_message: The commit's title.
        revision: The branch; made where it is missing.
        tag: A tag for the new commit.
        split: The split that every config gets.
        num_proc: How many processes read the folder; None chooses.
        keep_incomplete: Take in tasks without first frame or prompt, as nulls.
        license_name: The card's ``license``, such as ``"mit"``.
        pretty_name: The card's ``pretty_name``.
        force: Go on where the repository holds something else; only files with the names of shards are replaced.
        include: Globs of what is published; ``*`` stands for any characters, ``/`` too. By default all.
        exclude: Globs of what is not. What only tools leave behind, such as ``.git``, never is.
        allow_secrets: Publish ``.env`` files and files with a Hugging Face token in them.
        token_env: The environment variable that holds the token.
        progress: Called with rows read and rows in all.

    Raises:
        FolderError: The folder has errors; it carries all problems. Nothing was sent.
        LayoutNameError: There is no such builder.
        AmbiguousFolderError: Several builders know the layout, and none was named.
        ArchiveError: The archive is damaged or cut short.
        TargetExistsError: The repository holds something else, or the tag is there. Nothing was sent.
        HubConflictError: Somebody else changed the branch meanwhile; nothing of this push is to be seen.
        HubError: The Hub failed for good, likewise.
    """
    check_split(split)
    scan = scan_rows(folder, builder, Choice(include, exclude))
    allowed = Allowed(keep_incomplete, allow_secrets)
    refuse_names(scan, allowed)
    repo = HubRepo(repo_id, token_env=token_env)
    remote = _look_at(repo, scan.layout.name, revision, tag, force)
    with tempfile.TemporaryDirectory(prefix="vmeval-hfds-push-") as folder_name:
        local = Path(folder_name)
        tables = write_tables(scan, local, split=split, num_proc=num_proc, allowed=allowed, progress=progress)
        repo.create(private)
        base = remote.commit or repo.head()
        with _scratch(repo, base) as scratch:
            shards = _push_tables(repo, scratch, tables, local)
            commit_on_scratch = repo.head(scratch)
            _check_scratch(repo, commit_on_scratch, shards, tables, open_dataset_dir(local))
            stated = _stated_keys(license_name, pretty_name)
            own_files = _own_files(repo_id, tables, shards, remote.card, stated)
            message = commit_message or f"Publish {len(scan.units)} {scan.layout.noun}s"
            commit = _publish(repo, remote, base, revision, commit_on_scratch, shards, own_files, message)
    if tag:
        repo.create_tag(tag, commit)
    return PushResult(
        repo_id=repo_id,
        revision=revision,
        commit=commit,
        changed=commit != remote.commit,
        tag=tag,
        builder=scan.layout.name,
        builder_found=scan.layout_found,
        rows=len(scan.units),
        configs=tables.facts.rows_by_group,
        problems=tables.problems,
        left_out=scan.left_out,
    )


def plan_push(
    folder: str | os.PathLike[str],
    repo_id: str,
    *,
    builder: str | None = None,
    revision: str = "main",
    tag: str | None = None,
    split: str = "test",
    num_proc: int | None = None,
    keep_incomplete: bool = False,
    force: bool = False,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    allow_secrets: bool = False,
    token_env: str = DEFAULT_TOKEN_ENV,
) -> PushPlan:
    """Do all that `push` does before it sends anything, and say what it would do.

    Raises:
        FolderError: The folder has errors; it carries all problems.
        TargetExistsError: The repository holds something else, or the tag is there.
        HubError: The Hub failed.
    """
    check_split(split)
    scan = scan_rows(folder, builder, Choice(include, exclude))
    allowed = Allowed(keep_incomplete, allow_secrets)
    refuse_names(scan, allowed)
    remote = _look_at(HubRepo(repo_id, token_env=token_env), scan.layout.name, revision, tag, force)
    with tempfile.TemporaryDirectory(prefix="vmeval-hfds-push-") as folder_name:
        tables = write_tables(scan, Path(folder_name), split=split, num_proc=num_proc, allowed=allowed)
        shards = len(list(Path(folder_name).rglob("*.parquet")))
    return PushPlan(
        repo_id=repo_id,
        creates_repo=remote.commit is None,
        builder=scan.layout.name,
        builder_found=scan.layout_found,
        rows=len(scan.units),
        configs=tables.facts.rows_by_group,
        files=len(scan.files),
        source_bytes=sum(entry.size_bytes for entry in scan.files),
        shards=shards,
        commits=1,
        requests=_requests(len(tables.facts.configs) - 1, shards, remote.commit is None),
        problems=tables.problems,
        left_out=scan.left_out,
    )


def _requests(pushed_configs: int, shards: int, creates_repo: bool) -> int:
    """About how many requests a push takes; measured on the tests' Hub."""
    return 30 + 12 * pushed_configs + 8 * shards + (2 if creates_repo else 0)


def _look_at(repo: HubRepo, builder: str, revision: str, tag: str | None, force: bool) -> _Remote:
    """Take down what is on the Hub, and refuse what must not be replaced."""
    if not repo.exists():
        return _Remote(None, False, {}, None)
    if tag and tag in repo.tags():
        raise TargetExistsError(
            f"{repo.repo_id}: has a tag {tag} already; choose another, or delete it on the Hub"
        )
    branches = repo.branches()
    commit = branches.get(revision)
    if commit is None:
        return _Remote(repo.head(), False, {}, None)
    files = repo.files(commit)
    card = fetch(repo, CARD_NAME, commit).read_bytes().decode() if CARD_NAME in files else None
    foreign = foreign_content(files, card, builder)
    if foreign and not force:
        raise TargetExistsError(
            f"{repo.repo_id}: holds something else ({foreign}); choose another repository, or go on with --force"
        )
    return _Remote(commit, True, files, card)


@contextmanager
def _scratch(repo: HubRepo, base: str) -> Iterator[str]:
    """Have a branch without data, for the time of a push."""
    for stale in stale_scratch_branches(list(repo.branches()), time.time()):
        _drop(repo, stale)
    name = scratch_branch()
    try:
        repo.create_branch(name, base)
        _empty(repo, name, base)
        yield name
    finally:
        _drop(repo, name)


def _drop(repo: HubRepo, scratch: str) -> None:
    """Remove a scratch branch; one that stays does no harm, and a push of another day removes it."""
    with suppress(HubError):
        repo.delete_branch(scratch)


def _empty(repo: HubRepo, branch: str, base: str) -> None:
    """Delete all data from a branch, so that `push_to_hub` meets no card and no shard of before."""
    paths = [path for path in repo.files(base) if path == CARD_NAME or is_shard_name(path)]
    if paths:
        make_commit(repo, lambda: [deleted(path) for path in paths], "Begin a push", branch, base)


def _push_tables(repo: HubRepo, scratch: str, tables: Tables, local: Path) -> dict[str, RemoteFile]:
    """Publish every config on the scratch branch; give the shards that lie there then."""
    for config in tables.facts.configs:
        if config.name != DEFAULT_CONFIG:
            data_dir = config.pattern.rpartition("/")[0]
            shards = sorted((local / data_dir).glob("*.parquet"))
            push_shards(
                repo,
                shards,
                tables.facts.split,
                config.name,
                data_dir,
                scratch,
                local / "cache",
                ROW_GROUP_BYTES,
            )
    return {path: one for path, one in repo.files(scratch).items() if is_shard_name(path)}


def _check_scratch(
    repo: HubRepo, commit: str, shards: Mapping[str, RemoteFile], tables: Tables, local: DatasetFiles
) -> None:
    """Make sure that what lies on the scratch branch is what was read from the folder.

    Raises:
        DatasetError: It is not.
    """
    remote = files_of_repo(repo, commit, list(shards))
    card = fetch(repo, CARD_NAME, commit).read_bytes().decode()
    stated = dataset_rows(card)
    for config in tables.facts.configs:
        if config.name == DEFAULT_CONFIG:
            continue
        folder = config.pattern.rpartition("/")[0]
        found = sum(_rows(remote, path) for path in shards if path.rpartition("/")[0] == folder)
        if not found == stated.get(config.name) == config.rows:
            raise DatasetError(
                f"{repo.repo_id}: config {config.name} has {found} rows and its card says "
                f"{stated.get(config.name)}, expected {config.rows}; nothing was published, run again"
            )
    if read_whole_listing(remote) != read_whole_listing(local):
        raise DatasetError(
            f"{repo.repo_id}: the list of files came out different; nothing was published, run again"
        )


def _rows(remote: DatasetFiles, path: str) -> int:
    with open_shard(remote.peek(path)) as shard:
        return int(shard.metadata.num_rows)


def _with_download_sizes(facts: CardFacts, shards: Mapping[str, RemoteFile]) -> CardFacts:
    """State the sizes that the shards have on the Hub."""

    def measured(config: ConfigFacts) -> ConfigFacts:
        folder = config.pattern.rpartition("/")[0].removesuffix("*")
        sizes = [one.size_bytes for path, one in shards.items() if path.startswith(folder)]
        return replace(config, download_bytes=sum(sizes))

    return replace(facts, configs=[measured(config) for config in facts.configs])


def _own_files(
    repo_id: str,
    tables: Tables,
    shards: Mapping[str, RemoteFile],
    card: str | None,
    stated: Mapping[str, str],
) -> dict[str, bytes]:
    """Make the files that stand beside the shards: the card, on top of the one that is there, and its picture."""
    facts = replace(_with_download_sizes(tables.facts, shards), address=repo_id)
    files = {CARD_NAME: render_card(facts, card, stated).encode()}
    if tables.preview:
        files[PREVIEW_NAME] = tables.preview
    return files


def _stated_keys(license_name: str | None, pretty_name: str | None) -> dict[str, str]:
    stated = {"license": license_name, "pretty_name": pretty_name}
    return {key: json.dumps(value, ensure_ascii=False) for key, value in stated.items() if value}


def _publish(
    repo: HubRepo,
    remote: _Remote,
    base: str,
    revision: str,
    scratch_commit: str,
    shards: Mapping[str, RemoteFile],
    own_files: Mapping[str, bytes],
    message: str,
) -> str:
    """Bring the checked shards and the card to the branch in one commit; give the commit that it is at then."""

    def operations() -> list[Operation]:
        return _operations(remote, scratch_commit, shards, own_files)

    if remote.commit is not None and remote.branch_exists and not operations():
        return remote.commit
    if remote.branch_exists or revision in repo.branches():
        return make_commit(repo, operations, message, revision, base)
    # A branch that is missing appears with the push in it, never before.
    staging = scratch_branch()
    repo.create_branch(staging, base)
    try:
        commit = make_commit(repo, operations, message, staging, base)
        repo.create_branch(revision, commit)
    finally:
        _drop(repo, staging)
    if repo.head(revision) != commit:
        raise HubConflictError(f"{repo.repo_id}: somebody made the branch {revision} meanwhile; run again")
    return commit


def _operations(
    remote: _Remote,
    scratch_commit: str,
    shards: Mapping[str, RemoteFile],
    own_files: Mapping[str, bytes],
) -> list[Operation]:
    operations: list[Operation] = []
    for path, shard in shards.items():
        present = remote.files.get(path)
        if present is None or (present.sha256, present.git_sha1) != (shard.sha256, shard.git_sha1):
            operations.append(copied(path, scratch_commit))
    gone = [path for path in remote.files if is_shard_name(path) and path not in shards]
    operations += [deleted(path) for path in gone]
    for path, content in own_files.items():
        if not _is_there(remote.files.get(path), content):
            operations.append(added(path, content))
    return operations


def _is_there(file: RemoteFile | None, content: bytes) -> bool:
    """Whether a repository's file has these bytes, by the hash that the Hub states."""
    if file is None:
        return False
    if file.sha256 is not None:
        return file.sha256 == hashlib.sha256(content).hexdigest()
    # https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
    blob = b"blob %d\0" % len(content) + content
    return file.git_sha1 == hashlib.sha1(blob, usedforsecurity=False).hexdigest()
