"""Write a sample: a folder of generated questions that appears whole or not at all."""

import os
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from random import Random

from vmeval_hfds.errors import ArgumentError, TargetExistsError
from vmeval_hfds.sample.question import DIFFICULTIES, question_metadata, to_json
from vmeval_hfds.scratch import remove_leftovers, scratch

Metadata = dict[str, object]
Job = tuple[int, int]  # which domain of the catalog, and which question of it

_MANIFEST = "vmeval_dataset.json"
_PARALLEL_FROM = 400  # With fewer questions, starting processes takes longer than drawing.


def write_sample(
    target: str | os.PathLike[str], per_domain: int = 3, seed: int = 42, num_proc: int | None = None
) -> Path:
    """Write a folder of solvable questions in VMEvalKit's layout, the same bytes for the same seed.

    Question n of a domain depends on the seed and n alone, so a larger sample starts with the questions of a
    smaller one. PNG bytes can differ between Pillow releases.

    Args:
        target: The folder to make; it must not exist yet, or be empty.
        per_domain: How many questions of each domain.
        seed: Decides every puzzle, the order of the manifest and the dates.
        num_proc: How many processes draw; None chooses by the number of questions. Processes are spawned, so
            a script that may use several must call this under `if __name__ == "__main__":`.

    Returns:
        The target.

    Raises:
        ValueError: If `per_domain` or `num_proc` is less than 1.
        FileExistsError: If the target is a file or holds anything; it is left as it was.
        OSError: If the target cannot be written; nothing of the sample is left.
    """
    if per_domain < 1:
        raise ArgumentError(f"per_domain must be at least 1, found {per_domain}")
    if num_proc is not None and num_proc < 1:
        raise ArgumentError(f"num_proc must be at least 1, found {num_proc}")
    target = Path(target)
    remove_leftovers()
    _refuse_occupied(target)
    with _appearing_at_once(target) as stage:
        pairs = _write_questions(stage, per_domain, seed, num_proc)
        (stage / _MANIFEST).write_bytes(to_json(_manifest(pairs, per_domain, seed)))
    return target


def _refuse_occupied(target: Path) -> None:
    if target.is_dir():
        found = sorted(entry.name for entry in target.iterdir())
        if not found:
            return
        what = f"is not empty: it holds {found[0]!r}" + (f" and {len(found) - 1} more" if found[1:] else "")
    elif os.path.lexists(target):
        what = "exists and is not a folder"
    else:
        return
    raise TargetExistsError(f"{target} {what}. Choose a folder that does not exist yet or is empty.")


@contextmanager
def _appearing_at_once(target: Path) -> Iterator[Path]:
    """Yield a temporary folder whose content becomes the target's, or is removed after any failure.

    A new target takes one rename. An empty target is kept (it may be a mount, a link or the working folder)
    and the content is moved in.
    """
    existing = target.is_dir()
    missing_parents = [parent for parent in target.parents if not parent.exists()]
    stage = (target if existing else target.parent) / f".vmeval-sample-{secrets.token_hex(4)}"
    try:
        with scratch(stage):
            stage.mkdir(parents=True)
            yield stage
            if existing:
                _move_content(stage, target)
            else:
                stage.rename(target)
    except BaseException:
        for parent in missing_parents:
            with suppress(OSError):
                parent.rmdir()
        raise


def _move_content(stage: Path, target: Path) -> None:
    """Move everything up into the target, the manifest last: where it stands, the sample is complete."""
    entries = sorted(stage.iterdir(), key=lambda entry: (entry.name == _MANIFEST, entry.name))
    moved: list[Path] = []
    try:
        for entry in entries:
            entry.rename(target / entry.name)
            moved.append(entry)
    except BaseException:
        for entry in moved:  # back into the folder that is about to be removed
            (target / entry.name).rename(entry)
        raise
    stage.rmdir()


