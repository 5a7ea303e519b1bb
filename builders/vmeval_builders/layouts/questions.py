"""Questions: one row per task folder of VMEvalKit's layout and its relatives'."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from vmeval_builders import paths
from vmeval_builders.entries import Contents, column_of
from vmeval_builders.frames import FrameError, frame_size
from vmeval_builders.json_values import scalar_text
from vmeval_builders.layouts.columns import Computed, Image, Images, Json, JsonFile, Part, Text, Video
from vmeval_builders.layouts.layout import Layout
from vmeval_builders.layouts.levels import read_levels
from vmeval_builders.problems import Problem

FRAMES = ("first_frame", "final_frame")

#: What `--keep-incomplete` lets through.
INCOMPLETE_CODES = frozenset({"no-first-frame", "no-prompt", "manifest-without-folder"})


#: VBVR-Pro keeps what only a video or only a picture is asked for in a folder of that name.
_HALVES = ("", "video/", "image/")
_PICTURES = ("*.png", "*.jpg", "*.jpeg", "*.webp")


class Questions(Layout):
    """``{domain}_task/{task_id}/`` with frames, a prompt, metadata and maybe videos and further pictures."""

    name = "questions"
    noun = "question"
    title = "Video reasoning questions"
    rows = "**/{id}"
    # metadata.json alone makes no task: VMEvalKit's runs have one too.
    marks = paths.QUESTION_FILES
    id_column = "id"
    one_task_an_id = True
    group_column = "domain"
    shown = ("domain", "difficulty")
    gallery_frames = FRAMES
    gallery_filter = "difficulty"
    gallery_text = "prompt"
    manifest = paths.MANIFEST
    incomplete_codes = INCOMPLETE_CODES

    id = Part()
    domain = Computed()
    split = Computed()
    generator = Computed()
    prompt = Text(*(f"{half}{paths.PROMPT}" for half in _HALVES))
    goal = Text(*(f"{half}{paths.GOAL}" for half in _HALVES))
    first_frame = Image(paths.FIRST_FRAME)
    final_frame = Image(*(f"{half}{paths.FINAL_FRAME}" for half in _HALVES))
    frames = Images(*(f"{half}{name}" for half in ("", "image/") for name in _PICTURES))
    first_video = Video(*(f"{half}{paths.FIRST_VIDEO}" for half in _HALVES))
    ground_truth = Video(*(f"{half}{paths.GROUND_TRUTH}" for half in _HALVES))
    difficulty = Json("difficulty")
    task_category = Json("task_category")
    created_at = Json("created_at")
    question_metadata = JsonFile(
        *(f"{half}{name}" for half in _HALVES for name in (paths.METADATA, paths.VBVR_METADATA))
    )

    def parts(self, path: str) -> dict[str, str | None]:
        """Take a task's path apart; its domain is None where only its metadata can tell."""
        above, _, task = path.rpartition("/")
        # Whatever else a task is called says nothing of its domain.
        told = path if task.endswith(paths.TASK_SUFFIX) else f"{above}/" if above else ""
        return {"id": task, **_levels(above, told)}

    def complete(self, row: dict[str, Any], contents: Contents) -> None:
        """Take the id from the metadata where it states one, and the domain of a task at the root."""
        stated = contents.value or {}
        row["id"] = scalar_text(stated.get("id")) or row["id"]
        if row["domain"] is None:
            row["domain"] = paths.domain_of(row["path"], scalar_text(stated.get("domain")))

    def problems(self, contents: Contents, decode: bool) -> Iterator[Problem]:
        """List what makes a question unfit: no first frame or prompt, broken frames, bad metadata."""
        path = contents.unit.path
        if "first_frame" not in contents.blobs and "first_video" not in contents.blobs:
            message = f"{paths.FIRST_FRAME} is missing; add it, or keep the task with --keep-incomplete."
            yield Problem("no-first-frame", "error", path, message)
        if "prompt" not in contents.blobs:
            message = f"{paths.PROMPT} is missing; add it, or keep the task with --keep-incomplete."
            yield Problem("no-prompt", "error", path, message)
        yield from _frame_problems(contents, decode)
        yield from _text_problems(contents)


@lru_cache(maxsize=4096)
def _levels(above: str, told: str) -> Mapping[str, str | None]:
    """Say what the folders above tasks stand for; many tasks have the same.

    Args:
        above: The folders.
        told: A task's path as far as it tells the domain; empty where only metadata can.
    """
    levels = read_levels(above.split("/") if above else [])
    domain = paths.domain_of(told) if told else None
    return {"domain": domain, "split": levels.split, "generator": levels.generator}


def _frame_problems(contents: Contents, decode: bool) -> Iterator[Problem]:
    """List frames that are no pictures, and a pair of different sizes."""
    sizes = {}
    for column in FRAMES:
        if column in contents.blobs:
            try:
                sizes[column] = frame_size(contents.blobs[column], decode)
            except FrameError as error:
                path = contents.unit.files[column].path
                yield Problem("bad-frame", "error", path, f"The frame {error}.")
    for slot, content in contents.blobs.items():
        if column_of(slot) == "frames":
            try:
                frame_size(content, decode)
            except FrameError as error:
                # It need not be a frame: whatever lies there and is called as a picture is in this column.
                path = contents.unit.files[slot].path
                yield Problem("bad-picture", "warning", path, f"The picture {error}.")
    if len(set(sizes.values())) > 1:
        first, final = (f"{width} x {height}" for width, height in (sizes[column] for column in FRAMES))
        message = f"The first frame has {first} pixels, the final frame {final}."
        yield Problem("frame-sizes", "warning", contents.unit.path, message)


def _text_problems(contents: Contents) -> Iterator[Problem]:
    path = contents.unit.path
    if "prompt" in contents.blobs and "prompt" not in contents.texts:
        message = "It is not UTF-8; its bytes are kept, and the prompt column stays empty."
        yield Problem("prompt-not-utf8", "warning", contents.unit.files["prompt"].path, message)
    if contents.fault:
        message = f"The metadata {contents.fault}."
        yield Problem("bad-metadata", "error", contents.unit.files["question_metadata"].path, message)
    elif contents.value is None:
        yield Problem("no-metadata", "warning", path, f"{paths.METADATA} is missing.")
    else:
        stated, prompt = contents.value.get("prompt"), contents.texts.get("prompt")
        if isinstance(stated, str) and prompt is not None and stated.strip() != prompt.strip():
            message = f"It differs from the prompt in {contents.unit.files['question_metadata'].path.rpartition('/')[2]}."
            yield Problem("prompt-differs", "warning", contents.unit.files["prompt"].path, message)
