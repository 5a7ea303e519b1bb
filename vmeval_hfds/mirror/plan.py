"""Decide what a mirror sends, brings, leaves out and removes. No file is opened here and no request made."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from vmeval_builders.layouts.registry import QUESTIONS
from vmeval_builders.paths import QUESTION_FILES, domain_of, path_problems
from vmeval_builders.problems import Problem
from vmeval_builders.scan import Scan

if TYPE_CHECKING:
    from vmeval_hfds.folder.record import Content

ATTRIBUTES = ".gitattributes"
#: Says in a commit that the repository's .gitattributes is the folder's, even where it equals the Hub's own.
ATTRIBUTES_MARK = "The .gitattributes of this mirror is the folder's own."

#: From so many files on, a plan says how much cheaper a dataset is.
MANY_FILES = 2_000

# What the Hub writes into a new repository, by itself.
_FIRST_FILES = frozenset({ATTRIBUTES, "README.md", "index.html", "style.css"})
_ATTRIBUTES_OF_HUB = "filter=lfs diff=lfs merge=lfs -text"

_PROBLEMS_OF_ENTRIES = frozenset({"link-outside", "link-loop", "not-a-file", "unreadable"})

# For the estimate of requests only: what a new repository's .gitattributes sends to LFS.
_LARGE = (
    "*.7z *.arrow *.bin *.bz2 *.ckpt *.ftz *.gz *.h5 *.joblib *.lfs.* *.mlmodel *.model *.msgpack *.npy *.npz "
    "*.onnx *.ot *.parquet *.pb *.pickle *.pkl *.pt *.pth *.rar *.safetensors *.tar *.tar.* *.tflite *.tgz *.wasm "
    "*.xz *.zip *.zst *tfevents*"
)
_MEDIA = (
    "*.avro *.lz4 *.mds *.pcm *.sam *.raw *.aac *.flac *.mp3 *.ogg *.wav *.bmp *.gif *.png *.tiff *.jpg *.jpeg "
    "*.webp *.mp4 *.webm"
)
_REGULAR_LIMIT_BYTES = 10_000_000
_PAGE_ENTRIES = 1_000
_BATCH_FILES = 256
_SHARD_BYTES = 500_000_000


@dataclass(frozen=True, slots=True)
class Selection:
    """The files of a folder that go to the Hub.

    Attributes:
        places: Path in the repository to place on disk, in the order of the paths.
        left_out: What does not go: files that were excluded, and folders (they end in ``/``) that are empty.
        links: Links whose copies go.
        domains: How many domains of questions are among the files.
    """

    places: dict[str, Path]
    left_out: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    domains: int = 0


@dataclass(frozen=True, slots=True)
class UploadPlan:
    """What an upload would do.

    Attributes:
        repo_id: The repository.
        repo_type: ``dataset``, ``model`` or ``space``.
        revision: The branch.
        creates_repo: Whether the repository is missing.
        creates_branch: Whether the branch is missing.
        send: Paths, in the repository, of the files that are new there or changed.
        send_bytes: Their size.
        unchanged: How many files are there already.
        delete: Paths of files that go.
        left_out: What of the folder does not go: excluded files, and empty folders (they end in ``/``).
        links: Links in the folder whose copies go.
        commits: One, or none where nothing changes.
        requests: About how many requests it takes.
        push_requests: About how many it takes to publish the folder with ``push``; None where the files are
            few, or no questions.
    """

    repo_id: str
    repo_type: str
    revision: str
    creates_repo: bool
    creates_branch: bool
    send: list[str]
    send_bytes: int
    unchanged: int
    delete: list[str]
    left_out: list[str]
    links: list[str]
    commits: int
    requests: int
    push_requests: int | None


@dataclass(frozen=True, slots=True)
class DownloadPlan:
    """What a download would do.

    Attributes:
        repo_id: The repository.
        repo_type: ``dataset``, ``model`` or ``space``.
        commit: The commit whose files they are.
        write: Paths of the files that are not in the target yet, or not with these bytes.
        write_bytes: Their size.
        unchanged: How many files are there already.
        prune: Paths of local files that go.
        requests: About how many requests it takes.
        export_requests: About how many it would take to ``export`` the same from a dataset; None where the files
            are few, or no questions.
    """

    repo_id: str
    repo_type: str
    commit: str
    write: list[str]
    write_bytes: int
    unchanged: int
    prune: list[str]
    requests: int
    export_requests: int | None


def select(scan: Scan, path_in_repo: str, skip_empty_folders: bool) -> tuple[Selection, list[Problem]]:
    """Choose the files that go, and list what keeps the folder from coming back whole.

    Args:
        scan: The walked folder, without what is not meant to go.
        path_in_repo: The folder in the repository, without slashes around it.
        skip_empty_folders: Leave empty folders out instead of listing them as problems.
    """
    files = [entry.path for entry in scan.files]
    # A table's limit on one value is none of a mirror's.
    files = sorted([*files, *(one.path for one in scan.problems if one.code == "too-large")])
    left_out = list(scan.left_out)
    links = [one.path for one in scan.problems if one.code == "link"]
    problems = [one for one in scan.problems if one.code in _PROBLEMS_OF_ENTRIES]
    empty = []
    for folder in scan.empty_folders:
        if skip_empty_folders:
            left_out.append(f"{folder}/")
        else:
            empty.append(folder)
            message = (
                "The folder is empty, and the Hub cannot keep it; leave it out with --skip-empty-folders."
            )
            problems.append(Problem("empty-folder", "error", folder, message))
    problems += _forbidden(files, empty, path_in_repo)
    if not files:
        message = "There is no file in it that would go to the Hub."
        problems.append(Problem("no-files", "error", "", message))
    questions = QUESTIONS.units(scan.files, scan.folders)
    domains = {domain_of(unit.path) for unit in questions}
    places = {in_repo(path_in_repo, path): Path(str(scan.root)) / path for path in files}
    return Selection(places, left_out, links, len(domains)), problems


def in_repo(folder: str, path: str) -> str:
    """Join a folder of the repository and a path below it."""
    return f"{folder}/{path}" if folder else path


def _forbidden(files: Iterable[str], folders: Iterable[str], path_in_repo: str) -> Iterator[Problem]:
    """List names that the Hub or another system refuses; of a folder that may not go, the folder alone."""
    refused: dict[str, None] = {}
    sound = []
    for path in files:
        if folder := _folder_of_tools(path):
            refused[folder] = None
        else:
            sound.append(in_repo(path_in_repo, path))
    for folder in refused:
        message = "The Hub refuses .git and .cache folders; leave it out with --exclude."
        yield Problem("refused-folder", "error", folder, message)
    for path, reason in path_problems(sound, [in_repo(path_in_repo, one) for one in folders]):
        yield Problem("bad-name", "error", path, f"The path {reason}.")


def _folder_of_tools(path: str) -> str | None:
    names = path.split("/")
    for number, name in enumerate(names, 1):
        if name.lower() == ".git" or name == ".cache":
            return "/".join(names[:number])
    return None


def deletions(remote: Iterable[str], places: Collection[str], path_in_repo: str) -> list[str]:
    """List the files below a folder of the repository that are not in the local folder."""
    start = f"{path_in_repo}/" if path_in_repo else ""
    return sorted(path for path in remote if path.startswith(start) and path not in places)


def clashes(places: Iterable[str], remaining: Iterable[str]) -> list[Problem]:
    """List files that could not be written beside what the repository has and keeps.

    What is wrong with the repository's own names already is not the folder's fault.
    """
    paths, others = set(places), sorted(set(remaining))
    known = set(path_problems(others))
    found = path_problems([*others, *sorted(paths - set(others))])
    return [
        Problem("clash", "error", path, f"In the repository, the path {reason}; remove it there (--delete).")
        for path, reason in found
        if (path, reason) not in known
    ]


def unsafe_names(paths: Iterable[str]) -> list[tuple[str, str]]:
    """List paths of a repository that must not be written to a disk, with reasons."""
    problems = list(path_problems(paths))
    return sorted(problems)


def is_first_commit(root: Iterable[str]) -> bool:
    """Whether the root's entries are those of the commit with which the Hub begins a repository.

    A person's first push is not, nor a history that was made one commit.
    """
    return _FIRST_FILES.issuperset(root)


def extends_attributes(first: str, now: str) -> bool:
    """Whether the Hub may have made one .gitattributes of another.

    It adds a line for each large file whose name no line was about.
    """
    added = now.removeprefix(first).splitlines()
    return now.startswith(first) and all(
        line.strip().endswith(_ATTRIBUTES_OF_HUB) for line in added if line.strip()
    )


def listing_requests(paths: Iterable[str]) -> int:
    """How many requests it takes to list a repository with these files."""
    entries = set(paths)
    folders = {path[:at] for path in entries for at, character in enumerate(path) if character == "/"}
    return max(1, math.ceil((len(entries) + len(folders)) / _PAGE_ENTRIES))


def looking_requests(remote: Collection[str], creates: tuple[bool, bool], asks_whose: bool) -> int:
    """Say how many requests an upload takes before its commit.

    Args:
        remote: Files of the branch.
        creates: Whether repository and branch are missing.
        asks_whose: Whether it must be found out who made the .gitattributes.
    """
    new_repo = 5 if creates[0] else 0
    new_branch = 2 if creates[1] else 0
    return (1 if creates[0] else 2 + listing_requests(remote)) + new_repo + new_branch + 2 * asks_whose


def upload_requests(sizes: Mapping[str, int], after: Collection[str], repo_type: str, by_xet: bool) -> int:
    """Say about how many requests a commit takes, with what goes before and the check that comes after it.

    Args:
        sizes: Path to size of the files that are sent.
        after: The branch's files afterwards.
        repo_type: The repository's type.
        by_xet: Whether large files go to Xet, whose requests the Hub does not count; else each is two requests.
    """
    large = [_is_large(path, size, repo_type) for path, size in sizes.items()]
    groups = [large[begin : begin + _BATCH_FILES] for begin in range(0, len(large), _BATCH_FILES)]
    sending = len(groups) + sum(map(any, groups)) + (0 if by_xet else 2 * sum(large))
    return 2 + ("README.md" in sizes) + sending + listing_requests(after)


def large_files(sizes: Mapping[str, int], repo_type: str) -> set[str]:
    """Pick the files that the Hub keeps beside git, as far as their names and sizes tell."""
    return {path for path, size in sizes.items() if _is_large(path, size, repo_type)}


def _is_large(path: str, size_bytes: int, repo_type: str) -> bool:
    name = path.rpartition("/")[2]
    patterns = f"{_LARGE} {_MEDIA}" if repo_type == "dataset" else _LARGE
    by_name = any(fnmatchcase(name, pattern) for pattern in patterns.split())
    return size_bytes > 0 and (by_name or size_bytes > _REGULAR_LIMIT_BYTES)


def download_requests(remote: Collection[str], contents: Iterable[Content]) -> int:
    """Say about how many requests a download takes.

    Args:
        remote: All files of the repository.
        contents: What must be brought. The same bytes are brought once.
    """
    bodies = sum(1 + one.is_large for one in set(contents) if one.size_bytes)
    return 1 + listing_requests(remote) + (2 if ATTRIBUTES in remote else 0) + bodies


def dataset_requests(files: int, domains: int, size_bytes: int) -> tuple[int, int] | None:
    """Say about how many requests ``push`` and ``export`` take for the same files, where they are many.

    Returns:
        Both numbers; None where the files are few, or no questions are among them.
    """
    if files < MANY_FILES or not domains:
        return None
    shards = domains + 1 + size_bytes // _SHARD_BYTES
    return 30 + 12 * (domains + 1) + 8 * shards, 5 + 2 * shards


def count_domains(paths: Iterable[str]) -> int:
    """Count the domains of the questions among some files."""
    tasks = set()
    for path in paths:
        folder, _, name = path.rpartition("/")
        if folder and name in QUESTION_FILES:
            tasks.add(folder)
    return len({domain_of(task) for task in tasks})


def printable(path: str) -> str:
    """Show a path in a message, whatever characters it has."""
    return (path if path.isprintable() else ascii(path)[1:-1]) or "."
