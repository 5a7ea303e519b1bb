"""Paths of what models made: the folder of a run, or the one video or picture that is all there is of one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from vmeval_builders.layouts.levels import (
    Levels,
    is_generator,
    is_named,
    read_levels,
    same_name,
    task_domain,
)

#: What a generated video's name may end in.
VIDEO_ENDINGS = (".mp4", ".webm", ".mov", ".avi", ".mkv")
#: What a generated picture's name may end in.
IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp")

# VMEvalKit's runner of October 2025, right below the experiment: {model}_{task_id}_{date}_{time}.
_OF_OCTOBER = re.compile(r"([^_]+)_(.+)_\d{8}_\d{6}")
# V-ReasonBench: {task}/video_outputs/{model}/01.mp4
_OF_A_TASK = "video_outputs"
# MME-CoF: {category}/7_videos/generated_video_3.mp4
_SAMPLES = "_videos"
_LAST_NUMBER = re.compile(r"(\d+)$")
_SEQUENCE = re.compile(r"\d{3,}")
_IN_SEQUENCE = re.compile(r"(?:[A-Za-z]+[-_]?)?\d+")


@dataclass(frozen=True, slots=True)
class RunPath:
    """What the path of a run says.

    Attributes:
        task_id: The task.
        levels: What the folders above it stand for.
        run_id: The run, where a task has a folder for each.
        sample: Which of the task's videos it is, where it has several.
    """

    task_id: str
    levels: Levels = field(default_factory=Levels)
    run_id: str | None = None
    sample: str | None = None

    def as_parts(self) -> dict[str, str | None]:
        """Give all that has a column, by its name."""
        return {
            **self.levels.as_parts(),
            "task_id": self.task_id,
            "run_id": self.run_id,
            "sample": self.sample,
        }


def is_one_file(path: str) -> bool:
    """Whether a row is a video or a picture, instead of a run's folder."""
    return path.endswith((*VIDEO_ENDINGS, *IMAGE_ENDINGS))


@lru_cache(maxsize=4096)  # A run's path is asked for by each who has to do with it.
def read_run_path(path: str) -> RunPath | None:
    """Say what a run's path says, be it a folder, a video or a picture; None where no such thing lies there."""
    *above, name = path.split("/")
    if name.endswith(VIDEO_ENDINGS):
        return _video(above, name.rpartition(".")[0])
    if name.endswith(IMAGE_ENDINGS):
        return _picture(above, name.rpartition(".")[0])
    return _run_folder(above, name)


def is_of_sequence(path: str) -> bool:
    """Whether a picture is one of those that a model made for a task: ``{task_id}/001.png``.

    The task's folder lies in one of a generator, a split or a domain; or it has a number at its end, and the
    picture is called by nothing else.
    """
    stem, _, _ = path.rpartition(".")
    if not stem[-1:].isdecimal():
        return False
    *over, folder, stem = ("", *stem.split("/"))
    if is_named(folder) or not any(over):
        return False
    if is_named(over[-1]):
        return _IN_SEQUENCE.fullmatch(stem) is not None
    return _SEQUENCE.fullmatch(stem) is not None and _LAST_NUMBER.search(folder) is not None


def is_named_sample(path: str) -> bool:
    """Whether a video is called after its task's folder, as one of several: ``{task_id}/{task_id}-2.mp4``."""
    folder, _, name = path.rpartition("/")
    return _sample_of(folder.rpartition("/")[2], name.rpartition(".")[0]) is not None


def model_in(run_id: object, task_id: str | None) -> str | None:
    """Give the model of a run that is called ``{model}_{task_id}_{time}``, as VMEvalKit calls it."""
    if not isinstance(run_id, str) or not task_id:
        return None
    named, found, _ = run_id.partition(f"_{task_id}_")
    return named if found and named else None


