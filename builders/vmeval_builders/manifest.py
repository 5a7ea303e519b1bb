"""The manifest ``vmeval_dataset.json``: which task folders it lists, and whether they are there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vmeval_builders import paths
from vmeval_builders.json_values import parse_object, parse_value, scalar_text
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.problems import Problem

_PATH_KEYS = (
    *("first_image_path", "first_frame", "final_image_path", "final_frame"),
    # VBVR-Bench's.
    *("first_frame_path", "final_frame_path", "ground_truth_video_path", "prompt_path"),
)
_DOMAIN_KEYS, _ID_KEYS = ("domain", "task_name"), ("id", "idx")
_KEYS = ("pairs", "questions", *_DOMAIN_KEYS, *_ID_KEYS, *_PATH_KEYS)


@dataclass(frozen=True, slots=True)
class TaskKey:
    """How a task can be named: by its folder, or by domain and id."""

    path: str
    domain: str
    id: str


def task_key(layout: Layout, row: Mapping[str, Any]) -> TaskKey:
    """Give the names of a row's task."""
    return TaskKey(row["path"], row[layout.domain_column], row[layout.id_column])


def manifest_names(layout: Layout, paths_there: Iterable[str]) -> list[str]:
    """Name the files that may list the rows of a folder: its manifest, and other JSON at its root."""
    if not layout.manifest:
        return []
    return [path for path in paths_there if "/" not in path and path.endswith(".json")]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file lists the tasks of a folder by.

    Attributes:
        name: The file's name.
        entries: What it lists, with the keys by which tasks are named.
        fault: What is wrong with it, as the end of a sentence; None where nothing is.
    """

    name: str
    entries: Sequence[Any]
    fault: str | None = None


def read_manifests(contents: Mapping[str, bytes]) -> list[Manifest]:
    """Read what lists the tasks of a folder.

    Args:
        contents: The files of `manifest_names`, and their bytes.

    Returns:
        The manifest, and a benchmark's own lists; other JSON files are neither.
    """
    found = []
    for name, content in contents.items():
        if name == paths.MANIFEST:
            found.append(Manifest(name, *manifest_entries(content)))
        elif entries := _bench_entries(content):
            found.append(Manifest(name, entries))
    return found


def _bench_entries(content: bytes) -> list[Any]:
    """Give the entries of a benchmark's list of tasks; none where a JSON file is something else."""
    value, _ = parse_value(_text(content), keep=_KEYS)
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        return []
    return value if all(any(key in entry for key in _PATH_KEYS) for entry in value) else []


def compare_manifests(manifests: Sequence[Manifest], tasks: Iterable[TaskKey]) -> list[Problem] | None:
    """Compare what lists the tasks of a folder with its task folders.

    Args:
        manifests: What lists them.
        tasks: The folder's tasks.

    Returns:
        Entries without a folder and entries that come twice (errors), and folders that are not listed (warnings). A
        manifest that cannot be read is one error. None where nothing lists tasks. What the manifest says is held to
        be meant; a benchmark's own list is published whole, beside whatever of its folders somebody has: all of it
        is warnings.
    """
    if not manifests:
        return None
    tasks = list(tasks)
    found: list[Problem] = []
    for one in manifests:
        if one.fault:
            found.append(Problem("bad-manifest", "error", one.name, f"The manifest {one.fault}."))
            continue
        problems = _entry_problems(one.name, one.entries, tasks)
        is_ours = one.name == paths.MANIFEST
        found += problems if is_ours else (replace(problem, severity="warning") for problem in problems)
    return found


def _entry_problems(name: str, entries: Sequence[Any], tasks: Sequence[TaskKey]) -> Iterator[Problem]:
    is_ours = name == paths.MANIFEST
    way_on = "; add the folder, drop the entry, or keep it so with --keep-incomplete" if is_ours else ""
    index = _Index(tasks)
    listed: set[str] = set()
    for number, entry in enumerate(entries):
        path = index.find(entry)
        if path is None:
            message = f"Entry {number} ({entry_name(entry)}) has no folder{way_on}."
            yield Problem("manifest-without-folder", "error", name, message)
        elif path in listed:
            message = (
                f"Entry {number} ({entry_name(entry)}) names {path}, which an entry before it names too."
            )
            yield Problem("duplicate-task", "error", name, message)
        else:
            listed.add(path)
    which = "The manifest" if is_ours else name
    for task in tasks:
        if task.path not in listed:
            yield Problem("not-in-manifest", "warning", task.path, f"{which} does not list this task.")


def _text(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def manifest_entries(content: bytes) -> tuple[list[Any], str | None]:
    """Read the manifest's list of questions (``pairs``, or ``questions`` as some documents say).

    Returns:
        The entries, with the keys by which tasks are named, and None, or an empty list and the end of a sentence that says what is wrong.
    """
    # A manifest repeats all metadata of all questions, which would take some 10 kB of memory each.
    manifest, fault = parse_object(_text(content), keep=_KEYS)
    if manifest is None:
        return [], fault
    entries = manifest.get("pairs", manifest.get("questions", []))
    if not isinstance(entries, list):
        return [], "has 'pairs' that are not a list"
    return entries, None


def entry_name(entry: object) -> str:
    """Name a manifest entry for a message."""
    if not isinstance(entry, dict):
        return "without an id"
    paths_stated = (entry.get(key) for key in _PATH_KEYS)
    path = next((one for one in paths_stated if isinstance(one, str)), "").rpartition("/")[0]
    return scalar_text(entry.get("id")) or path or scalar_text(entry.get("idx")) or "without an id"


class _Index:
    """Task folders by every name that a manifest uses for them."""

    def __init__(self, tasks: Iterable[TaskKey]) -> None:
        self._paths: set[str] = set()
        self._keys: dict[tuple[str, str], str] = {}
        for task in tasks:
            self._paths.add(task.path)
            folder = task.path.rpartition("/")[2]
            for name in (folder, task.id):
                self._keys.setdefault((task.domain, name), task.path)

    def find(self, entry: object) -> str | None:
        if not isinstance(entry, dict):
            return None
        for path in _entry_folders(entry):
            if path in self._paths:
                return path
        domain, name = (_first(entry, keys) for keys in (_DOMAIN_KEYS, _ID_KEYS))
        return self._keys.get((domain, name)) if domain and name else None


def _first(entry: dict[str, Any], keys: Iterable[str]) -> str | None:
    return next((text for key in keys if (text := scalar_text(entry.get(key))) is not None), None)


def _entry_folders(entry: dict[str, Any]) -> Iterator[str]:
    """Guess the task folder from the entry's frame paths, which may start above the question folder."""
    for key in _PATH_KEYS:
        stated = entry.get(key)
        if isinstance(stated, str):
            names = stated.replace("\\", "/").split("/")[:-1]
            yield from ("/".join(names[start:]) for start in range(len(names)))
