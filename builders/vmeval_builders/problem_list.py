"""The problems of a folder in their order, packed, so that a million of them fit into memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import groupby, takewhile
from operator import attrgetter
from typing import NamedTuple, overload

from vmeval_builders.packed_values import BLOCK_VALUES, PackedValues, batched, pack, unpack
from vmeval_builders.problems import Problem

#: So many are put in order at once.
_SORTED_PROBLEMS = 20_000

#: Severity, path, code and message, by which problems are ordered.
_Fields = list[str]


class _Block(NamedTuple):
    """Problems that follow each other."""

    first: _Fields
    last: _Fields
    size: int
    content: bytes


class ProblemList(Sequence[Problem]):
    """Problems in the order for people: errors first, then warnings, each by path; none comes twice.

    They are kept packed, and each is made when it is asked for, so that `list` of many takes much more memory.
    """

    def __init__(self, blocks: Sequence[_Block] = ()) -> None:
        self._blocks = blocks
        self._fields = PackedValues.of((block.content, block.size) for block in blocks)

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> ProblemList:
        """Put problems in order, which may come in any."""
        batches = batched(problems, _SORTED_PROBLEMS)
        return cls(_in_order(block for batch in batches for block in _packed(sorted(map(_fields, batch)))))

    @classmethod
    def merged(cls, lists: Iterable[ProblemList]) -> ProblemList:
        """Put lists together."""
        return cls(_in_order(block for one in lists for block in one._blocks))

    def __len__(self) -> int:
        """Count the problems."""
        return len(self._fields)

    def __iter__(self) -> Iterator[Problem]:
        """Give the problems in their order."""
        return map(_problem, self._fields)

    @overload
    def __getitem__(self, number: int) -> Problem: ...
    @overload
    def __getitem__(self, number: slice) -> list[Problem]: ...
    def __getitem__(self, number: int | slice) -> Problem | list[Problem]:
        """Give one problem by its number, or several."""
        found = self._fields[number]
        return list(map(_problem, found)) if isinstance(number, slice) else _problem(found)

    def __eq__(self, other: object) -> bool:
        """Compare the problems, with any sequence of them."""
        if not isinstance(other, Sequence) or len(self) != len(other):
            return False
        return all(one == another for one, another in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show the problems as a list of them is shown."""
        return repr(list(self))


def errors_of(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Give the errors of problems in their order; of the warnings, which may be many, only the first is looked at."""
    return takewhile(lambda one: one.severity == "error", problems)


def _fields(problem: Problem) -> _Fields:
    return [problem.severity, problem.path, problem.code, problem.message]


def _problem(fields: _Fields) -> Problem:
    severity, path, code, message = fields
    return Problem(code, severity, path, message)  # type: ignore[arg-type]


def _packed(ordered: Iterable[_Fields]) -> Iterator[_Block]:
    """Pack what is in order, each once."""
    for block in batched((fields for fields, _ in groupby(ordered)), BLOCK_VALUES):
        yield _Block(block[0], block[-1], len(block), pack(block))


def _in_order(blocks: Iterable[_Block]) -> list[_Block]:
    """Put blocks in order; only those that overlap are opened."""
    found: list[_Block] = []
    overlapping: list[_Block] = []
    last: _Fields = []
    for block in sorted(blocks, key=attrgetter("first")):
        if block.first > last:
            found += _merged(overlapping)
            overlapping = []
        overlapping.append(block)
        last = max(last, block.last)
    return [*found, *_merged(overlapping)]


def _merged(blocks: Sequence[_Block]) -> Iterable[_Block]:
    return blocks if len(blocks) < 2 else _packed(_all_of(blocks))


def _all_of(blocks: Sequence[_Block]) -> Iterator[_Fields]:
    """Give what blocks hold, in order; each is opened when its turn comes, so that few are open at once."""
    waiting = sorted(blocks, key=attrgetter("first"), reverse=True)
    opened: list[tuple[_Fields, int, Iterator[_Fields]]] = []
    while waiting or opened:
        while waiting and (not opened or waiting[-1].first <= opened[0][0]):
            remaining = iter(unpack(waiting.pop().content))
            heappush(opened, (next(remaining), len(waiting), remaining))
        fields, number, remaining = heappop(opened)
        yield fields
        if following := next(remaining, None):
            heappush(opened, (following, number, remaining))
