"""The main job from end to end, on a sample: folder, dataset, `load_dataset`, the same folder again."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vmeval_hfds.api.build import build
from vmeval_hfds.api.check import check_folder
from vmeval_hfds.api.export import export
from vmeval_hfds.api.verify import verify
from vmeval_hfds.errors import TargetExistsError
from vmeval_hfds.sample import write_sample


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the demo.

    Attributes:
        name: The command that does the same.
        result: What came out, in a few words.
        seconds: How long it took.
    """

    name: str
    result: str
    seconds: float


def run_demo(target: str | os.PathLike[str], per_domain: int = 5) -> Iterator[Step]:
    """Do every step on a sample that it makes, and tell of each when it is done.

    Args:
        target: A folder that is not there yet or is empty; the sample, the dataset and the rebuilt folder go
            in here and stay.
        per_domain: How many questions of each domain.

    Yields:
        The steps.

    Raises:
        TargetExistsError: The target holds something.
        VmevalError: A step failed.
    """
    root = Path(target)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise TargetExistsError(f"{root}: is not empty; choose another --target")
    root.mkdir(parents=True, exist_ok=True)
    questions, dataset, rebuilt = root / "questions", root / "dataset", root / "rebuilt"
    clock = _Clock()

    write_sample(questions, per_domain)
    yield clock.step("sample", f"{sum(1 for _ in questions.glob('*/*/'))} questions in {questions}")
    yield clock.step("check", f"{len(check_folder(questions))} problems")
    built = build(questions, dataset)
    yield clock.step(
        "build", f"{built.rows} rows in {len(built.configs)} configs, {built.files} files in {dataset}"
    )
    yield clock.step("load_dataset", _load(dataset))
    exported = export(dataset, rebuilt)
    yield clock.step("export", f"{exported.written} files in {rebuilt}")
    found = verify(rebuilt, dataset)
    difference = len(found.missing) + len(found.extra) + len(found.different)
    yield clock.step("verify", f"{found.files} files, {difference} differences")


def _load(dataset: Path) -> str:
    from datasets import load_dataset
    from datasets.utils.logging import disable_progress_bar

    disable_progress_bar()
    questions = load_dataset(str(dataset), split="test", streaming=True)
    first = next(iter(questions))
    width, height = first["first_frame"].size
    return f"columns {', '.join(list(first)[:5])}…; the first frame of {first['id']} has {width} x {height} pixels"


class _Clock:
    def __init__(self) -> None:
        self._last = time.perf_counter()

    def step(self, name: str, result: str) -> Step:
        now = time.perf_counter()
        seconds, self._last = now - self._last, now
        return Step(name, result, seconds)
