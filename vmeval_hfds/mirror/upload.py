"""Mirror a folder to the Hub as it is, in one commit, and check that every file arrived."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vmeval_builders.choice import Choice
from vmeval_builders.errors import VmevalError
from vmeval_builders.paths import path_problem
from vmeval_builders.problems import Problem
from vmeval_builders.scan import scan_folder
from vmeval_builders.secrets import name_problems, token_problem
from vmeval_hfds.engine.pool import Progress
from vmeval_hfds.errors import (
    FolderError,
    HubError,
    MissingPathError,
    NotAFolderError,
    TargetExistsError,
    UnsafePathError,
)
from vmeval_hfds.folder.record import Content
from vmeval_hfds.hub import xet
from vmeval_hfds.hub.address import repo_and_revision
from vmeval_hfds.hub.commit import changes, make_commit
from vmeval_hfds.hub.limits import limit_problems
from vmeval_hfds.hub.repo import HubRepo, RemoteFile
from vmeval_hfds.hub.token import DEFAULT_TOKEN_ENV
from vmeval_hfds.hub.transfer import fetch, without_bars
from vmeval_hfds.mirror import plan as mirror_plan
from vmeval_hfds.mirror.files import LocalFile, read_files
from vmeval_hfds.mirror.plan import (
    ATTRIBUTES,
    ATTRIBUTES_MARK,
    Selection,
    UploadPlan,
    printable,
)
from vmeval_hfds.mirror.remote import Branch, attributes_are_hubs, look_at_branch
from vmeval_hfds.store.names import CARD_NAME
from vmeval_hfds.table.card import check_card_size
from vmeval_hfds.table.foreign import held_dataset, is_dataset_file

_SHOWN_PROBLEMS = 3
_NOT_UTF8 = "At the root of a repository the file must be UTF-8; convert it, or leave it out with --exclude."


@dataclass(frozen=True, slots=True)
class UploadResult:
    """What an upload did.

    Attributes:
        repo_id: The repository.
        commit: The commit that holds the folder; an older one where nothing changed.
        uploaded: How many files were new or changed.
        deleted: How many files went.
        unchanged: How many were there already.
        left_out: What of the folder did not go: excluded files, and empty folders (they end in ``/``).
        links: Links in the folder whose copies went.
    """

    repo_id: str
    commit: str
    uploaded: int
    deleted: int
    unchanged: int
    left_out: list[str]
    links: list[str]


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder that may be sent."""

    path: Path
    path_in_repo: str
    selection: Selection
    files: dict[str, LocalFile]


def hf_upload(
    local_path: str | os.PathLike[str],
    repo_id: str,
    repo_type: str = "dataset",
    path_in_repo: str = "",
    private: bool = False,
    commit_message: str | None = None,
    revision: str = "main",
    token_env: str = DEFAULT_TOKEN_ENV,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    delete: bool = False,
    force: bool = False,
    allow_secrets: bool = False,
    skip_empty_folders: bool = False,
    wait: bool = True,
    progress: Progress | None = None,
) -> UploadResult:
    """Mirror a folder to the Hub, so that a download of it is the same folder.

    All goes in one commit: readers of the branch see the whole upload or nothing of it, and a run that was killed
    or failed can be done again. What is there already is not sent again. No file is passed over: a .gitignore
    is a file like others.

    Args:
        local_path: The folder.
        repo_id: ``user/name``, or an address of the repository, which may name the branch; made where it is missing.
        repo_type: ``dataset``, ``model`` or ``space``.
        path_in_repo: The folder of the repository to send to; by default its root.
        private: Make the repository private; refused where it exists and is public.
        commit_message: The commit's title.
        revision: The branch; where it is missing it begins at ``main``.
        token_env: The environment variable that holds the token.
        include: Globs of what goes; ``*`` stands for any characters, ``/`` too. By default all.
        exclude: Globs of what does not. What only tools leave behind, such as ``.git``, never does.
        delete: Remove files below `path_in_repo` that are not in the folder. A .gitattributes that the Hub made
            stays, and so do the files of a dataset.
        force: Go on where the repository holds a dataset, which a raw mirror would spoil.
        allow_secrets: Send ``.env`` files and files with a Hugging Face token in them.
        skip_empty_folders: Leave out empty folders, which the Hub cannot keep.
        wait: Wait where the Hub's rate limit is reached, if that is less than ten minutes; else an error says at once
            how long it is.
        progress: Called with steps done and steps in all. Each file is two: it is read, and it is sent.

    Raises:
        FolderError: The folder could not come back whole, or something in it should not be published; it
            carries all problems. Nothing was changed.
        TargetExistsError: The repository holds a dataset, and the folder is none. Nothing was changed.
        FileNotFoundError: There is no such folder.
        AddressError: The repo id is none, or the address of something else.
        HubError: The Hub failed or refused; the branch is as before, unless the message says that the commit
            was made.
    """
    repo_id, revision = repo_and_revision(repo_id, repo_type, revision)
    repo = HubRepo(repo_id, repo_type, token_env, wait=wait)
    folder = _read_folder(
        Path(local_path), path_in_repo, Choice(include, exclude), allow_secrets, skip_empty_folders, progress
    )
    repo.require_token()
    branch = look_at_branch(repo, revision, private)
    keeps_dataset = _holds_another_dataset(repo, folder, branch, force)
    plan = _decide(repo, folder, branch, revision, delete, keeps_dataset)
    if not branch.exists:
        repo.create(private)
        branch = look_at_branch(repo, revision, private)
        plan = _decide(repo, folder, branch, revision, delete, keeps_dataset)
    commit = str(branch.start)
    if branch.commit is None:
        repo.create_branch(revision, commit)
    if plan.commits:
        title = commit_message or f"Upload {folder.path.name}"
        with without_bars():
            commit = _commit(repo, folder, branch, plan, title, progress)
        _check_arrival(repo, commit, folder, plan)
    return UploadResult(
        repo_id, commit, len(plan.send), len(plan.delete), plan.unchanged, plan.left_out, plan.links
    )