def _write_questions(stage: Path, per_domain: int, seed: int, num_proc: int | None) -> list[Metadata]:
    """Write all task folders and return their metadata, domain by domain, however many processes work."""
    jobs = [(domain, index) for index in range(per_domain) for domain in range(_domain_count())]
    if num_proc is None:
        num_proc = (os.cpu_count() or 1) if len(jobs) >= _PARALLEL_FROM else 1
    if num_proc == 1:
        written = [_write_question(stage, seed, job) for job in jobs]
    else:
        written = _in_processes(partial(_write_question, stage, seed), jobs, num_proc)
    return [metadata for _, metadata in sorted(zip(jobs, written, strict=True), key=lambda pair: pair[0])]


def _domain_count() -> int:
    from vmeval_hfds.sample.catalog import DOMAINS

    return len(DOMAINS)


def _in_processes(work: Callable[[Job], Metadata], jobs: list[Job], num_proc: int) -> list[Metadata]:
    # Spawned, not forked: a fork of a process with threads (pyarrow, a notebook) can hang.
    pool = ProcessPoolExecutor(num_proc, mp_context=get_context("spawn"))
    try:
        return list(pool.map(work, jobs, chunksize=max(1, min(64, len(jobs) // (num_proc * 4)))))
    finally:
        # After a failure or Ctrl-C nobody may go on writing into a folder that is about to be removed.
        pool.shutdown(wait=True, cancel_futures=True)


def _write_question(stage: Path, seed: int, job: Job) -> Metadata:
    """Write one task folder and return its metadata."""
    # Pillow is loaded here, in the process that draws: importing vmeval_hfds.sample stays cheap.
    from vmeval_hfds.sample.catalog import DOMAINS
    from vmeval_hfds.sample.drawing import to_png

    position, index = job
    domain = DOMAINS[position]
    difficulty = DIFFICULTIES[(position + index) % len(DIFFICULTIES)]
    puzzle = domain.generate(Random(f"{seed}/{domain.name}/{index}"), difficulty)
    created_at = _timestamp(seed, timedelta(minutes=position, microseconds=17_389 * index))
    metadata = question_metadata(domain, puzzle, f"{domain.id_stem}_{index:04d}", difficulty, created_at)
    folder = stage / f"{domain.name}_task" / str(metadata["id"])
    folder.mkdir(parents=True)
    (folder / "first_frame.png").write_bytes(to_png(domain.draw(puzzle.first)))
    (folder / "final_frame.png").write_bytes(to_png(domain.draw(puzzle.final)))
    (folder / "prompt.txt").write_bytes(puzzle.prompt.encode())
    (folder / "question_metadata.json").write_bytes(to_json(metadata))
    if puzzle.goal is not None:
        (folder / "goal.txt").write_bytes(puzzle.goal.encode())
    return metadata


def _timestamp(seed: int, later: timedelta) -> str:
    """Return a date that follows from the seed: a clock would give other bytes on every run."""
    start = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(
        seconds=Random(f"{seed}/created_at").randrange(31_536_000)
    )
    return (start + later).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _manifest(pairs: list[Metadata], per_domain: int, seed: int) -> Metadata:
    """Return vmeval_dataset.json; like VMEvalKit's, it lists the pairs in an order shuffled by the seed."""
    from vmeval_hfds.sample.catalog import DOMAINS

    created_at = _timestamp(seed, timedelta(hours=1))
    shuffled = Random(f"{seed}/order").sample(pairs, len(pairs))
    return {
        "name": "vmeval_dataset",
        "description": f"VMEvalKit video reasoning evaluation dataset ({len(pairs)} task pairs)",
        "created_at": created_at,
        "total_pairs": len(pairs),
        "generation_info": {
            "timestamp": created_at,
            "random_seed": seed,
            "pairs_per_domain": per_domain,
            "target_pairs": len(pairs),
            "actual_pairs": len(pairs),
            "allocation": {domain.name: per_domain for domain in DOMAINS},
            "domains": {
                domain.name: {"count": per_domain, "description": domain.description} for domain in DOMAINS
            },
        },
        "pairs": shuffled,
    }
