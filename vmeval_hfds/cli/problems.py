"""Show people what is wrong with a folder: by code, the first few of each, and how many there are."""

from __future__ import annotations

from collections import defaultdict
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
    for code, ones in _by_code(problems).items():
        shown = ones if shows_all else ones[:SHOWN_PROBLEMS]
        yield from map(str, shown)
        if more := len(ones) - len(shown):
            yield f"{ones[0].severity}: and {more:,} more; vmeval-hfds check --all lists them [{code}]"


def problem_count(problems: Sequence[Problem]) -> str:
    """Count problems by severity, and by code where there are any."""
    parts = []
    for severity in ("error", "warning"):
        ones = [problem for problem in problems if problem.severity == severity]
        codes = ", ".join(f"{code} {len(of_code):,}" for code, of_code in _by_code(ones).items())
        parts.append(counted(len(ones), severity) + (f" ({codes})" if codes else ""))
    return ", ".join(parts)


def _by_code(problems: Sequence[Problem]) -> dict[str, list[Problem]]:
    """Sort problems by code, the codes in the order in which they first come, keeping their order."""
    groups: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        groups[problem.code].append(problem)
    return groups
