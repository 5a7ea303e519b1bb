"""Every verb on one folder of questions, beside ``cp -r``, ``tar`` and ``sha256sum``; `local` prints what comes of it."""

import os
import shlex
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.hub_process import HubProcess, client_environment
from tests.benchmarks.ledger import Ledger, bare_row
from tests.benchmarks.measure import (
    Run,
    folder_bytes,
    megabytes,
    print_profile,
    remove,
    run_call,
    same_trees,
    say,
)

COPY, PACK, UNPACK, SUM = "cp -r", "tar cf", "tar xf", "sha256sum"
BUILD, EXPORT, FROM_TAR, VERIFY, CHECK = "build", "export", "build from .tar", "verify", "check --quick"
PUSH, PUSH_XET, DIFF = "push, LFS", "push, Xet", "diff of folder and repository"
REPOS = {PUSH: "user/lfs", PUSH_XET: "user/xet"}
OTHER_WAY = {
    "images_to_parquet": "Image features, to_parquet",
    "images_from_parquet": "… and back, decode, save",
}

#: What is timed: to what it is compared with, and the most that it may take of that one's seconds.
RATIOS = {
    f"{BUILD}, 2 processes": (COPY, 1.1),
    f"{BUILD}, 1 process": (COPY, 1.8),
    f"{EXPORT}, 2 processes": (COPY, 0.9),
    f"{EXPORT}, 1 process": (COPY, 1.6),
    FROM_TAR: (UNPACK, 2.0),
    VERIFY: (SUM, 0.6),
}
#: What any of them may hold in all its processes, whatever the number of questions.
MOST_BYTES = 400e6
#: How much more than in proportion may be taken of so many more questions.
LINEAR = 26 / 25


@dataclass(frozen=True)
class Size:
    """How many questions, and how large each of their frames is; None as drawn, 74 kB a question."""

    questions: int
    frame_bytes: int | None = None


