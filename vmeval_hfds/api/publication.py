"""What a push does, step by step: read a folder, look at the repository, compare, send, commit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from vmeval_builders.checks import Allowed, other_file_problems
from vmeval_builders.choice import Choice
from vmeval_builders.problems import Problem
from vmeval_builders.scan import Scan, refuse_changes, scan_rows
from vmeval_hfds.engine.memory import give_back
from vmeval_hfds.engine.pool import Engine, Progress
from vmeval_hfds.errors import FolderError, HubConflictError, RemovalError, TargetExistsError
from vmeval_hfds.folder.read_back import read_back_listing
from vmeval_hfds.gallery.preview import preview_of
from vmeval_hfds.hub.commit import changed_operations, make_commit, publish_branch
from vmeval_hfds.hub.limits import limit_problems
from vmeval_hfds.hub.repo import HubRepo
from vmeval_hfds.hub.token import DEFAULT_TOKEN_ENV
from vmeval_hfds.store.names import CARD_NAME, PREVIEW_NAME, ROWS_FOLDER
from vmeval_hfds.store.repository_store import RepositoryStore
from vmeval_hfds.table.card import CardFacts, quoted, render_card
from vmeval_hfds.table.foreign import foreign_content
from vmeval_hfds.table.listed_rows import names_of
from vmeval_hfds.table.merge import RowChanges
from vmeval_hfds.table.next_version import NextVersion, draft_version, write_version
from vmeval_hfds.table.plan import Plan, plan_shards
from vmeval_hfds.table.published import Published, look_at
from vmeval_hfds.table.shards import ShardReport, read_shards
from vmeval_hfds.table.tables import TableOptions, refuse_contents, refuse_names, run_shards

if TYPE_CHECKING:
    from vmeval_hfds.hub.commit import Operation

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
    problems: Sequence[Problem] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    top_folder: str = ""
    decoded: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PushOptions:
    """How a push is done; `push_to_hub` says what each means."""

    builder: str | None = None
    private: bool = False
    commit_message: str | None = None
    commit_description: str | None = None
    revision: str = "main"
    tag: str | None = None
    create_pr: bool = False
    split: str = "test"
    engine: Engine = field(default_factory=Engine)
    keep_incomplete: bool = False
    license_name: str | None = None
    pretty_name: str | None = None
    add: bool = False
    remove: Sequence[str] = ()
    allow_removals: bool = False
    force: bool = False
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    keep_top_folder: bool = False
    allow_secrets: bool = False
    decode: bool = True
    token: str | None = None
    token_env: str = DEFAULT_TOKEN_ENV
    wait: bool = True
    progress: Progress | None = None

    @property
    def choice(self) -> Choice:
        """Which files are meant."""
        return Choice(self.include, self.exclude, keeps_top_folder=self.keep_top_folder)

    @property
    def tables(self) -> TableOptions:
        """How the folder becomes tables."""
        allowed = Allowed(self.keep_incomplete, self.allow_secrets)
        return TableOptions(self.split, self.engine, allowed, self.decode, self.progress)

    @contextmanager
    def keeping_workers(self) -> Iterator[PushOptions]:
        """Give the same, with processes that stay from the walk on: those that start later copy what is known by then."""
        with self.engine.keeping_workers() as engine:
            yield replace(self, engine=engine)

    def repo(self, repo_id: str) -> HubRepo:
        """Reach the repository."""
        return HubRepo(repo_id, token_env=self.token_env, token=self.token, wait=self.wait)


@dataclass(frozen=True, slots=True)
class ReadFolder:
    """A folder that was read and may be published."""

    scan: Scan
    plan: Plan
    reports: Sequence[ShardReport]
    problems: Sequence[Problem]

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(report.rows for report in self.reports)


def read_folder(folder: str | os.PathLike[str] | Scan, options: PushOptions) -> ReadFolder:
    """Read and check the whole folder, before anything is asked of the Hub."""
    tables = options.tables
    tables.check()
    if isinstance(folder, Scan):
        scan = folder
    else:
        scan = scan_rows(folder, options.builder, options.choice, tables.engine.seeing(folder))
        scan.forget_times()
    tables.engine.require(scan.root)
    refuse_names(scan, tables)
    plan = plan_shards(scan, tables.split)
    reports = run_shards(read_shards, scan, plan.shards, None, tables)
    problems = refuse_contents(scan, plan.groups, reports, other_file_problems(scan), tables.allowed)
    refuse_changes(scan)
    if scan is not folder:
        scan.forget_rows()
        scan.forget_full_folders()
    # What it took to judge is garbage by now, and what is sent needs memory of its own.
    give_back()
    return ReadFolder(scan, plan, reports, problems)


def look(repo: HubRepo, read: ReadFolder, options: PushOptions) -> Published:
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


def draft(published: Published, read: ReadFolder, options: PushOptions) -> NextVersion:
    """Compare the folder with what is published, and refuse what would remove much or be beyond the Hub's limits.

    Raises:
        RemovalError: It would remove many rows, and that was not allowed.
        FolderError: The repository would be beyond the Hub's limits.
    """
    remove = options.remove if options.add or options.remove else None
    version = draft_version(published, read.scan.layout, read.plan, read.reports, remove)
    if not options.allow_removals:
        _refuse_removals(published.repo.repo_id, version.changes, options)
    _refuse_beyond_limits(published, version, read)
    return version


def _refuse_beyond_limits(published: Published, version: NextVersion, read: ReadFolder) -> None:
    """Refuse a push that the Hub would not take, before anything is sent."""
    shards = {shard.name for shard in version.draft.shards}
    others = {path for path in published.files if not path.startswith(f"{ROWS_FOLDER}/")}
    new = {shard.name: shard.source_bytes for shard in version.draft.new}
    problems = list(limit_problems(published.files, shards | others | {CARD_NAME}, new, new.keys()))
    if problems:
        raise FolderError(
            f"{read.scan.root}: cannot be published, and nothing was sent. {problems[0].message}", problems
        )


def _refuse_removals(repo_id: str, changes: RowChanges, options: PushOptions) -> None:
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


def publish(
    repo: HubRepo, read: ReadFolder, options: PushOptions, store: RepositoryStore, sending: Progress | None
) -> PushResult:
    """Send what the branch has not, and make the one commit."""
    published = look(repo, read, options)
    version = draft(published, read, options)
    if not published.exists:
        repo.create(options.private)
        # Looked at anew, since somebody else may have made it, and filled it, meanwhile.
        published = look(repo, read, options)
        version = draft(published, read, options)
    store.revision = options.revision if published.has_branch else "main"
    store.known = {file.sha256 for file in published.files.values() if file.sha256}
    new_bytes = sum(shard.source_bytes for shard in version.draft.new)
    store.progress = sending and (lambda sent_bytes: sending(sent_bytes, max(sent_bytes, new_bytes)))
    written = write_version(version, published, read.scan, store, options.tables, force=options.force)
    read_back_listing(repo.repo_id, written.listed, names_of(read.scan))
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
    read: ReadFolder,
    options: PushOptions,
    published: Published,
) -> str:
    message = options.commit_message or f"Publish {read.rows} {read.scan.layout.noun}s"
    place = (options.revision, str(published.commit), options.commit_description or "")
    if options.create_pr or published.has_branch:
        return make_commit(repo, operations, message, *place, create_pr=options.create_pr)
    return publish_branch(repo, operations, message, *place)


def _own_files(
    repo_id: str, read: ReadFolder, facts: CardFacts, published: Published, options: PushOptions
) -> dict[str, bytes]:
    """Make the files that stand beside the shards: the card, on top of the one that is there, and its picture."""
    stated = {"license": options.license_name, "pretty_name": options.pretty_name}
    as_yaml = {key: quoted(value) for key, value in stated.items() if value}
    files = {CARD_NAME: render_card(replace(facts, address=repo_id), published.card, as_yaml).encode()}
    others = {group.value for group in facts.groups} - read.plan.units.keys()
    present = published.picture if others else None
    if picture := preview_of(read.scan, read.plan.units, others, present):
        files[PREVIEW_NAME] = picture
    return files
