"""Publish a folder as a dataset on the Hub, so that readers see all of a push or nothing of it.

A folder is read and checked before the first byte is sent. Shards are sent as they are written; nobody sees them
before the one commit that names them all, made on top of the commit that was there when the push began.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from vmeval_builders.checks import Allowed, other_file_problems
from vmeval_builders.choice import ALL_BUT_TOOLS, Choice
from vmeval_builders.problems import Problem
from vmeval_builders.scan import Scan, refuse_changes, scan_rows
from vmeval_hfds.engine.pool import Engine, Progress
from vmeval_hfds.errors import FolderError, HubConflictError, RemovalError, TargetExistsError
from vmeval_hfds.folder.read_back import read_back_listing
from vmeval_hfds.gallery.preview import preview_of
from vmeval_hfds.hub.address import repo_and_revision
from vmeval_hfds.hub.commit import changed_operations, make_commit, publish_branch
from vmeval_hfds.hub.limits import limit_problems
from vmeval_hfds.hub.repo import HubRepo
from vmeval_hfds.hub.token import DEFAULT_TOKEN_ENV
from vmeval_hfds.store.names import CARD_NAME, PREVIEW_NAME, ROWS_FOLDER
from vmeval_hfds.store.repository_store import RepositoryStore, new_shards
from vmeval_hfds.table.card import CardFacts, render_card
from vmeval_hfds.table.foreign import foreign_content
from vmeval_hfds.table.merge import RowChanges
from vmeval_hfds.table.next_version import NextVersion, draft_version, write_version
from vmeval_hfds.table.plan import Plan, plan_shards
from vmeval_hfds.table.published import Published, look_at
from vmeval_hfds.table.shards import ShardReport, read_shards
from vmeval_hfds.table.tables import TableOptions, refuse_contents, refuse_names, run_shards

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from vmeval_hfds.hub.commit import Operation

#: How often a push that adds rows is put on top of what others pushed meanwhile.
_MERGES = 20
#: A push that removes more of a dataset's rows than this must be told to.
_REMOVED_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class PushResult:
    """What a push did.

    Attributes:
        repo_id: The repository.
        revision: The branch.
        commit: The commit that readers see now; where a pull request was made, the one that it is on top of.
        changed: Whether something was published.
        pull_request: The address of the pull request, where one was made.
        url: The address of the dataset's page.
        tag: The tag that was made, if any.
        builder: The builder that describes the folder.
        builder_found: Whether that was found out, not named.
        rows: How many rows the folder has.
        configs: Config's value (for questions, the domain) to number of rows, of all that is published.
        changes: Rows added, changed, removed and unchanged, by config.
        sent_bytes: The size of the shards that were sent.
        problems: The folder's problems that did not stand in the way.
        left_out: Files and empty folders that were not meant; folders end in ``/``.
        top_folder: The archive's one top folder, where it was looked through.
        decoded: Whether every frame was decoded, not only its header read.
    """

    repo_id: str
    revision: str
    commit: str
    changed: bool
    pull_request: str | None
    url: str
    tag: str | None
    builder: str
    builder_found: bool
    rows: int
    configs: dict[str, int]
    changes: RowChanges
    sent_bytes: int
    problems: list[Problem] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    top_folder: str = ""
    decoded: bool = True


@dataclass(frozen=True, slots=True)
class PushPlan:
    """What a push would do.

    Attributes:
        repo_id: The repository.
        creates_repo: Whether the repository is missing.
        builder: The builder that describes the folder.
        builder_found: Whether that was found out, not named.
        rows: How many rows the folder has.
        files: How many files they have.
        changes: Rows added, changed, removed and unchanged, by config, compared with the branch.
        shards: How many shards of rows the dataset would have.
        new_shards: How many of them would be sent.
        new_bytes: The size of the files that these hold.
        commits: How many commits would be made: one, or none where nothing changes.
        problems: The folder's problems that would not stand in the way.
        left_out: Files and empty folders that were not meant; folders end in ``/``.
        top_folder: The archive's one top folder, where it was looked through.
        decoded: Whether every frame was decoded, not only its header read.
    """

    repo_id: str
    creates_repo: bool
    builder: str
    builder_found: bool
    rows: int
    files: int
    changes: RowChanges
    shards: int
    new_shards: int
    new_bytes: int
    commits: int
    problems: list[Problem] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    top_folder: str = ""
    decoded: bool = True


@dataclass(frozen=True, slots=True)
class _Options:
    """How a push is done; see `push_to_hub`."""

    tables: TableOptions
    choice: Choice = ALL_BUT_TOOLS
    builder: str | None = None
    private: bool = False
    commit_message: str | None = None
    commit_description: str = ""
    revision: str = "main"
    tag: str | None = None
    license_name: str | None = None
    pretty_name: str | None = None
    add: bool = False
    remove: tuple[str, ...] = ()
    allow_removals: bool = False
    create_pr: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder that was read and may be published."""

    scan: Scan
    plan: Plan
    reports: Sequence[ShardReport]
    problems: list[Problem]

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(report.rows for report in self.reports)


