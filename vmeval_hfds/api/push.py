"""Publish a folder as a dataset on the Hub, so that readers see all of a push or nothing of it.

A folder is read and checked before the first byte is sent. Shards are sent as they are written; nobody sees them
before the one commit that names them all, made on top of the commit that was there when the push began.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vmeval_builders.problems import Problem
from vmeval_builders.scan import Scan
from vmeval_hfds.api.publication import PushOptions, PushResult, draft, look, publish, read_folder
from vmeval_hfds.engine.pool import Engine, Progress
from vmeval_hfds.errors import HubConflictError
from vmeval_hfds.hub.address import repo_and_revision
from vmeval_hfds.hub.token import DEFAULT_TOKEN_ENV
from vmeval_hfds.store.repository_store import new_shards
from vmeval_hfds.table.merge import RowChanges

if TYPE_CHECKING:
    from concurrent.futures import Executor


#: How often a push that adds rows is put on top of what others pushed meanwhile.
_MERGES = 20


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
    problems: Sequence[Problem] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    top_folder: str = ""
    decoded: bool = True


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
            Dask's. Its workers need the folder at the same path or URL.
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
    options = PushOptions(
        builder=builder,
        private=private,
        commit_message=commit_message,
        commit_description=commit_description,
        tag=tag,
        create_pr=create_pr,
        split=split,
        engine=Engine(num_proc, executor),
        keep_incomplete=keep_incomplete,
        license_name=license_name,
        pretty_name=pretty_name,
        add=add,
        remove=remove,
        allow_removals=allow_removals,
        force=force,
        include=include,
        exclude=exclude,
        keep_top_folder=keep_top_folder,
        allow_secrets=allow_secrets,
        decode=decode,
        token=token,
        token_env=token_env,
        wait=wait,
        progress=progress,
        revision=revision,
    )
    repo = options.repo(repo_id)
    repo.require_token()
    with (
        options.keeping_workers() as keeping,
        new_shards(repo, create_pr=create_pr, sends_there=executor is not None) as store,
    ):
        read = read_folder(folder, keeping)
        for last in [False] * (_MERGES - 1) + [True]:
            try:
                return publish(repo, read, keeping, store, sending)
            except HubConflictError:
                if last or not add:
                    raise
    raise AssertionError("the last try either returns or raises")


def plan_push(
    folder: str | os.PathLike[str] | Scan,
    repo_id: str,
    **options: Any,  # noqa: ANN401 (`push_to_hub` has their types)
) -> PushPlan:
    """Do all that `push_to_hub` does before it sends anything, and say what it would do.

    Removals are counted, and not refused.

    Args:
        folder: The folder.
        repo_id: The repository, as `push_to_hub` takes it.
        **options: What else `push_to_hub` takes, but `sending`.

    Raises:
        FolderError: The folder has errors; it carries all problems.
        TargetExistsError: The repository holds something else, or the tag is there.
        HubError: The Hub failed.
    """
    repo_id, revision = repo_and_revision(repo_id, revision=options.pop("revision", "main"))
    engine = Engine(options.pop("num_proc", None), options.pop("executor", None))
    planned = PushOptions(**options | {"engine": engine, "revision": revision, "allow_removals": True})
    repo = planned.repo(repo_id)
    with planned.keeping_workers() as keeping:
        read = read_folder(folder, keeping)
    published = look(repo, read, planned)
    version = draft(published, read, planned)
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
        decoded=planned.decode,
    )
