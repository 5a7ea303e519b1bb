"""Outputs: one row per run of a model on a task, or per video or picture that it made, as the field's runners write them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import replace
from functools import cache
from itertools import takewhile
from typing import Any

from vmeval_builders import paths
from vmeval_builders.entries import Contents, FileEntry, FolderEntry, Unit
from vmeval_builders.file_list import FileList
from vmeval_builders.json_values import scalar_text, value_at
from vmeval_builders.layouts.columns import Computed, Image, Images, Json, JsonFile, Text, Video
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.layouts.levels import same_name, task_domain
from vmeval_builders.layouts.match import Matcher
from vmeval_builders.layouts.run_paths import (
    IMAGE_ENDINGS,
    VIDEO_ENDINGS,
    RunPath,
    is_named_sample,
    is_of_sequence,
    is_one_file,
    model_in,
    read_run_path,
)
from vmeval_builders.problems import Problem
from vmeval_builders.unit_list import UnitFiles, UnitList

_VIDEOS = tuple(f"*{ending}" for ending in VIDEO_ENDINGS)
_IMAGES = tuple(f"*{ending}" for ending in IMAGE_ENDINGS)
_FOR_INPUTS = frozenset(f"output{ending}" for ending in (*VIDEO_ENDINGS, *IMAGE_ENDINGS))
_QUESTION, _VIDEO, _INPUTS = "question", "video", "inputs"
_INPUT_FILES = frozenset({paths.PROMPT, paths.FIRST_FRAME, paths.FIRST_VIDEO})
#: What the runners of October 2025 write down of each video, beside the videos or above them.
LOG = "inference_log.json"
_MODEL_KEYS = ("model_name", "metadata.model_name", "inference.model_name")


class Outputs(Layout):
    """Runs in folders of their own, with the question; or a video, several videos or pictures a task."""

    name = "outputs"
    noun = "run"
    title = "Outputs of video models"
    rows = "**/{task_id}"
    # A run that failed has an empty video folder; one that was killed early may have no metadata.
    marks = frozenset({f"{_QUESTION}/", f"{_VIDEO}/", f"{_INPUTS}/", *_VIDEOS, *_IMAGES})
    never_beside = paths.QUESTION_FILES
    id_column = "task_id"
    group_column = "model"
    domain_column = "domain"
    shown = ("model", "domain", "status")
    gallery_video = "video"
    gallery_filter = "model"
    gallery_text = "prompt"
    # VMEvalKit's dashboard takes the run folder that was modified last as the run of a task.
    keeps_times = True

    experiment = Computed()
    model = Computed()
    checkpoint = Computed()
    split = Computed()
    generator = Computed()
    domain = Computed()
    task_id = Computed()
    run_id = Computed()
    sample = Computed()
    status = Json("inference.status", "status")
    error = Json("inference.error", "error")
    duration_seconds = Json("inference.duration_seconds", kind="float64")
    started_at = Json("inference.timestamp", "timestamp")
    prompt = Text(f"{_QUESTION}/{paths.PROMPT}", f"{_INPUTS}/{paths.PROMPT}")
    first_frame = Image(f"{_QUESTION}/{paths.FIRST_FRAME}", f"{_INPUTS}/{paths.FIRST_FRAME}")
    final_frame = Image(f"{_QUESTION}/{paths.FINAL_FRAME}", f"{_INPUTS}/{paths.FINAL_FRAME}")
    video = Video(*(f"{_VIDEO}/{name}" for name in _VIDEOS), *_VIDEOS)
    images = Images(*_IMAGES)
    metadata = JsonFile("metadata.json")

    def parts(self, path: str) -> dict[str, str | None] | None:
        """Take a run's path apart: a folder of a run, a video or a picture."""
        read = read_run_path(path)
        return read.as_parts() if read else None

    def row_is_file(self, path: str) -> bool:
        """Whether a row is a video or a picture, instead of a run's folder."""
        return is_one_file(path)

    def places_of(self, column: str, path: str, name: str | None) -> list[str]:
        """List where a row's file may lie: a row that is a video or a picture is that file itself."""
        if is_one_file(path) and column == _column_of(path):
            return [path]
        return super().places_of(column, path, name)

    def units(self, files: Iterable[FileEntry], folders: Mapping[str, FolderEntry]) -> UnitList:
        """Find the runs that have folders, and the videos and pictures that lie in no such folder."""
        entries = FileList.of(files)
        parts = {
            path: read.as_parts()
            for path in _run_folders(entries, folders)
            if not is_one_file(path) and (read := read_run_path(path))
        }
        matcher = Matcher(parts.get, self.files, self.marks, self.never_beside, self.lists)
        found = matcher.units(entries, folders) if parts else UnitList(self.parts, entries)
        with_runs_inside = {path.rpartition("/")[0] for path in found.paths}
        runs = {
            path: at
            for at, path in enumerate(found.paths)
            if path not in with_runs_inside
            or f"{path}/{_VIDEO}" in folders
            or f"{path}/{_QUESTION}" in folders
        }
        lone = {path: (number, log) for path, number, log in _lone_files(entries, runs.keys())}
        units = UnitList(self.parts, entries)
        for path in sorted(runs.keys() | lone.keys()):
            if path in runs:
                units.append_from(found, runs[path])
            else:
                number, log = lone[path]
                units.append(path, UnitFiles((_slot_of(path),), ("",)), [number], log)
        return units

    def needs_row(self, parts: Mapping[str, str | None], has_json: bool) -> bool:
        """Ask what states the model, where something may: it goes before what the path suggests."""
        return has_json

    def index_beside(self, value: object) -> Mapping[str, Any]:
        """Sort a log's entries by the names of their videos."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for entry in value if isinstance(value, list) else []:
            video = entry.get("video_path") if isinstance(entry, dict) else None
            if isinstance(video, str):
                found[video.replace("\\", "/").rpartition("/")[2]].append(entry)
        return found

    def stated_beside(self, unit: Unit, index: Mapping[str, Any]) -> dict[str, Any] | None:
        """Pick the log's entry for a video: the one whose path ends most alike."""
        entries = index.get(unit.path.rpartition("/")[2], [])
        return max(entries, key=lambda entry: _common_end(entry["video_path"], unit.path), default=None)

    def complete(self, row: dict[str, Any], contents: Contents) -> None:
        """Take what the metadata or the log states: it goes before what the path suggests."""
        if contents.value is not None and (read := read_run_path(row["path"])):
            row.update(_with_stated(read, contents).as_parts())

    def problems(self, contents: Contents, decode: bool) -> Iterator[Problem]:
        """Tell of metadata that cannot be read or contradicts the path; nothing of a run is required."""
        unit, read = contents.unit, read_run_path(contents.unit.path)
        if contents.fault:
            message = f"The metadata {contents.fault}; its bytes are kept, and the columns stay empty."
            yield Problem("bad-metadata", "warning", unit.files["metadata"].path, message)
        elif contents.value is None and _should_have_metadata(unit):
            yield Problem("no-metadata", "warning", unit.path, "metadata.json is missing.")
        stated = read and _stated_model(read, contents)
        if read and stated and _contradicts(read, stated, contents):
            message = f"It states the model {stated[:200]!a}, and the path suggests {read.levels.model!a}; the column has what it states."
            place = unit.files["metadata"].path if "metadata" in unit.files else unit.path
            yield Problem("other-model", "warning", place, message)


