"""What is in a folder or a dataset: tasks, bytes and frames by domain and difficulty."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from vmeval_builders import layout
from vmeval_builders.checks import manifest_content
from vmeval_builders.manifest import TaskKey, manifest_problems
from vmeval_builders.problems import Problem
from vmeval_builders.rows import read_task, scalar_text
from vmeval_builders.scan import Scan, scan_folder
from vmeval_hfds.columns import map_columns
from vmeval_hfds.dataset_files import DatasetFiles, open_dataset_dir
from vmeval_hfds.listings import read_listing
from vmeval_hfds.shards import open_shard, read_group

_FRAMES = (layout.FIRST_FRAME, layout.FINAL_FRAME)
_STATED = ("difficulty", "task_category")


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """One task, as far as names and sizes tell.

    Attributes:
        path: The task folder.
        id: The task's id.
        domain: Its domain.
        difficulty: What its metadata says, or None.
        task_category: What its metadata says, or None.
        frames: How many frames it has (0 to 2).
        videos: How many ground-truth videos it has (0 or 1).
        size_bytes: The size of its question files.
    """

    path: str
    id: str
    domain: str
    difficulty: str | None
    task_category: str | None
    frames: int
    videos: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks that have something in common, counted.

    Attributes:
        names: What they have in common, such as a domain and a difficulty.
        tasks: How many they are.
        frames: How many frames they have.
        videos: How many ground-truth videos they have.
        size_bytes: The size of their question files.
    """

    names: tuple[str | None, ...]
    tasks: int
    frames: int
    videos: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class InfoResult:
    """What is in a folder or dataset.

    Attributes:
        name: Where it was read from.
        tasks: Every task, in the order of the paths.
        files: How many files there are in all.
        size_bytes: The size of all files.
        manifest: In what the manifest disagrees with the tasks; None where there is no manifest.
    """

    name: str
    tasks: Sequence[TaskFacts]
    files: int
    size_bytes: int
    manifest: Sequence[Problem] | None

    def groups(self, *by: str) -> list[Group]:
        """Count tasks by some of their attributes.

        Args:
            *by: Names of `TaskFacts` attributes, such as ``"domain", "difficulty"``; without one, all are
                one group.
        """
        members: dict[tuple[str | None, ...], list[TaskFacts]] = defaultdict(list)
        for task in self.tasks:
            members[tuple(getattr(task, name) for name in by)].append(task)
        ordered = sorted(members, key=lambda names: [name or "" for name in names])
        return [
            Group(
                names=names,
                tasks=len(members[names]),
                frames=sum(task.frames for task in members[names]),
                videos=sum(task.videos for task in members[names]),
                size_bytes=sum(task.size_bytes for task in members[names]),
            )
            for names in ordered
        ]


def info(
    folder: str | os.PathLike[str] | None = None,
    dataset: str | os.PathLike[str] | DatasetFiles | None = None,
) -> InfoResult:
    """Tell what is in a question folder or in a dataset; no frame is opened.

    Args:
        folder: A question folder.
        dataset: A dataset directory, or a repository that `open_repo` opened; give just one of the two.

    Raises:
        ValueError: Neither or both were given.
        FileNotFoundError: There is no such folder or dataset.
        DatasetError: The dataset is damaged.
    """
    if (folder is None) == (dataset is None):
        raise ValueError("info takes a folder or a dataset, and just one of them")
    if folder is not None:
        return _folder_info(scan_folder(folder), str(folder))
    assert dataset is not None
    return dataset_info(dataset if isinstance(dataset, DatasetFiles) else open_dataset_dir(dataset))


def _folder_info(scan: Scan, name: str) -> InfoResult:
    tasks = list(_folder_tasks(scan))
    content = manifest_content(scan)
    size_bytes = sum(entry.size_bytes for entry in scan.files)
    return InfoResult(name, tasks, len(scan.files), size_bytes, _manifest(content, tasks))


def _folder_tasks(scan: Scan) -> Iterator[TaskFacts]:
    for task in scan.tasks:
        contents = read_task(scan.root, task, media=False)
        metadata = contents.metadata or {}
        sizes = {name: entry.size_bytes for name, entry in task.files.items()}
        difficulty, category = (scalar_text(metadata.get(key)) for key in ("difficulty", "task_category"))
        yield _facts(task.path, contents.id, contents.domain, difficulty, category, sizes)


def dataset_info(dataset: DatasetFiles) -> InfoResult:
    """Do what `info` does, with a dataset that is open already."""
    sizes: dict[str, dict[str, int]] = defaultdict(dict)
    files, size_bytes, manifest = 0, 0, None
    for listed in read_listing(dataset, contents=True):
        if listed.size_bytes is not None:
            folder, _, name = listed.path.rpartition("/")
            if name in layout.QUESTION_FILES:
                sizes[folder][name] = listed.size_bytes
            files += 1
            size_bytes += listed.size_bytes
        if listed.path == layout.MANIFEST:
            manifest = listed.content
    tasks = sorted(_dataset_tasks(dataset, sizes), key=lambda task: task.path)
    return InfoResult(dataset.name, tasks, files, size_bytes, _manifest(manifest, tasks))


def _dataset_tasks(dataset: DatasetFiles, sizes: dict[str, dict[str, int]]) -> Iterator[TaskFacts]:
    """Read the names of all tasks, of others' tables too; what they have no column for is null."""
    for name in dataset.questions:
        with open_shard(dataset.peek(name)) as shard:
            columns = map_columns(shard.schema_arrow, f"{dataset.name}: {name}")
            stated = [column for column in _STATED if column in shard.schema_arrow.names]
            for group in range(shard.num_row_groups):
                table = read_group(shard, name, group, [*columns.key_columns, *stated])
                texts = {column: table[column].to_pylist() for column in stated}
                for row, (task_id, domain, path) in enumerate(zip(*columns.keys(table), strict=True)):
                    difficulty, category = (texts[one][row] if one in texts else None for one in _STATED)
                    yield _facts(path, task_id, domain or "", difficulty, category, sizes.get(path, {}))


def _facts(
    path: str, name: str, domain: str, difficulty: str | None, category: str | None, sizes: dict[str, int]
) -> TaskFacts:
    frames = sum(frame in sizes for frame in _FRAMES)
    videos = int(layout.GROUND_TRUTH in sizes)
    return TaskFacts(path, name, domain, difficulty, category, frames, videos, sum(sizes.values()))


def _manifest(content: bytes | None, tasks: Iterable[TaskFacts]) -> list[Problem] | None:
    if content is None:
        return None
    return manifest_problems(content, [TaskKey(task.path, task.domain, task.id) for task in tasks])
