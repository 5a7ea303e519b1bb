"""The manifest ``vmeval_dataset.json``: which task folders it lists, and whether they are there."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vmeval_builders import paths
from vmeval_builders.json_lists import parse_lists
from vmeval_builders.json_values import parse_object, parse_value, scalar_text
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.packed_values import PackedValues
from vmeval_builders.problems import Problem
from vmeval_builders.texts import OptionalTexts, Texts

_PATH_KEYS = (
    *("first_image_path", "first_frame", "final_image_path", "final_frame"),
    # VBVR-Bench's.
    *("first_frame_path", "final_frame_path", "ground_truth_video_path", "prompt_path"),
)
_DOMAIN_KEYS, _ID_KEYS = ("domain", "task_name"), ("id", "idx")
_LISTS = ("pairs", "questions")
_KEYS = (*_LISTS, *_DOMAIN_KEYS, *_ID_KEYS, *_PATH_KEYS)


@dataclass(frozen=True, slots=True)
class TaskKey:
    """How a task can be named: by its folder, or by domain and id."""

    path: str
    domain: str
    id: str


def task_key(layout: Layout, row: Mapping[str, Any]) -> TaskKey:
    """Give the names of a row's task."""
    return TaskKey(row["path"], row[layout.domain_column], row[layout.id_column])


class TaskKeys(Sequence[TaskKey]):
    """The names of many tasks; one is made when it is asked for."""

    def __init__(self) -> None:
        self._paths = Texts()
        self._domains: list[str] = []
        self._numbers: dict[str, int] = {}
        self._of_domains = array("I")
        # None where it is the folder's name, as mostly.
        self._ids = OptionalTexts()

    def append(self, path: str, domain: str, row_id: str) -> None:
        """Take in the names of a task, as `TaskKey` has them."""
        self._paths.append(path)
        if domain not in self._numbers:
            self._numbers[domain] = len(self._domains)
            self._domains.append(domain)
        self._of_domains.append(self._numbers[domain])
        self._ids.append(None if row_id == _folder_name(path) else row_id)

    def __len__(self) -> int:
        """Count the tasks."""
        return len(self._paths)

    def __getitem__(self, number: Any) -> Any:  # noqa: ANN401 - numbers of tasks only
        """Give the names of one task."""
        return self._key(self._paths[number], self._of_domains[number], self._ids[number])

    def __iter__(self) -> Iterator[TaskKey]:
        """Give the names of all tasks, in their order."""
        return map(self._key, self._paths, self._of_domains, self._ids)

    def _key(self, path: str, domain: int, row_id: str | None) -> TaskKey:
        return TaskKey(path, self._domains[domain], _folder_name(path) if row_id is None else row_id)


def _folder_name(path: str) -> str:
    return path.rpartition("/")[2]


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
            found.append(Manifest(name, _packed(entries)))
    return found


def _bench_entries(content: bytes) -> list[Any]:
    """Give the entries of a benchmark's list of tasks; none where a JSON file is something else."""
    value, _ = parse_value(_text(content), keep=_KEYS)
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        return []
    return value if all(any(key in entry for key in _PATH_KEYS) for entry in value) else []


def compare_manifests(manifests: Sequence[Manifest], tasks: Sequence[TaskKey]) -> list[Problem] | None:
    """List `manifest_problems`; None where nothing lists tasks."""
    return list(manifest_problems(manifests, tasks)) if manifests else None


def manifest_problems(manifests: Sequence[Manifest], tasks: Sequence[TaskKey]) -> Iterator[Problem]:
    """Compare what lists the tasks of a folder with its task folders.

    Args:
        manifests: What lists them.
        tasks: The folder's tasks.

    Yields:
        Entries without a folder and entries that come twice (errors), and folders that are not listed (warnings). A
        manifest that cannot be read is one error. What the manifest says is held to be meant; a benchmark's own list
        is published whole, beside whatever of its folders somebody has: all of it is warnings.
    """
    for one in manifests:
        if one.fault:
            yield Problem("bad-manifest", "error", one.name, f"The manifest {one.fault}.")
            continue
        problems = _entry_problems(one.name, one.entries, tasks)
        is_ours = one.name == paths.MANIFEST
        yield from problems if is_ours else (replace(problem, severity="warning") for problem in problems)