def plan_upload(
    local_path: str | os.PathLike[str],
    repo_id: str,
    repo_type: str = "dataset",
    path_in_repo: str = "",
    private: bool = False,
    revision: str = "main",
    token_env: str = DEFAULT_TOKEN_ENV,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    delete: bool = False,
    force: bool = False,
    allow_secrets: bool = False,
    skip_empty_folders: bool = False,
    wait: bool = True,
    progress: Progress | None = None,
) -> UploadPlan:
    """Do all that `hf_upload` does before it changes anything, and say what it would do.

    Takes the arguments of `hf_upload`.

    Raises:
        FolderError: The upload would be refused; it carries all problems.
        TargetExistsError: Likewise, for what the repository holds.
        FileNotFoundError: There is no such folder.
        HubError: The Hub failed.
    """
    repo_id, revision = repo_and_revision(repo_id, repo_type, revision)
    repo = HubRepo(repo_id, repo_type, token_env, wait=wait)
    folder = _read_folder(
        Path(local_path), path_in_repo, Choice(include, exclude), allow_secrets, skip_empty_folders, progress
    )
    branch = look_at_branch(repo, revision, private)
    keeps_dataset = _holds_another_dataset(repo, folder, branch, force)
    return _decide(repo, folder, branch, revision, delete, keeps_dataset)


def _read_folder(
    path: Path,
    path_in_repo: str,
    choice: Choice,
    allow_secrets: bool,
    skip_empty_folders: bool,
    progress: Progress | None,
) -> _Folder:
    """Read every file that goes, and refuse what must not."""
    if not path.exists():
        raise MissingPathError(f"{path}: no such folder; give the folder to upload")
    if not path.is_dir():
        raise NotAFolderError(f"{path}: is a file; give the folder to upload")
    start = path_in_repo.strip("/")
    if start and (reason := path_problem(start)):
        raise UnsafePathError(f"{path_in_repo}: the folder in the repository {reason}; choose another")
    selection, problems = mirror_plan.select(scan_folder(path, choice), start, skip_empty_folders)

    def read(done: int, total: int) -> None:
        if progress is not None:
            progress(done, 2 * total)

    files, failures = read_files(selection.places, read)
    problems += [Problem.unreadable(name, error) for name, error in failures.items()]
    problems += [Problem("not-utf8", "error", name, _NOT_UTF8) for name in _not_utf8(files)]
    if not allow_secrets:
        problems += name_problems(files)
        problems += [token_problem(name) for name, file in files.items() if file.has_token]
    if problems:
        raise _refusal(path, problems)
    return _Folder(path.resolve(), start, selection, files)


def _not_utf8(files: Mapping[str, LocalFile]) -> Iterator[str]:
    """List files that the client reads as text before it sends them, and could not."""
    for name in ("README.md", ".gitignore"):
        if name in files:
            try:
                files[name].place.read_bytes().decode()
            except UnicodeDecodeError:
                yield name


def _refusal(path: Path, problems: Sequence[Problem]) -> FolderError:
    """Make the error that carries all problems, and names some."""
    shown = "; ".join(f"{printable(one.path)}: {one.message}" for one in problems[:_SHOWN_PROBLEMS])
    more = f" … and {len(problems) - _SHOWN_PROBLEMS} more" if len(problems) > _SHOWN_PROBLEMS else ""
    return FolderError(f"{path}: cannot be mirrored, and nothing was changed. {shown}{more}", problems)


def _holds_another_dataset(repo: HubRepo, folder: _Folder, branch: Branch, force: bool) -> bool:
    """Whether the branch holds a dataset, and the folder does not.

    Raises:
        TargetExistsError: So it is, and nobody said to go on.
    """
    own = folder.files.get(CARD_NAME)
    own_card = own.place.read_bytes().decode() if own else None
    if repo.repo_type != "dataset" or held_dataset(folder.files, own_card):
        return False
    card = None
    if CARD_NAME in branch.files and branch.start is not None:
        check_card_size(branch.files[CARD_NAME].size_bytes, f"{repo.repo_id}: {CARD_NAME}")
        card = fetch(repo, CARD_NAME, branch.start).read_bytes().decode("utf-8", "replace")
    held = held_dataset(branch.files, card)
    if held and not force:
        raise TargetExistsError(
            f"{repo.repo_id}: holds {held}, which a raw mirror would spoil; publish the folder with vmeval-hfds push, "
            "choose another repository, or go on with --force"
        )
    return held is not None


