"""What the folders above a row stand for: experiment, model, checkpoint, split, generator and domain, in any order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from vmeval_builders.paths import TASK_SUFFIX

#: The levels that have a column.
LEVELS = ("experiment", "model", "checkpoint", "split", "generator", "domain")

# VBVR-Bench: In-Domain_50, Out-of-Domain_50, Open_60; its results say In_Domain and Out_of_Domain.
_SPLIT = re.compile(
    r"(?:in|out[-_ ]?of)[-_ ]?(?:domain|distribution)(?:[-_ ]?\w+)?"
    r"|(?:[a-z]+[-_ ])+(?:domain|distribution)(?:[-_ ]\d+)?"
    r"|(?:open|hidden)[-_]\d+",
    re.IGNORECASE,
)
# An experiment may be called so, but no model is.
_NO_MODEL = re.compile(r"(?:train|test|val|validation|dev)(?:[-_]\d+)?", re.IGNORECASE)
# VBVR's generators are repositories, G-37_symmetry_random_data-generator and Multi-01_maze_chain; a model may be
# called sora-2_pro.
_GENERATOR = re.compile(r"(?:[A-Z]|Multi)-\d+_.+|.+[-_]generator")
_CHECKPOINT = re.compile(
    r"(?:checkpoint|ckpt|epoch|iter|(?:global[-_]?)?step)[-_]?\d+(?:[-_.]\w+)*|(?:checkpoint|ckpt)[-_]\w+",
    re.IGNORECASE,
)
# Folders that hold outputs or evaluations as such: what is above them says nothing of these.
_CONTAINER = re.compile(r"(?:.*[-_])?(?:outputs|evaluations?)(?:[-_].*)?", re.IGNORECASE)
_NO_LEVEL = re.compile(r"(?:generated[-_])?(?:videos|images)", re.IGNORECASE)
_NO_LETTER = re.compile(r"[\W_]")
_NUMBER = re.compile(r"[-_]?\d+$")


@dataclass(frozen=True, slots=True)
class Levels:
    """The folders above a row, by what they stand for; None where there is no such folder.

    Attributes:
        unnamed: The folders that no name tells what they are, from the root down: experiment and model, or less.
    """

    experiment: str | None = None
    model: str | None = None
    checkpoint: str | None = None
    split: str | None = None
    generator: str | None = None
    domain: str | None = None
    unnamed: tuple[str, ...] = ()

    def as_parts(self) -> dict[str, str | None]:
        """Give those that have a column, by its name."""
        return {name: getattr(self, name) for name in LEVELS}

    def of_model(self, stated: str | None) -> Levels:
        """Say what the folders stand for where something else than they states the model.

        The folder that is called so is the model's: what is above it is the experiment, and what is below it was
        taken for a model and is a generator. Where none is called so, the one above is an experiment.
        """
        if stated is None:
            return self
        names = [same_name(name) for name in self.unnamed]
        if same_name(stated) not in names:
            others = self.unnamed[:1] if len(self.unnamed) == 1 else self.unnamed[:-1]
            return replace(self, model=stated, experiment=others[-1] if others else None)
        at = len(names) - 1 - names[::-1].index(same_name(stated))
        above, below = self.unnamed[:at], self.unnamed[at + 1 :]
        generator = self.generator or (below[-1] if below else None)
        return replace(self, model=stated, experiment=above[-1] if above else None, generator=generator)


def same_name(name: str) -> str:
    """Write a name as it is compared: ``veo-3.0`` is ``veo_3_0``, as names of files have it."""
    return _NO_LETTER.sub("_", name).casefold()


@lru_cache(maxsize=1024)
def is_generator(name: str) -> bool:
    """Whether a folder is called as a generator of questions is."""
    return _GENERATOR.fullmatch(name) is not None and task_domain(name) is None


@lru_cache(maxsize=1024)
def is_named(name: str) -> bool:
    """Whether a folder's name alone tells that it is a split, a generator, a checkpoint or a ``{domain}_task``."""
    return bool(
        task_domain(name) or _SPLIT.fullmatch(name) or is_generator(name) or _CHECKPOINT.fullmatch(name)
    )


def task_domain(name: str) -> str | None:
    """Give the domain of a folder ``{domain}_task``; None for another folder."""
    return name.removesuffix(TASK_SUFFIX) if name.endswith(TASK_SUFFIX) and name != TASK_SUFFIX else None


def read_levels(
    folders: Sequence[str], task_id: str | None = None, *, ends_in_domain: bool = False
) -> Levels:
    """Say what the folders above a row stand for.

    Splits, generators, checkpoints and ``{domain}_task`` are known by their names, wherever they stand. Of the
    others, the deepest is the model and the one above it the experiment; what lies above a folder that is only
    called ``outputs`` or the like says nothing. A task without a folder for its domain has the generator's name
    there, or its own less the number.

    Args:
        folders: The folders above the task's own, from the root down.
        task_id: The task; a last folder whose name it begins with is its domain.
        ends_in_domain: Whether the last of several folders is a domain in any case.
    """
    found: dict[str, str | None] = {}
    unnamed: list[str] = []
    for name in folders:
        if (domain := task_domain(name)) is not None:
            found["domain"] = domain
        elif _SPLIT.fullmatch(name):
            found["split"] = name
        elif is_generator(name):
            found["generator"] = name
        elif _CHECKPOINT.fullmatch(name):
            found["checkpoint"] = name
        elif _CONTAINER.fullmatch(name):
            unnamed.clear()
        elif not _NO_LEVEL.fullmatch(name):
            unnamed.append(name)
    if len(unnamed) > 1 and "split" not in found and _NO_MODEL.fullmatch(unnamed[-1]):
        found["split"] = unnamed.pop()
    is_last = bool(unnamed) and unnamed[-1] == folders[-1] and not found.keys() & {"domain", "generator"}
    if is_last and ((ends_in_domain and len(unnamed) > 1) or _begins_with(task_id, unnamed[-1])):
        found["domain"] = unnamed.pop()
    if "domain" not in found:
        found["domain"] = found.get("generator") or domain_in(task_id)
    model = unnamed[-1] if unnamed else None
    experiment = unnamed[-2] if len(unnamed) > 1 else None
    return Levels(experiment=experiment, model=model, unnamed=tuple(unnamed), **found)


def domain_in(task_id: str | None) -> str | None:
    """Give a task's name less the number at its end; None where it has none, or is one."""
    name = _NUMBER.sub("", task_id or "")
    return name if name and name != task_id else None


def _begins_with(task_id: str | None, folder: str) -> bool:
    return task_id is not None and same_name(task_id).startswith(f"{same_name(folder)}_")
