"""What was measured, under names and several times, and the rows of the one table about it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median

from tests.benchmarks.measure import Run, megabytes, run_command, yes_no

HEADER = (
    "what",
    "seconds",
    "CPU s",
    "whole process",
    "ratio",
    "peak PSS MB",
    "anonymous MB",
    "max RSS MB",
    "target",
    "reached",
)
NOTES = (
    "Seconds are medians of the call alone, after its imports; CPU seconds those of all its processes, imports too. "
    "PSS and anonymous memory are sums over all processes, from a run of its own; max RSS is the largest process's. "
    "What came back is the source. Build is without decoding (--no-decode): that takes as long as Pillow takes, "
    "whatever is done beside it."
)


class Ledger:
    """Runs by name. Those whose memory was looked at are not timed, where there are others of that name."""

    def __init__(self) -> None:
        self._timed: dict[str, list[Run]] = defaultdict(list)
        self._watched: dict[str, Run] = {}

    def add(self, name: str, run: Run, watched: bool = False) -> Run:
        """Take a run down."""
        if watched:
            self._watched[name] = run
        else:
            self._timed[name].append(run)
        return run

    def command(
        self, name: str, command: Sequence[object], environment: Mapping[str, str] | None = None
    ) -> None:
        """Run a command and take it down."""
        self.add(name, run_command(command, environment))

    def seconds(self, name: str) -> float:
        """Give the median of a name's seconds."""
        return median(run.seconds for run in self._runs(name))

    def peak_bytes(self, name: str) -> int:
        """Give the most memory that all processes together, or one of them alone, held."""
        return max(self._watched[name].memory.pss, *(run.max_rss for run in self._runs(name)))

    def row(
        self,
        name: str,
        base: str = "",
        ratio: float | None = None,
        most_bytes: float | None = None,
        note: str = "",
    ) -> list[str]:
        """Make a row of the table.

        Args:
            name: What was measured.
            base: What it is compared with.
            ratio: The most that it may take, as a multiple of the base's seconds.
            most_bytes: The most memory that it may take.
            note: Is told in place of the ratio.
        """
        runs, watched = self._runs(name), self._watched.get(name)
        measured = self.seconds(name) / self.seconds(base) if base else 0.0
        wanted, reached = [], True
        if ratio is not None:
            wanted.append(f"≤ {ratio:g} × {base}")
            reached = measured <= ratio
        if most_bytes is not None:
            wanted.append(f"≤ {megabytes(most_bytes)} MB")
            reached = reached and self.peak_bytes(name) <= most_bytes
        return [
            name,
            f"{self.seconds(name):.3f}",
            f"{median(run.cpu_seconds for run in runs):.2f}",
            f"{median(run.wall_seconds for run in runs):.3f}",
            note or (f"{measured:.2f} × {base}" if base else ""),
            megabytes(watched.memory.pss) if watched else "",
            megabytes(watched.memory.anonymous) if watched else "",
            megabytes(max(run.max_rss for run in runs)) if watched else "",
            ", ".join(wanted),
            yes_no(reached) if wanted else "",
        ]

    def _runs(self, name: str) -> list[Run]:
        return self._timed.get(name) or [self._watched[name]]


def bare_row(name: str, measured: str, wanted: str, reached: bool) -> list[str]:
    """Make a row that is told in the column of ratios alone."""
    return [name, "", "", "", measured, "", "", "", wanted, yes_no(reached) if wanted else ""]