def _entry_problems(name: str, entries: Sequence[Any], tasks: Sequence[TaskKey]) -> Iterator[Problem]:
    is_ours = name == paths.MANIFEST
    way_on = "; add the folder, drop the entry, or keep it so with --keep-incomplete" if is_ours else ""
    index = _Index(tasks)
    listed = bytearray(len(tasks))
    for number, entry in enumerate(entries):
        task = index.find(entry)
        if task is None:
            message = f"Entry {number} ({entry_name(entry)}) has no folder{way_on}."
            yield Problem("manifest-without-folder", "error", name, message)
        elif listed[task]:
            named = tasks[task].path
            message = (
                f"Entry {number} ({entry_name(entry)}) names {named}, which an entry before it names too."
            )
            yield Problem("duplicate-task", "error", name, message)
        else:
            listed[task] = True
    which = "The manifest" if is_ours else name
    for key, is_listed in zip(tasks, listed, strict=True):
        if not is_listed:
            yield Problem("not-in-manifest", "warning", key.path, f"{which} does not list this task.")


def _text(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def manifest_entries(content: bytes) -> tuple[Sequence[Any], str | None]:
    """Read the manifest's list of questions (``pairs``, or ``questions`` as some documents say).

    Returns:
        What names tasks in the entries, and None, or an empty list and the end of a sentence that says what is wrong.
    """
    # A manifest repeats all metadata of all questions, which would take some 10 kB of memory each.
    text = _text(content)
    found: dict[str, Any] | None = parse_lists(text, _LISTS, _KEYS, _packed) if text else None
    if found is None:
        found, fault = parse_object(text, keep=_KEYS)
        if found is None:
            return [], fault
    entries: object = next((found[key] for key in _LISTS if key in found), [])
    if isinstance(entries, list):
        return _packed(entries), None
    return (entries, None) if isinstance(entries, PackedValues) else ([], "has 'pairs' that are not a list")


def _packed(entries: Iterable[Any]) -> PackedValues:
    """Keep what may name a task: an object's keys, with the values that are not objects or lists."""
    return PackedValues(map(_scalars, entries))


def _scalars(entry: object) -> dict[str, object] | None:
    if not isinstance(entry, dict):
        return None
    return {key: None if isinstance(value, dict | list) else value for key, value in entry.items()}


def entry_name(entry: object) -> str:
    """Name a manifest entry for a message."""
    if not isinstance(entry, dict):
        return "without an id"
    paths_stated = (entry.get(key) for key in _PATH_KEYS)
    path = next((one for one in paths_stated if isinstance(one, str)), "").rpartition("/")[0]
    return scalar_text(entry.get("id")) or path or scalar_text(entry.get("idx")) or "without an id"


class _Index:
    """Task folders by every name that a manifest uses for them."""

    def __init__(self, tasks: Sequence[TaskKey]) -> None:
        self._tasks = tasks
        # Half of a name's hash, and the task's number: a few bytes for each name, where the names themselves take hundreds.
        self._found = array("Q", sorted(_half_hash(name) << 32 | number for number, name in _names(tasks)))

    def find(self, entry: object) -> int | None:
        """Give the number of the first task that a manifest's entry names."""
        if not isinstance(entry, dict):
            return None
        for path in _entry_folders(entry):
            if (number := self._first((path,))) is not None:
                return number
        domain, name = (_first(entry, keys) for keys in (_DOMAIN_KEYS, _ID_KEYS))
        return self._first((domain, name)) if domain and name else None

    def _first(self, name: tuple[str, ...]) -> int | None:
        """Give the number of the first task that has a name."""
        half = _half_hash(name)
        at = bisect_left(self._found, half << 32)
        while at < len(self._found) and self._found[at] >> 32 == half:
            number = self._found[at] & 0xFFFF_FFFF
            if name in _names_of(self._tasks[number]):
                return number
            at += 1
        return None


def _names(tasks: Iterable[TaskKey]) -> Iterator[tuple[int, tuple[str, ...]]]:
    return ((number, name) for number, task in enumerate(tasks) for name in _names_of(task))


def _names_of(task: TaskKey) -> set[tuple[str, ...]]:
    return {(task.path,), (task.domain, _folder_name(task.path)), (task.domain, task.id)}


def _half_hash(name: tuple[str, ...]) -> int:
    return hash(name) & 0xFFFF_FFFF


def _first(entry: dict[str, Any], keys: Iterable[str]) -> str | None:
    return next((text for key in keys if (text := scalar_text(entry.get(key))) is not None), None)


def _entry_folders(entry: dict[str, Any]) -> Iterator[str]:
    """Guess the task folder from the entry's frame paths, which may start above the question folder."""
    guessed = None
    for key in _PATH_KEYS:
        stated = entry.get(key)
        if isinstance(stated, str):
            folder, is_below, _ = stated.replace("\\", "/").rpartition("/")
            if folder == guessed:  # as the folder of another frame of the same task
                continue
            guessed = folder
            while is_below:
                yield folder
                _, is_below, folder = folder.partition("/")
