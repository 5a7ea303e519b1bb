"""Show people what is wrong with a folder: by code, the first few of each, and how many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from vmeval_hfds.cli.output import counted

if TYPE_CHECKING:
    from vmeval_builders.problems import Problem

#: How many problems of one code are shown.
SHOWN_PROBLEMS = 5


def problem_lines(problems: Sequence[Problem], shows_all: bool = False) -> Iterator[str]:
    """Give a line for each problem, those of one code together, errors first.

    Args:
        problems: The problems, errors first.
        shows_all: Show all of a code, instead of a few and the number of the rest.
    """
    first: dict[str, list[Problem]] = {}
    counts: Counter[str] = Counter()
    for problem in problems:
        counts[problem.code] += 1
        if counts[problem.code] <= SHOWN_PROBLEMS:
            first.setdefault(problem.code, []).append(problem)
    for code, ones in first.items():
        # Of a million, all those of a code would not be held at once.
        yield from map(str, (one for one in problems if one.code == code) if shows_all else ones)
        if not shows_all and (more := counts[code] - len(ones)):
            yield f"{ones[0].severity}: and {more:,} more; vmeval-hfds check --all lists them [{code}]"


def problem_count(problems: Sequence[Problem]) -> str:
    """Count problems by severity, and by code where there are any."""
    counts = Counter((problem.severity, problem.code) for problem in problems)
    parts = []
    for severity in ("error", "warning"):
        of_code = {code: count for (one, code), count in counts.items() if one == severity}
        codes = ", ".join(f"{code} {count:,}" for code, count in of_code.items())
        parts.append(counted(sum(of_code.values()), severity) + (f" ({codes})" if codes else ""))
    return ", ".join(parts)