def _run_folder(above: Sequence[str], name: str) -> RunPath | None:
    """Read ``{domain}_task/{task_id}[/{run_id}]``, ``{generator}/…`` likewise, or what has no such folder."""
    if task_domain(name) is not None:
        return None
    numbers = range(len(above) - 1, -1, -1)
    at = next((number for number in numbers if task_domain(above[number]) is not None), None)
    if at is None:
        at = next((number for number in numbers if is_generator(above[number])), None)
    if at is None:
        return _run_of_no_domain(above, name)
    below = [folder for folder in above[at + 1 :] if not is_named(folder)]
    if not below:
        return RunPath(name, read_levels(above, name))
    if len(below) > 1:
        return None
    levels = read_levels([folder for folder in above if folder is not below[0]], below[0])
    return RunPath(below[0], levels.of_model(model_in(name, below[0])), run_id=name)


def _run_of_no_domain(above: Sequence[str], name: str) -> RunPath:
    if above and (model := model_in(name, above[-1])):
        return RunPath(above[-1], read_levels(above[:-1], above[-1]).of_model(model), run_id=name)
    if match := _OF_OCTOBER.fullmatch(name):
        return RunPath(match[2], read_levels(above, match[2]).of_model(match[1]), run_id=name)
    return RunPath(name, read_levels(above, name))


def _video(above: Sequence[str], stem: str) -> RunPath | None:
    if not above:
        return RunPath(stem, read_levels([], stem))
    *over, folder = above
    if folder.endswith(_SAMPLES) and folder != _SAMPLES:
        return RunPath(folder.removesuffix(_SAMPLES), _levels_of_category(over), sample=_number(stem))
    if sample := _sample_of(folder, stem):
        return RunPath(folder, _levels_of_file(over, folder), sample=sample)
    if over and is_generator(over[-1]) and not is_named(folder):
        sample = None if stem == folder else _number(stem)
        return RunPath(folder, _levels_of_file(over, folder), sample=sample)
    if over and task_domain(over[-1]) is not None:
        return RunPath(folder, _levels_of_file(over, folder), sample=_number(stem) or stem)
    if any(task_domain(one) is not None for one in over):
        return None  # in the folder of a run
    levels = _levels_of_file(above, stem)
    ending = f"_{same_name(levels.model or '')}"
    if len(ending) > 1 and same_name(stem).endswith(ending):
        stem = stem[: -len(ending)]
        levels = _levels_of_file(above, stem)
    return RunPath(stem, levels)


def _picture(above: Sequence[str], stem: str) -> RunPath | None:
    """Read ``{generator}/00000.png``; other pictures are one of several, or of something else."""
    if not above or not is_generator(above[-1]) or not _SEQUENCE.fullmatch(stem):
        return None
    return RunPath(stem, _levels_of_file(above, stem))


def _levels_of_file(above: Sequence[str], task_id: str) -> Levels:
    """Say what is above a task whose videos lie in no run: of several folders the last is the domain's."""
    if _OF_A_TASK in above[1:]:
        at = above.index(_OF_A_TASK)
        below = read_levels(above[at:])
        if len(below.unnamed) == 1 and below.domain is None:
            return replace(below, domain=above[at - 1])
    return read_levels(above, task_id, ends_in_domain=True)


def _levels_of_category(above: Sequence[str]) -> Levels:
    """Say what is above ``7_videos``: its category, in any case."""
    if not above or is_named(above[-1]):
        return read_levels(above)
    return replace(read_levels(above[:-1]), domain=above[-1])


def _sample_of(folder: str, stem: str) -> str | None:
    """Give K of ``{task_id}/{task_id}-K``; None for ``maze_1/maze_1_0000``, where the folder is a domain."""
    if not stem.startswith(folder) or not _LAST_NUMBER.search(folder):
        return None
    match = re.fullmatch(r"-(?:sample[-_]?)?(\d+)|_(?:sample[-_]?)?(\d{1,3})", stem[len(folder) :])
    return match and (match[1] or match[2])


def _number(stem: str) -> str | None:
    match = _LAST_NUMBER.search(stem)
    return match and match[1]