def push_to_hub(
    folder: str | os.PathLike[str] | Scan,
    repo_id: str,
    *,
    builder: str | None = None,
    private: bool = False,
    commit_message: str | None = None,
    commit_description: str | None = None,
    revision: str = "main",
    tag: str | None = None,
    create_pr: bool = False,
    split: str = "test",
    num_proc: int | None = None,
    executor: Executor | None = None,
    keep_incomplete: bool = False,
    license_name: str | None = None,
    pretty_name: str | None = None,
    add: bool = False,
    remove: Sequence[str] = (),
    allow_removals: bool = False,
    force: bool = False,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    keep_top_folder: bool = False,
    allow_secrets: bool = False,
    decode: bool = True,
    token: str | None = None,
    token_env: str = DEFAULT_TOKEN_ENV,
    wait: bool = True,
    progress: Progress | None = None,
    sending: Progress | None = None,
) -> PushResult:
    """Publish a folder, so that ``load_dataset(repo_id)`` works for others.

    Killed or failing at any point, the branch is as before, and a second run sends no byte again that the Hub has.

    Args:
        folder: The folder that holds the ``*_task`` folders; or a tar archive of it, which is not unpacked.
        repo_id: ``user/name``, or an address of the dataset, which may name the branch; made where it is missing.
        builder: The name of the builder that describes the folder; None finds it out.
        private: Make it private; refused where it exists and is public.
        commit_message: The commit's title.
        commit_description: What stands below the title.
        revision: The branch; made where it is missing.
        tag: A tag for the new commit.
        create_pr: Make a pull request instead, for those who may not write.
        split: The split that every config gets.
        num_proc: How many processes read the folder; None chooses.
        executor: Does the work in place of processes of this machine: any `concurrent.futures.Executor`, such as
            Dask's. Its workers need the folder at the same path.
        keep_incomplete: Take in tasks without first frame or prompt, as nulls, and manifest entries without a folder.
        license_name: The card's ``license``, such as ``"mit"``.
        pretty_name: The card's ``pretty_name``.
        add: Keep the repository's other rows; the folder's are added, and replace those with the same path.
        remove: Patterns of paths of rows that go in the same commit; ``*`` stands for any characters, ``/`` too.
        allow_removals: Let a push remove whole configs, or more than a tenth of the rows.
        force: Go on where the repository holds something else; with `add`, take the folder's files where both have
            a file outside of rows with different bytes.
        include: Globs of what is published; ``*`` stands for any characters, ``/`` too. By default all.
        exclude: Globs of what is not. What only tools leave behind, such as ``.git``, never is.
        keep_top_folder: Keep the one top folder of an archive, such as ``questions/``, as a part of paths; else it
            is looked through, as if the folder itself had been given.
        allow_secrets: Publish ``.env`` files and files with a Hugging Face token in them.
        decode: Decode every frame, as `check_folder` does; else damage behind its header is not found.
        token: The token; by default the one that `token_env` names, or that ``hf auth login`` keeps.
        token_env: The environment variable that holds the token.
        wait: Wait where the Hub's rate limit is reached, if that is less than ten minutes; else an error says at once
            how long it is.
        progress: Called with rows read and rows in all.
        sending: Called with bytes sent and bytes to send.

    Raises:
        FolderError: The folder has errors; it carries all problems. Nothing was sent.
        UnsafePathError: No export could read what was made of the folder. Nothing is to be seen.
        AddressError: The repo id is none, or the address of something else.
        HubAccessError: There is no token, or it may not write there. Nothing was sent.
        RemovalError: It would remove many rows, and `allow_removals` is off. Nothing was sent.
        LayoutNameError: There is no such builder.
        AmbiguousFolderError: Several builders know the layout, and none was named.
        ArchiveError: The archive is damaged or cut short.
        TargetExistsError: The repository holds something else, or the tag is there. Nothing was sent.
        HubRateLimitError: The Hub allows no more requests for ten minutes or longer; or for any time, without `wait`.
        HubConflictError: Somebody else changed the branch meanwhile; nothing of this push is to be seen.
        HubError: The Hub failed for good, likewise, unless the message says that this is not known.
    """
    repo_id, revision = repo_and_revision(repo_id, revision=revision)
    options = _Options(
        tables=TableOptions(
            split, Engine(num_proc, executor), Allowed(keep_incomplete, allow_secrets), decode, progress
        ),
        choice=Choice(include, exclude, keeps_top_folder=keep_top_folder),
        builder=builder,
        private=private,
        commit_message=commit_message,
        commit_description=commit_description or "",
        revision=revision,
        tag=tag,
        license_name=license_name,
        pretty_name=pretty_name,
        add=add,
        remove=tuple(remove),
        allow_removals=allow_removals,
        create_pr=create_pr,
        force=force,
    )
    repo = HubRepo(repo_id, token_env=token_env, token=token, wait=wait)
    repo.require_token()
    read = _read(folder, options)
    with new_shards(repo, create_pr=create_pr, sends_there=executor is not None) as store:
        for last in [False] * (_MERGES - 1) + [True]:
            try:
                return _publish(repo, read, options, store, sending)
            except HubConflictError:
                if last or not add:
                    raise
    raise AssertionError("the last try either returns or raises")