def _should_have_metadata(unit: Unit) -> bool:
    """Whether the runner that puts files there writes metadata too; those with a generator level do not."""
    folders = (f"{unit.path}/{_QUESTION}/", f"{unit.path}/{_VIDEO}/")
    return unit.parts["generator"] is None and any(
        one.path.startswith(folders) for one in unit.files.values()
    )


def _column_of(path: str) -> str:
    return "video" if path.endswith(VIDEO_ENDINGS) else "images"


def _slot_of(path: str) -> str:
    column = _column_of(path)
    return column if column == "video" else f"{column}/{path.rpartition('/')[2]}"


def _run_folders(files: FileList, folders: Mapping[str, FolderEntry]) -> set[str]:
    """Find the folders that hold what a runner writes, or whose place says that they are a run's."""
    found = set()
    videos: Counter[str] = Counter()
    with_video = set()
    for folder in folders:
        above, _, name = folder.rpartition("/")
        if name == _VIDEO:
            with_video.add(above)
        if above and (
            (name in (_QUESTION, _VIDEO) and _in_domain(above))
            or (name == _VIDEO and f"{above}/{_QUESTION}" in folders)
        ):
            found.add(above)
    for folder, name, _ in files.folder_index.named(_may_say_run):
        if name in _FOR_INPUTS and f"{folder}/{_INPUTS}" in folders:
            found.add(folder)
        elif name in _INPUT_FILES:
            above, _, last = folder.rpartition("/")
            if above and last == _INPUTS:
                found.add(above)
        elif name == "metadata.json":
            if folder and folder in with_video:
                found.add(folder)
        elif name.endswith(VIDEO_ENDINGS):
            if _in_domain(folder) and not is_named_sample(f"{folder}/{name}"):
                videos[folder] += 1
        elif is_of_sequence(f"{folder}/{name}"):
            found.add(folder)
    # Several videos in a task's folder are its samples, as those that are called so; in a run's they are the run's.
    found.update(folder for folder, count in videos.items() if count == 1 or not _is_task(folder))
    return found