class Questions:
    """A folder of questions, and what was measured with it.

    Args:
        work: An empty directory.
        size: How many questions, with which frames.
    """

    def __init__(self, work: Path, size: Size):
        self.ledger = Ledger()
        self._work, self._size = work, size
        self._source, self._copy = work / "questions", work / "copy"
        self._dataset, self._exported = work / "dataset", work / "exported"
        self._archive, self._from_archive = work / "questions.tar", work / "dataset-of-tar"
        made = run_call("folder", self._source, size.questions, "", size.frame_bytes or "")
        self._files = made.result
        source_bytes = megabytes(folder_bytes(self._source))
        say(
            f"{size.questions:,} questions, {self._files:,} files, {source_bytes} MB, made in {made.seconds:.1f} s"
        )

    def _calls(self) -> dict[str, Callable[[bool], Run]]:
        """Give what is timed of ours, in an order in which each finds what it needs."""
        source, dataset, exported = self._source, self._dataset, self._exported
        return {
            f"{BUILD}, 1 process": lambda watch: _to("build", source, dataset, 1, watch),
            f"{BUILD}, 2 processes": lambda watch: _to("build", source, dataset, 2, watch),
            f"{EXPORT}, 1 process": lambda watch: _to("export", dataset, exported, 1, watch),
            f"{EXPORT}, 2 processes": lambda watch: _to("export", dataset, exported, 2, watch),
            VERIFY: lambda watch: run_call(VERIFY, source, dataset, watch=watch),
            FROM_TAR: lambda watch: _to("build", self._archive, self._from_archive, 2, watch),
            CHECK: lambda watch: run_call("check", source, watch=watch),
        }

    def repeat(self) -> None:
        """Run everything that is compared once, one after the other."""
        ledger, source, copy, archive = self.ledger, self._source, self._copy, self._archive
        ledger.command(COPY, ["cp", "-r", source, copy])
        remove(copy, archive)
        ledger.command(PACK, ["tar", "cf", archive, "-C", source, "."])
        copy.mkdir()
        ledger.command(UNPACK, ["tar", "xf", archive, "-C", copy])
        remove(copy)
        hashing = f"find {shlex.quote(str(source))} -type f -print0 | xargs -0 sha256sum"
        ledger.command(SUM, ["sh", "-c", hashing])
        self._run_all(watch=False)

    def watch(self) -> None:
        """Run ours once more to see the memory, and what is measured for its memory alone."""
        self._run_all(watch=True)
        if not same_trees(self._source, self._exported):
            raise SystemExit("the exported folder is not the source")
        if not same_trees(self._dataset, self._from_archive):
            raise SystemExit("the archive's dataset is not the folder's")
        remove(self._exported, self._from_archive, self._archive)
        with HubProcess(self._work / "hub", 0) as hub:
            for name, repo_id in REPOS.items():
                self._on(hub, name, "push_undecoded", self._source, repo_id, 2)
            difference = self._on(hub, DIFF, "diff", self._source, REPOS[PUSH]).result
        if any(difference.values()):
            raise SystemExit(f"diff found {difference} between the folder and what was pushed of it")
        remove(self._work / "hub")

    def _run_all(self, watch: bool) -> None:
        for name, call in self._calls().items():
            run = self.ledger.add(name, call(watch), watched=watch)
            expected = {VERIFY: True, CHECK: 0}.get(name, run.result)
            if run.result != expected:
                raise SystemExit(f"{name}: {run.result}, expected {expected}")

    def _on(self, hub: HubProcess, name: str, call: str, *arguments: object) -> Run:
        with tempfile.TemporaryDirectory(dir=self._work) as home:
            environment = client_environment(hub, home, xet=name == PUSH_XET)
            return self.ledger.add(
                name, run_call(call, *arguments, environment=environment, watch=True), True
            )

    def rows(self) -> list[list[str]]:
        """Make the rows of the table."""
        ledger = self.ledger
        rows = [ledger.row(name, COPY) for name in (COPY, PACK, UNPACK)] + [ledger.row(SUM)]
        rows += [ledger.row(name, *ratio, most_bytes=MOST_BYTES) for name, ratio in RATIOS.items()]
        rows += [ledger.row(name, most_bytes=MOST_BYTES) for name in (CHECK, *REPOS, DIFF)]
        return rows

    def linear_rows(self, fewer: "Questions") -> list[list[str]]:
        """Compare with fewer questions of the same size; what the system's own tools take tells how far it is linear."""
        limit = LINEAR * self._size.questions / fewer._size.questions
        rows = []
        for name in (COPY, UNPACK, SUM, *RATIOS, CHECK):
            measured = self.ledger.seconds(name) / fewer.ledger.seconds(name)
            told = f"{measured:.1f} × {fewer._size.questions:,}"
            wanted = "" if name in (COPY, UNPACK, SUM) else f"≤ {limit:g} ×"
            rows.append(bare_row(f"linear: {name}", told, wanted, measured <= limit))
        return rows

    def other_way(self) -> list[list[str]]:
        """Go VMEvalKit's own way once; tell what came back the same, and make rows."""
        parquet, saved = self._work / "images.parquet", self._work / "saved"
        for call, source, target in (
            ("images_to_parquet", self._source, parquet),
            ("images_from_parquet", parquet, saved),
        ):
            with tempfile.TemporaryDirectory(dir=self._work) as home:
                environment = {**os.environ, "HF_HOME": home, "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
                run = run_call(call, source, target, environment=environment, watch=True)
            self.ledger.add(OTHER_WAY[call], run, watched=True)
        counts = run_call("compare", self._source, saved).result
        remove(parquet, saved)
        rows = [self.ledger.row(name, COPY) for name in OTHER_WAY.values()]
        for name, part, whole in (
            ("… files that come back", "same", "files"),
            ("… frames that come back", "same_frames", "frames"),
            ("… frames, their tEXt chunk left aside", "same_without_text", "frames"),
        ):
            share = f"{100 * counts[part] / (counts[whole] or 1):.1f} %"
            rows.append([name, "", "", "", share, "", "", "", "", ""])
        return rows

    def print_profiles(self) -> None:
        """Print where the seconds of ours go, each in one process."""
        for name, source, target in (
            ("build", self._source, self._dataset),
            ("export", self._dataset, self._exported),
            ("verify", self._source, self._dataset),
        ):
            if name != "verify":
                remove(target)
            print_profile(name, source, target)


def measured(work: Path, size: Size, repeats: int) -> Questions:
    """Make a folder of questions and measure all but VMEvalKit's own way."""
    questions = Questions(work, size)
    for number in range(repeats):
        say(f"repeat {number + 1} of {repeats}")
        questions.repeat()
    say("memory")
    questions.watch()
    return questions


def _to(name: str, source: Path, target: Path, num_proc: int, watch: bool) -> Run:
    remove(target)
    return run_call(name, source, target, num_proc, watch=watch)
