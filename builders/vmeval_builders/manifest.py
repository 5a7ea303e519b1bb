"""The manifest ``vmeval_dataset.json``: which task folders it lists, and whether they are there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vmeval_builders import paths
from vmeval_builders.json_values import parse_object, scalar_text
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.problems import Problem

_FRAME_KEYS = ("first_image_path", "first_frame", "final_image_path", "final_frame")
_KEYS = ("pairs", "questions", "id", "domain", *_FRAME_KEYS)


@dataclass(frozen=True, slots=True)
class TaskKey:
    """How a task can be named: by its folder, or by domain and id."""

    path: str
    domain: str
    id: str


def task_key(layout: Layout, row: Mapping[str, Any]) -> TaskKey:
    """Give the names of a row's task."""
    return TaskKey(row["path"], row[layout.domain_column], row[layout.id_column])


def manifest_problems(content: bytes | None, tasks: Iterable[TaskKey]) -> list[Problem]:
    """Compare the manifest with the task folders.

    Args:
        content: The manifest's bytes, or None where the folder has none (which is no problem).
        tasks: The folder's tasks.

    Returns:
        Entries without a folder and entries that come twice (errors), and folders that it does not list
        (warnings). A manifest that cannot be read is one error.
    """
    if content is None:
        return []
    entries, fault = manifest_entries(content)
    if fault:
        return [Problem("bad-manifest", "error", paths.MANIFEST, f"The manifest {fault}.")]
    tasks = list(tasks)
    index = _Index(tasks)
    problems = []
    listed: set[str] = set()
    for number, entry in enumerate(entries):
        path = index.find(entry)
        if path is None:
            message = f"Entry {number} ({entry_name(entry)}) has no folder; add the folder or drop the entry."
            problems.append(Problem("manifest-without-folder", "error", paths.MANIFEST, message))
        elif path in listed:
            message = (
                f"Entry {number} ({entry_name(entry)}) names {path}, which an entry before it names too."
            )
            problems.append(Problem("duplicate-task", "error", paths.MANIFEST, message))
        else:
            listed.add(path)
    for task in tasks:
        if task.path not in listed:
            message = "The manifest does not list this task."
            problems.append(Problem("not-in-manifest", "warning", task.path, message))
    return problems


def manifest_entries(content: bytes) -> tuple[list[Any], str | None]:
    """Read the manifest's list of questions (``pairs``, or ``questions`` as some documents say).

    Returns:
        The entries, with the keys by which tasks are named, and None, or an empty list and the end of a sentence that says what is wrong.
    """
    try:
        text: str | None = content.decode()
    except UnicodeDecodeError:
        text = None
    # A manifest repeats all metadata of all questions, which would take some 10 kB of memory each.
    manifest, fault = parse_object(text, keep=_KEYS)
    if manifest is None:
        return [], fault
    entries = manifest.get("pairs", manifest.get("questions", []))
    if not isinstance(entries, list):
        return [], "has 'pairs' that are not a list"
    return entries, None


def entry_name(entry: object) -> str:
    """Name a manifest entry for a message."""
    name = scalar_text(entry.get("id")) if isinstance(entry, dict) else None
    return name or "without an id"


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
        domain, name = scalar_text(entry.get("domain")), scalar_text(entry.get("id"))
        return self._keys.get((domain, name)) if domain and name else None


def _entry_folders(entry: dict[str, Any]) -> Iterator[str]:
    """Guess the task folder from the entry's frame paths, which may start above the question folder."""
    for key in _FRAME_KEYS:
        stated = entry.get(key)
        if isinstance(stated, str):
            names = stated.replace("\\", "/").split("/")[:-1]
            yield from ("/".join(names[start:]) for start in range(len(names)))