def plan_push(
    folder: str | os.PathLike[str] | Scan,
    repo_id: str,
    *,
    builder: str | None = None,
    revision: str = "main",
    tag: str | None = None,
    split: str = "test",
    num_proc: int | None = None,
    executor: Executor | None = None,
    keep_incomplete: bool = False,
    add: bool = False,
    remove: Sequence[str] = (),
    allow_removals: bool = False,
    force: bool = False,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    keep_top_folder: bool = False,
    allow_secrets: bool = False,
    decode: bool = True,
    token: str | None = None,
    token_env: str = DEFAULT_TOKEN_ENV,
    wait: bool = True,
    progress: Progress | None = None,
) -> PushPlan:
    """Do all that `push_to_hub` does before it sends anything, and say what it would do.

    Takes the arguments of `push_to_hub`. Removals are counted, and not refused.

    Raises:
        FolderError: The folder has errors; it carries all problems.
        TargetExistsError: The repository holds something else, or the tag is there.
        HubError: The Hub failed.
    """
    repo_id, revision = repo_and_revision(repo_id, revision=revision)
    options = _Options(
        tables=TableOptions(
            split, Engine(num_proc, executor), Allowed(keep_incomplete, allow_secrets), decode, progress
        ),
        choice=Choice(include, exclude, keeps_top_folder=keep_top_folder),
        builder=builder,
        revision=revision,
        tag=tag,
        add=add,
        remove=tuple(remove),
        allow_removals=True,
        force=force,
    )
    repo = HubRepo(repo_id, token_env=token_env, token=token, wait=wait)
    read = _read(folder, options)
    published = _look(repo, read, options)
    version = _draft(published, read, options)
    new = version.draft.new
    changes = version.changes
    is_changed = bool(new or changes.added or changes.changed or changes.removed) or not published.index
    return PushPlan(
        repo_id=repo_id,
        creates_repo=not published.exists,
        builder=read.scan.layout.name,
        builder_found=read.scan.layout_found,
        rows=read.rows,
        files=len(read.scan.files),
        changes=changes,
        shards=len(version.draft.shards),
        new_shards=len(new),
        new_bytes=sum(shard.source_bytes for shard in new),
        commits=int(is_changed),
        problems=read.problems,
        left_out=read.scan.left_out,
        top_folder=read.scan.top_folder,
        decoded=decode,
    )


def _read(folder: str | os.PathLike[str] | Scan, options: _Options) -> _Folder:
    """Read and check the whole folder, before anything is asked of the Hub."""
    options.tables.check()
    scan = folder if isinstance(folder, Scan) else scan_rows(folder, options.builder, options.choice)
    options.tables.engine.require(scan.root)
    refuse_names(scan, options.tables)
    plan = plan_shards(scan, options.tables.split)
    reports = run_shards(read_shards, scan, plan.shards, None, options.tables)
    problems = refuse_contents(scan, reports, other_file_problems(scan), options.tables.allowed)
    refuse_changes(scan)
    return _Folder(scan, plan, reports, problems)


def _look(repo: HubRepo, read: _Folder, options: _Options) -> Published:
    """Take down what is on the Hub, and refuse what must not be replaced."""
    published = look_at(repo, options.revision)
    if options.private and published.exists and not repo.info().private:
        raise HubConflictError(
            f"{repo.repo_id}: is public, and --private was asked for; make it private on the Hub first"
        )
    if options.tag and published.exists and options.tag in repo.tags():
        raise TargetExistsError(
            f"{repo.repo_id}: has a tag {options.tag} already; choose another, or delete it on the Hub"
        )
    foreign = foreign_content(published.files, published.card, read.scan.layout.name)
    if foreign and not options.force:
        raise TargetExistsError(
            f"{repo.repo_id}: holds something else ({foreign}); choose another repository, or go on with --force"
        )
    return published


def _draft(published: Published, read: _Folder, options: _Options) -> NextVersion:
    remove = options.remove if options.add or options.remove else None
    version = draft_version(published, read.scan.layout, read.plan, read.reports, remove)
    if not options.allow_removals:
        _refuse_removals(published.repo.repo_id, version.changes, options)
    _refuse_beyond_limits(published, version, read)
    return version


