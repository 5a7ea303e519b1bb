"""Look through the one top folder of an archive: ``tar cf q.tar questions`` packs the folder, not what is in it."""

from __future__ import annotations

from itertools import chain

from vmeval_builders import paths
from vmeval_builders.choice import tool_name
from vmeval_builders.file_list import FileList
from vmeval_builders.folder_list import FolderList
from vmeval_builders.problems import Problem
from vmeval_builders.sources.source import Index

_ROW_FILES = paths.QUESTION_FILES | {paths.VBVR_METADATA}


def top_folder(index: Index) -> str | None:
    """Name the folder that stands for the root of an archive, or None where the root stands for itself.

    It is the only entry at the root, of which the archive itself says nothing. A folder that means something to
    those below it is none: a domain's (``maze_task``, or one whose folders hold frames and prompts), or a task's.
    """
    if index.folders[""].mtime_ns is not None:
        return None
    files = FileList.of(index.files)
    at_root = chain.from_iterable(names for folder, names in files.by_runs() if not folder)
    everything = chain(at_root, filter(None, index.folders), (problem.path for problem in index.problems))
    tops = {path.partition("/")[0] for path in everything if not tool_name(path)}
    top = tops.pop() if len(tops) == 1 else None
    if top is None or top not in index.folders or paths.path_problem(top) or top.endswith(paths.TASK_SUFFIX):
        return None
    return top if _holds_domains(index) or not _is_domain(files) else None


def _holds_domains(index: Index) -> bool:
    return any(path.count("/") == 1 and path.endswith(paths.TASK_SUFFIX) for path in index.folders)


def _is_domain(files: FileList) -> bool:
    """Whether the top folder, or a folder directly in it, is a task."""
    return any(
        not _ROW_FILES.isdisjoint(names) and folder.count("/") <= 1 for folder, names in files.by_runs()
    )


def below(index: Index, top: str) -> Index:
    """Take what lies below a folder for all that there is."""
    start = f"{top}/"

    def called(folder: str) -> str | None:
        if folder == top:
            return ""
        return folder.removeprefix(start) if folder.startswith(start) else None

    return Index(
        source=index.source,
        files=FileList.of(index.files).below(top),
        folders=FolderList.of(index.folders).called(called),
        problems=[
            Problem(one.code, one.severity, one.path.removeprefix(start), one.message)
            for one in index.problems
        ],
        tags=index.tags,
    )
