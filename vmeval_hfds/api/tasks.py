"""Questions as a runner wants them: a dictionary for each task, with its files on this disk."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from vmeval_builders.entries import Contents, Unit
from vmeval_builders.layouts.registry import QUESTIONS
from vmeval_builders.rows import read_unit, row_of
from vmeval_builders.scan import Scan, scan_rows
from vmeval_builders.sources.folder import Folder
from vmeval_hfds.api.export import export
from vmeval_hfds.api.to_dataset import to_dataset
from vmeval_hfds.claim import wait_until_free
from vmeval_hfds.errors import BusyTargetError, UnknownNameError
from vmeval_hfds.folder.record import state_folder
from vmeval_hfds.rows.open import Opened, Source, open_source
from vmeval_hfds.store.directory import DatasetFiles

#: What a task's dictionary calls the files that runners read.
_PATHS = {
    "first_image_path": "first_frame",
    "final_image_path": "final_frame",
    "first_video_path": "first_video",
    "ground_truth_path": "ground_truth",
}


def tasks(
    source: Source, *, domains: Collection[str] = (), ids: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Give the task dictionaries that VMEvalKit's ``InferenceRunner`` and its successors read.

    Of a folder, they point into it. Of a dataset, the files are exported when they are asked for, into the cache
    of this package in the Hugging Face home, and used again the next time; only what is missing is fetched.

    Args:
        source: A folder of questions, a dataset directory, a repository, or a `datasets.Dataset`.
        domains: Only the tasks of these domains.
        ids: Only the tasks with these ids.

    Returns:
        By path, a dictionary for each task: ``id``, ``domain``, ``prompt`` (without white space around it), the absolute
        paths ``first_image_path``, ``final_image_path``, ``first_video_path`` and ``ground_truth_path`` (None where
        there is no such file), ``folder``, and the keys of its metadata that are none of these. The keys are
        those of VMEvalKit's ``examples/generate_videos.py``.

    Raises:
        UnknownNameError: There is no such domain or id.
        VmevalError: As `export` does; or the source cannot be opened.
    """
    opened = open_source(source)
    if isinstance(opened, Scan) and isinstance(opened.source, Folder):
        scan = opened
    else:
        scan = scan_rows(_exported(opened, domains, ids), QUESTIONS.name)
    found = [_task(scan, unit) for unit in scan.units if unit.files]
    chosen = [
        one for one in found if (not domains or one["domain"] in domains) and (not ids or one["id"] in ids)
    ]
    for name, wanted in (("domain", domains), ("id", ids)):
        if missing := sorted(set(wanted) - {one[name] for one in found}):
            raise UnknownNameError(f"{scan.root}: has no {name} {', '.join(missing)}")
    return chosen


def _exported(opened: Opened, domains: Collection[str], ids: Collection[str]) -> Path:
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
            export(dataset, folder, domains=domains, ids=ids, force=True)
        except BusyTargetError:
            wait_until_free(folder)
        else:
            return folder


def _task(scan: Scan, unit: Unit) -> dict[str, Any]:
    contents: Contents = read_unit(scan.source, scan.layout, unit, media=False)
    row = row_of(scan.layout, contents)
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
