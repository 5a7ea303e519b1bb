"""Questions as a runner wants them: a dictionary for each task, with its files on this disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Unpack

from vmeval_builders.entries import Contents, Unit
from vmeval_builders.layouts.registry import QUESTIONS
from vmeval_builders.rows import read_unit, row_of
from vmeval_builders.scan import Scan, scan_rows
from vmeval_builders.sources.folder import Folder
from vmeval_hfds.api.export import export
from vmeval_hfds.api.to_dataset import to_dataset
from vmeval_hfds.claim import wait_until_free
from vmeval_hfds.errors import BusyTargetError
from vmeval_hfds.folder.record import state_folder
from vmeval_hfds.rows.chosen import check_chosen
from vmeval_hfds.rows.open import Opened, Source, open_source
from vmeval_hfds.store.directory import DatasetFiles
from vmeval_hfds.table.wanted import Chooser, Chosen, Wanted

#: What a task's dictionary calls the files that runners read.
_PATHS = {
    "first_image_path": "first_frame",
    "final_image_path": "final_frame",
    "first_video_path": "first_video",
    "ground_truth_path": "ground_truth",
}


def tasks(source: Source, **rows: Unpack[Chosen]) -> list[dict[str, Any]]:
    """Give the task dictionaries that VMEvalKit's ``InferenceRunner`` and its successors read.

    Of a folder, they point into it. Of a dataset, the files are exported when they are asked for, into the cache
    of this package in the Hugging Face home, and used again the next time; only what is missing is fetched.

    Args:
        source: A folder of questions, a dataset directory, a repository, or a `datasets.Dataset`.
        **rows: Which tasks, as `export` takes rows: `domains`, `ids`, `where`.

    Returns:
        By path, a dictionary for each task: ``id``, ``domain``, ``prompt`` (without white space around it), the absolute
        paths ``first_image_path``, ``final_image_path``, ``first_video_path`` and ``ground_truth_path`` (None where
        there is no such file), ``folder``, and the keys of its metadata that are none of these. The keys are
        those of VMEvalKit's ``examples/generate_videos.py``.

    Raises:
        UnknownNameError: No task has what is asked for, or questions have no such column.
        VmevalError: As `export` does; or the source cannot be opened.
    """
    opened = open_source(source)
    if isinstance(opened, Scan) and isinstance(opened.source, Folder):
        scan = opened
    else:
        scan = scan_rows(_exported(opened, rows), QUESTIONS.name)
    chooser = Chooser(Wanted(**rows), scan.layout, str(scan.root))
    read = ((unit, _contents(scan, unit)) for unit in scan.units if unit.files)
    found = [
        _task(scan, unit, contents, row)
        for unit, contents in read
        if chooser.fits(row := row_of(scan.layout, contents))
    ]
    check_chosen(chooser, found)
    return found


def _exported(opened: Opened, rows: Chosen) -> Path:
    """Export what is wanted into the cache, and give the folder; what is there already stays."""
    if isinstance(opened, Scan):
        name, dataset = str(opened.root), to_dataset(str(opened.root))
    elif isinstance(opened, DatasetFiles):
        name, dataset = opened.address or opened.name, opened
    else:
        name, dataset = str(opened._fingerprint), opened
    folder = state_folder().parent / "tasks" / hashlib.sha256(name.encode()).hexdigest()[:32]
    # The cache is nobody's work, so that what is there may be replaced.
    while True:
        try:
            export(dataset, folder, force=True, **rows)
        except BusyTargetError:
            wait_until_free(folder)
        else:
            return folder


def _contents(scan: Scan, unit: Unit) -> Contents:
    return read_unit(scan.source, scan.layout, unit, media=False)


def _task(scan: Scan, unit: Unit, contents: Contents, row: Mapping[str, Any]) -> dict[str, Any]:
    task: dict[str, Any] = {
        "id": row["id"],
        "domain": row["domain"],
        "prompt": (row["prompt"] or "").strip(),
        "folder": f"{scan.root}/{unit.path}",
    }
    for key, column in _PATHS.items():
        entry = unit.files.get(column)
        task[key] = f"{scan.root}/{entry.path}" if entry else None
    return task | {key: value for key, value in (contents.value or {}).items() if key not in task}