def _may_say_run(name: str) -> bool:
    if name in _INPUT_FILES | _FOR_INPUTS or name == "metadata.json" or name.endswith(VIDEO_ENDINGS):
        return True
    # As `is_of_sequence` wants it, whatever the folder.
    return name.endswith(IMAGE_ENDINGS) and name.rpartition(".")[0][-1:].isdecimal()


def _in_domain(folder: str) -> bool:
    """Whether a folder is a task's or a run's in ``{domain}_task/{task_id}[/{run_id}]``."""
    return any(task_domain(one) is not None for one in folder.split("/")[-3:-1])


def _is_task(folder: str) -> bool:
    return task_domain(folder.rpartition("/")[0].rpartition("/")[2]) is not None


def _lone_files(files: FileList, runs: Set[str]) -> Iterator[tuple[str, int, FileEntry | None]]:
    """Find the videos and pictures that no run's folder holds, and that belong to no question, each with its log."""
    index = files.folder_index
    # What lies beside a question's files is the question's, or a run's.
    lone = list(index.named(is_one_file, but_beside=paths.QUESTION_FILES))
    if not lone:
        return
    logs = {folder: files[number] for folder, _, number in index.named(LOG.__eq__)}
    questions = {
        folder
        for folder, _, _ in index.named(paths.QUESTION_FILES.__contains__)
        if folder and not any(one in runs for one in _upwards(folder))
    }
    with_others = {above for folder in questions for above in _upwards(folder)}
    with_others |= {above for run in runs if _is_task(above := run.rpartition("/")[0])}

    @cache
    def is_taken(folder: str) -> bool:
        return folder in with_others or any(one in runs or one in questions for one in _upwards(folder))

    @cache
    def log_of(folder: str) -> FileEntry | None:
        return next((logs[one] for one in (*_upwards(folder), "") if one in logs), None)

    for folder, name, number in lone:
        path = f"{folder}/{name}" if folder else name
        log = log_of(folder)
        if (folder or log) and not is_taken(folder) and read_run_path(path):
            yield path, number, log


def _upwards(folder: str) -> Iterator[str]:
    """List a folder and those above it, without the root."""
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def _common_end(stated: str, path: str) -> int:
    """Count the names that two paths have in common at their ends."""
    pairs = zip(stated.replace("\\", "/").split("/")[::-1], path.split("/")[::-1], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _with_stated(read: RunPath, contents: Contents) -> RunPath:
    """Put what the metadata or the log states in the place of what the path suggests."""
    value, unit = contents.value, contents.unit
    if unit.beside is not None:
        task, domain = _task_of_frame(value_at(value, "image_path"))
        read = replace(read, run_id=scalar_text(value_at(value, "run_id")))
    elif any(task_domain(folder) is not None for folder in unit.path.split("/")):
        task, domain = None, None
    else:
        task, domain = (scalar_text(value_at(value, f"question_data.{key}")) for key in ("id", "domain"))
        if model := model_in(read.run_id, task):
            read = replace(read, levels=read.levels.of_model(model))
        else:
            task = None
    levels = replace(read.levels, domain=domain or read.levels.domain)
    read = replace(read, task_id=task or read.task_id, levels=levels)
    return replace(read, levels=levels.of_model(_stated_model(read, contents)))


def _task_of_frame(stated: object) -> tuple[str | None, str | None]:
    """Give task and domain of the question that a log names by its first frame."""
    names = stated.replace("\\", "/").split("/") if isinstance(stated, str) else []
    if len(names) < 2 or not names[-1].startswith("first_frame."):
        return None, None
    return names[-2] or None, (task_domain(names[-3]) or names[-3] or None) if len(names) > 2 else None


def _stated_model(read: RunPath, contents: Contents) -> str | None:
    """Give the model that the metadata or the log states."""
    keys = ("model", *_MODEL_KEYS) if contents.unit.beside is not None else _MODEL_KEYS
    stated = (scalar_text(value_at(contents.value, key)) for key in keys)
    return next(filter(None, stated), None) or model_in(
        value_at(contents.value, "inference.run_id"), read.task_id
    )


def _contradicts(read: RunPath, stated: str, contents: Contents) -> bool:
    """Whether the path suggests another model; the folder above October's videos is an experiment's."""
    named = {same_name(name) for name in (*read.levels.unnamed, read.levels.model) if name}
    is_experiment = contents.unit.beside is not None and len(read.levels.unnamed) < 2
    return bool(named) and same_name(stated) not in named and not is_experiment