def _refuse_beyond_limits(published: Published, version: NextVersion, read: _Folder) -> None:
    """Refuse a push that the Hub would not take, before anything is sent."""
    shards = {shard.name for shard in version.draft.shards}
    others = {path for path in published.files if not path.startswith(f"{ROWS_FOLDER}/")}
    new = {shard.name: shard.source_bytes for shard in version.draft.new}
    problems = list(limit_problems(published.files, shards | others | {CARD_NAME}, new, new.keys()))
    if problems:
        raise FolderError(
            f"{read.scan.root}: cannot be published, and nothing was sent. {problems[0].message}", problems
        )


def _refuse_removals(repo_id: str, changes: RowChanges, options: _Options) -> None:
    """Refuse a push that would remove much of a dataset, which nobody may have meant."""
    lost, share = changes.lost_configs(), changes.removed_share
    if options.remove or not (lost or share > _REMOVED_SHARE):
        return
    removed = sum(changes.removed.values())
    configs = f", all rows of {', '.join(lost[:5])}{', …' if len(lost) > 5 else ''}" if lost else ""
    raise RemovalError(
        f"{repo_id}: this push would remove {removed:,} {'row' if removed == 1 else 'rows'} ({share:.0%} of them{configs}), so nothing was sent; "
        "to keep them and add the folder's rows use --add, to remove them --allow-removals"
    )


def _publish(
    repo: HubRepo, read: _Folder, options: _Options, store: RepositoryStore, sending: Progress | None
) -> PushResult:
    """Send what the branch has not, and make the one commit."""
    published = _look(repo, read, options)
    version = _draft(published, read, options)
    if not published.exists:
        repo.create(options.private)
        # Looked at anew, since somebody else may have made it, and filled it, meanwhile.
        published = _look(repo, read, options)
        version = _draft(published, read, options)
    store.revision = options.revision if published.has_branch else "main"
    store.known = {file.sha256 for file in published.files.values() if file.sha256}
    new_bytes = sum(shard.source_bytes for shard in version.draft.new)
    store.progress = sending and (lambda sent_bytes: sending(sent_bytes, max(sent_bytes, new_bytes)))
    written = write_version(version, published, read.scan, store, options.tables, force=options.force)
    read_back_listing(repo.repo_id, written.listed)
    own_files = _own_files(repo.repo_id, read, written.facts, published, options)

    def operations() -> list[Operation]:
        return changed_operations(
            published.files, str(published.commit), written.files, store.sent, own_files, written.gone
        )

    changed = bool(operations()) or not published.has_branch
    commit, pull_request = str(published.commit), None
    if changed:
        made = _commit(repo, operations, read, options, published)
        commit, pull_request = (commit, made) if options.create_pr else (made, None)
    if options.tag:
        repo.create_tag(options.tag, commit)
    return PushResult(
        repo_id=repo.repo_id,
        revision=options.revision,
        commit=commit,
        changed=changed,
        pull_request=pull_request,
        url=f"{repo.endpoint}/datasets/{repo.repo_id}",
        tag=options.tag,
        builder=read.scan.layout.name,
        builder_found=read.scan.layout_found,
        rows=read.rows,
        configs=written.facts.rows_by_group,
        changes=version.changes,
        sent_bytes=store.sent_bytes,
        problems=read.problems,
        left_out=read.scan.left_out,
        top_folder=read.scan.top_folder,
        decoded=options.tables.decode,
    )


def _commit(
    repo: HubRepo,
    operations: Callable[[], list[Operation]],
    read: _Folder,
    options: _Options,
    published: Published,
) -> str:
    message = options.commit_message or f"Publish {read.rows} {read.scan.layout.noun}s"
    place = (options.revision, str(published.commit), options.commit_description)
    if options.create_pr or published.has_branch:
        return make_commit(repo, operations, message, *place, create_pr=options.create_pr)
    return publish_branch(repo, operations, message, *place)


def _own_files(
    repo_id: str, read: _Folder, facts: CardFacts, published: Published, options: _Options
) -> dict[str, bytes]:
    """Make the files that stand beside the shards: the card, on top of the one that is there, and its picture."""
    stated = {"license": options.license_name, "pretty_name": options.pretty_name}
    quoted = {key: json.dumps(value, ensure_ascii=False) for key, value in stated.items() if value}
    files = {CARD_NAME: render_card(replace(facts, address=repo_id), published.card, quoted).encode()}
    others = {group.value for group in facts.groups} - read.plan.units.keys()
    present = published.picture if others else None
    if picture := preview_of(read.scan, read.plan.units, others, present):
        files[PREVIEW_NAME] = picture
    return files
