"""Datasets with flipped bytes: what an export writes is what went in, or it is refused; the rest says so in a sentence."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.campaigns.run import Campaign, WrongError
from tests.factories import tree, write_rich_folder
from tests.result_factories import write_result_files
from tests.run_factories import write_runs
from vmeval_hfds import build, diff_datasets, export, info, leaderboard, metadata_frame, verify
from vmeval_hfds.cli.main import main
from vmeval_hfds.errors import VmevalError

_WRITERS: tuple[Callable[[Path], object], ...] = (write_rich_folder, write_runs, write_result_files)


@dataclass(frozen=True)
class Sound:
    """A folder and its dataset.

    Attributes:
        folder: What it holds.
        dataset: The dataset directory.
    """

    folder: dict[str, object]
    dataset: Path


def prepare(chosen: Random, work: Path) -> list[Sound]:
    """Build a dataset of each layout."""
    found = []
    for number, writer in enumerate(_WRITERS):
        writer(work / f"{number}")
        build(work / f"{number}", work / f"{number}-dataset", keep_incomplete=True, num_proc=1)
        found.append(Sound(tree(work / f"{number}"), work / f"{number}-dataset"))
    return found


def case(chosen: Random, work: Path, sounds: list[Sound]) -> str:
    """Flip some bytes of a file of a dataset, and read it in every way."""
    sound = chosen.choice(sounds)
    dataset = work / "dataset"
    shutil.copytree(sound.dataset, dataset)
    flip(chosen, chosen.choice(sorted(path for path in dataset.rglob("*") if path.is_file())))
    readers = (
        lambda: info(dataset),
        lambda: metadata_frame(dataset),
        lambda: leaderboard(dataset),
        lambda: verify(sound.dataset / "data", dataset),
        lambda: diff_datasets(dataset, sound.dataset),
        lambda: _gallery(dataset, work),
    )
    for reader in chosen.sample(readers, 3):
        try:
            reader()
        except VmevalError as error:
            if "\n" in str(error):
                raise WrongError(f"several lines: {error}") from error
    out = work / "out"
    try:
        export(dataset, out, num_proc=1, strict=chosen.random() < 0.5)
    except VmevalError:
        _check_files(sound, out)
        raise
    if tree(out) != sound.folder:
        _check_files(sound, out)
        raise WrongError("an export of fewer files was not refused")
    return "exact"


def flip(chosen: Random, path: Path) -> None:
    """Change a few bytes, mostly of the footer, or cut the file short."""
    content = bytearray(path.read_bytes())
    near_end = chosen.random() < 0.6
    for _ in range(chosen.choice([1, 1, 2, 5])):
        place = chosen.randrange(max(0, len(content) - 4_000) if near_end else 0, len(content))
        content[place] = chosen.randrange(256)
    if chosen.random() < 0.05:
        del content[chosen.randrange(len(content)) :]
    path.write_bytes(content)


def _check_files(sound: Sound, out: Path) -> None:
    """Whatever was written before a refusal is what went in."""
    if not os.path.lexists(out):
        return
    for path, content in tree(out).items():
        if not path.startswith(".vmeval-hfds") and sound.folder.get(path, "nothing") != content:
            raise WrongError(f"wrote {path!r}, which is not what went in")


def _gallery(dataset: Path, work: Path) -> None:
    if main(["gallery", str(dataset), str(work / "page.html")]) not in (0, 1):
        raise WrongError("gallery ended in another exit code")


CAMPAIGN = Campaign("flips", prepare, case)
