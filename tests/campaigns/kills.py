"""SIGKILL at a random moment of build, export and push: the old state or the new one, and run again it is whole."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.campaigns.run import Campaign, WrongError
from tests.factories import tree, write_rich_folder
from tests.run_factories import write_runs
from vmeval_hfds import build, export, push_to_hub
from vmeval_hfds.errors import HubNotFoundError, VmevalError
from vmeval_hfds.scratch import remove_leftovers
from vmeval_hfds.store.repository import open_repo

#: Longer than any of the three takes on a machine that does nothing else.
_LONGEST_SECONDS = 0.6
_WORKERS_END_SECONDS = 10


def prepare(chosen: Random, work: Path) -> tuple[Path, Path, str | None]:
    """Write a folder and its dataset."""
    folder = work / "folder"
    (write_runs if chosen.random() < 0.5 else write_rich_folder)(folder)
    build(folder, work / "dataset", keep_incomplete=True, num_proc=1)
    return folder, work / "dataset", os.environ.get("HF_ENDPOINT")


def killed(work: Callable[[], object], seconds: float) -> bool:
    """Do something in a process of its own, and kill it after some time; say whether it was."""
    pid = os.fork()
    if not pid:
        try:
            work()
        finally:
            os._exit(0)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return False
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return True


def case(chosen: Random, work: Path, state: tuple[Path, Path, str | None]) -> str:
    """Kill one of them, look, and run it again."""
    folder, dataset, hub = state
    verb = chosen.choice([_build, _export, _push] if hub else [_build, _export])
    return verb(chosen, work, folder, dataset)


def _seconds(chosen: Random) -> float:
    return chosen.random() ** 2 * _LONGEST_SECONDS


def _build(chosen: Random, work: Path, folder: Path, dataset: Path) -> str:
    target, processes = work / "new", chosen.choice([1, 2])

    def again() -> None:
        build(folder, target, keep_incomplete=True, num_proc=processes, force=target.exists())

    while chosen.random() < 0.7 and killed(again, _seconds(chosen)):
        if target.exists() and tree(target) != tree(dataset):
            raise WrongError(f"a build that was killed left half a dataset: {sorted(tree(target))}")
    again()
    if tree(target) != tree(dataset):
        raise WrongError("a build after one that was killed is another")
    _no_leftovers(work)
    return "exact"


def _export(chosen: Random, work: Path, folder: Path, dataset: Path) -> str:
    target, processes, sound = work / "out", chosen.choice([1, 2]), tree(folder)

    def again() -> None:
        export(dataset, target, num_proc=processes)

    while chosen.random() < 0.7 and killed(again, _seconds(chosen)):
        for path, content in tree(target).items() if target.exists() else ():
            if not _is_partial(path) and sound.get(path, "nothing") != content:
                raise WrongError(f"an export that was killed left {path!r}, which is not what went in")
    again()
    if tree(target) != sound:
        raise WrongError(f"an export after one that was killed: {sorted({*tree(target)} ^ {*sound})}")
    _no_leftovers(work)
    return "exact"


def _push(chosen: Random, work: Path, folder: Path, dataset: Path) -> str:
    repo = f"user/killed-{os.getpid()}-{chosen.randrange(10**9)}"

    def again() -> None:
        push_to_hub(folder, repo, keep_incomplete=True, num_proc=1)

    while chosen.random() < 0.7 and killed(again, 3 * _seconds(chosen)):
        try:
            export(open_repo(repo), work / "half", num_proc=1)
        except (HubNotFoundError, VmevalError):
            continue
        if tree(work / "half") != tree(folder):
            raise WrongError("a push that was killed published something else")
    again()
    export(open_repo(repo), work / "out", num_proc=1)
    if tree(work / "out") != tree(folder):
        raise WrongError("a push after one that was killed is another")
    return "exact"


def _is_partial(path: str) -> bool:
    return any(part.startswith(".") and "partial" in part for part in path.split("/"))


def _no_leftovers(work: Path) -> None:
    """What a killed run leaves is removed by the next one, once its workers have noticed that they are alone."""
    end = time.monotonic() + _WORKERS_END_SECONDS
    while found := [path for path in tree(work) if _is_partial(path)]:
        if time.monotonic() > end:
            raise WrongError(f"left behind: {found[:5]}")
        time.sleep(0.05)
        remove_leftovers()


CAMPAIGN = Campaign("kills", prepare, case)
