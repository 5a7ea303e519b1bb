"""List every problem of a question folder, without changing it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from vmeval_builders import layout
from vmeval_builders.frames import FrameError, frame_size
from vmeval_builders.manifest import TaskKey, manifest_problems
from vmeval_builders.problems import Problem
from vmeval_builders.rows import FolderChangedError, TaskContents, read_file, read_task
from vmeval_builders.scan import Scan, scan_folder

# https://huggingface.co/docs/hub/storage-limits: recommended limits of one repository.
HUB_FOLDER_ENTRIES = 10_000
HUB_FILES = 100_000

#: What `--keep-incomplete` lets through.
INCOMPLETE_CODES = frozenset({"no-first-frame", "no-prompt"})


def check_folder(path: str | os.PathLike[str], quick: bool = False) -> list[Problem]:
    """List every problem of a question folder.

    Args:
        path: The folder that holds the ``*_task`` folders.
        quick: Look at each frame's header only, instead of decoding it.

    Returns:
        Errors first, then warnings, each by path. Empty where there is nothing to say.

    Raises:
        FileNotFoundError: There is no such folder.
        NotADirectoryError: The path is a file.
    """
    scan = scan_folder(path)
    problems = list(folder_problems(scan))
    keys = []
    for task in scan.tasks:
        try:
            contents = read_task(scan.root, task)
        except FolderChangedError:
            message = "It changes while it is read; run again when nothing writes into the folder."
            problems.append(Problem("changing", "error", task.path, message))
            continue
        except OSError as error:
            problems.append(Problem.unreadable(_relative(scan.root, error, task.path), error))
            continue
        problems += task_problems(contents, scan, decode=not quick)
        keys.append(TaskKey(task.path, contents.domain, contents.id))
    problems += _unreadable_files(scan)
    problems += manifest_problems(manifest_content(scan), keys)
    return sorted_problems(problems)


def sorted_problems(problems: Iterable[Problem]) -> list[Problem]:
    """Order problems for people: errors first, then by path."""
    return sorted(set(problems), key=lambda one: (one.severity, one.path, one.code, one.message))


def folder_problems(scan: Scan) -> Iterator[Problem]:
    """List what can be said from names and sizes alone."""
    yield from scan.problems
    if not scan.tasks:
        message = "No task folder in it; give the folder that holds the *_task folders."
        yield Problem("no-tasks", "error", "", message)
    for folder in scan.empty_folders:
        message = "The folder is empty; a table keeps it, a raw mirror on the Hub cannot."
        yield Problem("empty-folder", "warning", folder, message)
    for entry in scan.files:
        if entry.size_bytes == 0 and entry.path.rpartition("/")[2] != layout.FIRST_FRAME:
            yield Problem("empty-file", "warning", entry.path, "The file is empty.")
    yield from _hub_problems(scan)


def _hub_problems(scan: Scan) -> Iterator[Problem]:
    for folder, entries in sorted(scan.folder_entries.items()):
        if entries > HUB_FOLDER_ENTRIES:
            message = f"{entries:,} entries in one folder; the Hub wants {HUB_FOLDER_ENTRIES:,} at most."
            yield Problem("hub-folder-limit", "warning", folder, f"{message} A table has no such limit.")
    if len(scan.files) > HUB_FILES:
        message = f"{len(scan.files):,} files; the Hub wants {HUB_FILES:,} at most in one repository."
        yield Problem("hub-file-limit", "warning", "", f"{message} A table has no such limit.")
    for entry in scan.files:
        *folders, name = entry.path.split("/")
        if name == ".gitignore" and entry.size_bytes:
            message = "The Hub's client leaves out what it matches when files are uploaded raw."
            yield Problem("gitignore", "warning", entry.path, message)
        if ".cache" in folders:
            message = "The Hub refuses .cache folders; a table keeps it, a raw mirror cannot."
            yield Problem("cache-folder", "warning", entry.path, message)


def task_problems(
    contents: TaskContents, scan: Scan | None = None, decode: bool = False
) -> Iterator[Problem]:
    """List the problems of one task's contents.

    Args:
        contents: The task's files.
        scan: The walked folder, where dead path fields are to be found too.
        decode: Decode the frames, instead of reading their headers.
    """
    path = contents.task.path
    if "first_frame" not in contents.media:
        message = f"{layout.FIRST_FRAME} is missing; add it, or keep the task with --keep-incomplete."
        yield Problem("no-first-frame", "error", path, message)
    if "prompt" not in contents.raw_texts:
        message = f"{layout.PROMPT} is missing; add it, or keep the task with --keep-incomplete."
        yield Problem("no-prompt", "error", path, message)
    yield from _frame_problems(contents, decode)
    yield from _text_problems(contents)
    if scan is not None:
        yield from _dead_paths(contents, scan)


def _frame_problems(contents: TaskContents, decode: bool) -> Iterator[Problem]:
    sizes = {}
    names = {"first_frame": layout.FIRST_FRAME, "final_frame": layout.FINAL_FRAME}
    for column in names.keys() & contents.media.keys():
        try:
            sizes[column] = frame_size(contents.media[column], decode)
        except FrameError as error:
            path = f"{contents.task.path}/{names[column]}"
            yield Problem("bad-frame", "error", path, f"The frame {error}.")
    if len(set(sizes.values())) > 1:
        first, final = (
            f"{width} x {height}" for width, height in (sizes["first_frame"], sizes["final_frame"])
        )
        message = f"The first frame has {first} pixels, the final frame {final}."
        yield Problem("frame-sizes", "warning", contents.task.path, message)


def _text_problems(contents: TaskContents) -> Iterator[Problem]:
    path = contents.task.path
    if "prompt" in contents.raw_texts and "prompt" not in contents.texts:
        message = "It is not UTF-8; its bytes are kept, and the prompt column stays empty."
        yield Problem("prompt-not-utf8", "warning", f"{path}/{layout.PROMPT}", message)
    if contents.metadata_fault:
        message = f"The metadata {contents.metadata_fault}."
        yield Problem("bad-metadata", "error", f"{path}/{layout.METADATA}", message)
    elif contents.metadata is None:
        yield Problem("no-metadata", "warning", path, f"{layout.METADATA} is missing.")
    else:
        stated, prompt = contents.metadata.get("prompt"), contents.texts.get("prompt")
        if isinstance(stated, str) and prompt is not None and stated.strip() != prompt.strip():
            message = f"It differs from the prompt in {layout.METADATA}."
            yield Problem("prompt-differs", "warning", f"{path}/{layout.PROMPT}", message)


def _dead_paths(contents: TaskContents, scan: Scan) -> Iterator[Problem]:
    for key, value in (contents.metadata or {}).items():
        if (
            key.endswith("_path")
            and isinstance(value, str)
            and value
            and not _leads_somewhere(value, contents, scan)
        ):
            message = f"{key} leads nowhere in this folder: {value[:200]!a}."
            yield Problem("dead-path", "warning", f"{contents.task.path}/{layout.METADATA}", message)


def _leads_somewhere(stated: str, contents: TaskContents, scan: Scan) -> bool:
    """Whether a stated path is a file's path here, as seen from the folder, the task or a folder above."""
    name = stated.replace("\\", "/")
    task = contents.task.path
    # Asked of the list of files, never of the file system: the path comes from data.
    return any(path in scan.by_path for path in (name, f"{task}/{name}")) or any(
        name.endswith(f"/{task}/{file}") for file in contents.task.files
    )


def _unreadable_files(scan: Scan) -> Iterator[Problem]:
    of_tasks = {entry.path for task in scan.tasks for entry in task.files.values()}
    for entry in scan.files:
        if entry.path not in of_tasks:
            try:
                with (scan.root / entry.path).open("rb") as stream:
                    stream.read(1)
            except OSError as error:
                yield Problem.unreadable(entry.path, error)


def manifest_content(scan: Scan) -> bytes | None:
    """Read the manifest, or give None where there is none.

    One that cannot be read counts as missing here; it is listed as unreadable with the other files.
    """
    entry = scan.by_path.get(layout.MANIFEST)
    try:
        return read_file(scan.root, entry) if entry else None
    except (OSError, FolderChangedError):
        return None


def _relative(root: Path, error: OSError, task: str) -> str:
    if isinstance(error.filename, str) and Path(error.filename).is_relative_to(root):
        return Path(error.filename).relative_to(root).as_posix()
    return task


def refusals(problems: Iterable[Problem], keep_incomplete: bool) -> list[Problem]:
    """Pick the problems for which a build is refused."""
    allowed = INCOMPLETE_CODES if keep_incomplete else frozenset()
    return [one for one in problems if one.severity == "error" and one.code not in allowed]