def _decide(
    repo: HubRepo, folder: _Folder, branch: Branch, revision: str, delete: bool, keeps_dataset: bool
) -> UploadPlan:
    """Compare folder and branch.

    Args:
        repo: The repository.
        folder: What may be sent.
        branch: Where it would go.
        revision: The branch's name.
        delete: Remove what the folder has not.
        keeps_dataset: But nothing of the dataset that the branch holds.

    Raises:
        FolderError: Files of both could not live beside each other, or the Hub takes no more so.
    """
    send = [path for path, file in folder.files.items() if not _is_there(file, branch.files.get(path))]
    gone = mirror_plan.deletions(branch.files, folder.files, folder.path_in_repo) if delete else []
    if keeps_dataset:
        gone = [path for path in gone if not is_dataset_file(path)]
    asks_whose = ATTRIBUTES in gone
    if asks_whose and attributes_are_hubs(repo, branch.start, branch.files):
        gone.remove(ATTRIBUTES)
    if clashes := mirror_plan.clashes(folder.files, branch.files.keys() - set(gone)):
        raise _refusal(folder.path, clashes)
    if ATTRIBUTES in folder.files and not send and not gone:
        # It may equal the Hub's own: then a commit has to say that it is the folder's, or it would not come back.
        asks_whose = True
        if attributes_are_hubs(repo, branch.start, branch.files):
            send = [ATTRIBUTES]
    sizes = {path: folder.files[path].size_bytes for path in send}
    after = (branch.files.keys() - set(gone)) | folder.files.keys()
    large = mirror_plan.large_files(sizes, repo.repo_type)
    if beyond := list(limit_problems(branch.files, after, sizes, large)):
        raise _refusal(folder.path, beyond)
    creates = (not branch.exists, branch.commit is None and (branch.exists or revision != "main"))
    looking = mirror_plan.looking_requests(branch.files, creates, asks_whose)
    commits = int(bool(send or gone))
    requests = looking
    if commits:
        requests += mirror_plan.upload_requests(sizes, after, repo.repo_type, xet.is_available())
    total_bytes = sum(file.size_bytes for file in folder.files.values())
    as_dataset = mirror_plan.dataset_requests(len(folder.files), folder.selection.domains, total_bytes)
    return UploadPlan(
        repo_id=repo.repo_id,
        repo_type=repo.repo_type,
        revision=revision,
        creates_repo=creates[0],
        creates_branch=creates[1],
        send=send,
        send_bytes=sum(sizes.values()),
        unchanged=len(folder.files) - len(send),
        delete=gone,
        left_out=folder.selection.left_out,
        links=folder.selection.links,
        commits=commits,
        requests=requests,
        push_requests=as_dataset[0] if as_dataset and as_dataset[0] < requests else None,
    )


def _is_there(file: LocalFile, remote: RemoteFile | None) -> bool:
    return remote is not None and file.holds(Content.of(remote))


def _commit(
    repo: HubRepo, folder: _Folder, branch: Branch, plan: UploadPlan, title: str, progress: Progress | None
) -> str:
    sent = {path: folder.files[path].place for path in plan.send}
    # The client leaves out what is there already; where the commit itself is wanted, it has to go first.
    again = [path for path in sent if _is_there(folder.files[path], branch.files.get(path))]
    description = ATTRIBUTES_MARK if ATTRIBUTES in folder.files else ""
    before, total = len(folder.files) + plan.unchanged, 2 * len(folder.files)

    def ready(count: int) -> None:
        if progress is not None:
            progress(before + count, total)

    try:
        return make_commit(
            repo,
            lambda: changes(repo, sent, [*plan.delete, *again], plan.revision, ready),
            title,
            plan.revision,
            str(branch.start),
            description,
        )
    except VmevalError:
        raise
    except ValueError as error:
        # What the client checks before it sends, such as the YAML on top of README.md.
        said = " ".join(repo.hide_token(str(error)).split())[:300]
        raise HubError(f"{repo.repo_id}: a file cannot be sent ({said}); nothing was changed") from error


def _check_arrival(repo: HubRepo, commit: str, folder: _Folder, plan: UploadPlan) -> None:
    """Compare the commit with what was read.

    Raises:
        HubError: They differ.
    """
    there = repo.files(commit)
    wrong = [path for path, file in folder.files.items() if not _is_there(file, there.get(path))]
    wrong += [path for path in plan.delete if path in there]
    if wrong:
        raise HubError(
            f"{repo.repo_id}: commit {commit} was made, and {len(wrong)} of its files are not what the folder held "
            f"when it was read, such as {wrong[0]}; run again when nothing writes into the folder"
        )
