"""Outputs: one row per run of a model on a task, as VMEvalKit's runner writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from vmeval_builders import paths
from vmeval_builders.entries import Contents, FileEntry, FolderEntry, Unit
from vmeval_builders.layouts.columns import Image, Json, JsonFile, Part, Text, Video
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.problems import Problem

#: What a generated video's name may end in.
VIDEO_ENDINGS = (".mp4", ".webm", ".mov", ".avi", ".mkv")
_VIDEOS = tuple(f"*{ending}" for ending in VIDEO_ENDINGS)


class Outputs(Layout):
    """``{experiment}/{model}/{domain}_task/{task_id}/{run_id}/`` with a video, the question and metadata."""

    name = "outputs"
    noun = "run"
    title = "Outputs of video models"
    rows = "[[**/{experiment}/]{model}/]{domain}_task/{task_id}[/{run_id}]"
    # A run that failed has an empty video folder; one that was killed early may have no metadata.
    marks = frozenset({"question/", "video/", *_VIDEOS})
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

    experiment = Part()
    model = Part()
    domain = Part()
    task_id = Part()
    run_id = Part()
    status = Json("inference.status")
    error = Json("inference.error")
    duration_seconds = Json("inference.duration_seconds", kind="float64")
    started_at = Json("inference.timestamp")
    prompt = Text(f"question/{paths.PROMPT}")
    first_frame = Image(f"question/{paths.FIRST_FRAME}")
    final_frame = Image(f"question/{paths.FINAL_FRAME}")
    video = Video(*(f"video/{name}" for name in _VIDEOS), *_VIDEOS)
    metadata = JsonFile("metadata.json")

    def units(self, files: Iterable[FileEntry], folders: Mapping[str, FolderEntry]) -> list[Unit]:
        """Find the runs; videos that lie beside the folders of runs are no runs of their own."""
        runs = super().units(files, folders)
        with_runs_inside = {run.path.rpartition("/")[0] for run in runs}
        return [
            run
            for run in runs
            if run.path not in with_runs_inside
            or f"{run.path}/video" in folders
            or f"{run.path}/question" in folders
        ]

    def needs_row(self, unit: Unit) -> bool:
        """Ask the metadata whether a single folder above the domain is a model or an experiment."""
        return unit.parts["experiment"] is None and unit.parts["model"] is not None

    def complete(self, row: dict[str, Any], contents: Contents) -> None:
        """Tell an experiment without models from a model without experiments, by the name of the run."""
        inference = (contents.value or {}).get("inference")
        stated = inference.get("run_id") if isinstance(inference, dict) else None
        if row["experiment"] is None and row["model"] is not None:
            for run_id in (row["run_id"], stated):
                if _names_other_model(run_id, row["model"], row["task_id"]):
                    row["experiment"], row["model"] = row["model"], None
                    return

    def problems(self, contents: Contents, decode: bool) -> Iterator[Problem]:
        """Tell of metadata that cannot be read; nothing of a run is required."""
        if contents.fault:
            message = f"The metadata {contents.fault}; its bytes are kept, and the columns stay empty."
            yield Problem("bad-metadata", "warning", contents.unit.files["metadata"].path, message)
        elif contents.value is None:
            yield Problem("no-metadata", "warning", contents.unit.path, "metadata.json is missing.")


def _names_other_model(run_id: object, model: str, task_id: str) -> bool:
    """Whether a run is called ``{model}_{task_id}_{time}``, as VMEvalKit calls it, with another model."""
    if not isinstance(run_id, str):
        return False
    named, found, _ = run_id.partition(f"_{task_id}_")
    return bool(found) and named != model
