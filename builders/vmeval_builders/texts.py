"""Texts that begin alike, such as paths by path order, packed: a few bytes for each, and none is an object."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import overload

#: So many texts share what all of them begin with.
_TOGETHER = 64


class Texts(Sequence[str]):
    """Texts in some order; a `str` is made when one is asked for.

    Args:
        texts: The texts.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        # Of each block: its first text, how much of that all its texts begin with, and what follows in each.
        self._firsts: list[str] = []
        self._shared = array("I")
        self._tails: list[str] = []
        # Of each text: where what follows ends.
        self._ends = array("I")
        self._open: list[str] = []
        # The block in which a place was looked for last, and its texts: what is looked for next is mostly near.
        self._near: tuple[int, list[str]] = (-1, [])
        self.extend(texts)

    def append(self, text: str) -> None:
        """Take in a text."""
        self._open.append(text)
        if len(self._open) == _TOGETHER:
            self._close()

    def extend(self, texts: Iterable[str]) -> None:
        """Take in some texts."""
        for text in texts:
            self.append(text)

    def _close(self) -> None:
        first, shared = self._open[0], _common_start(min(self._open), max(self._open))
        end = 0
        for text in self._open:
            end += len(text) - shared
            self._ends.append(end)
        self._firsts.append(first)
        self._shared.append(shared)
        self._tails.append("".join([text[shared:] for text in self._open]))
        self._open = []

    def __len__(self) -> int:
        """Count the texts."""
        return len(self._ends) + len(self._open)

    def __iter__(self) -> Iterator[str]:
        """Give the texts in their order."""
        for block in range(len(self._tails)):
            yield from self._block(block)
        yield from self._open

    def _block(self, block: int) -> Iterator[str]:
        start, tails, begin = self._firsts[block][: self._shared[block]], self._tails[block], 0
        for end in self._ends[block * _TOGETHER : (block + 1) * _TOGETHER]:
            yield start + tails[begin:end]
            begin = end

    @overload
    def __getitem__(self, number: int) -> str: ...
    @overload
    def __getitem__(self, number: slice) -> list[str]: ...
    def __getitem__(self, number: int | slice) -> str | list[str]:
        """Give one text by its number, or several."""
        if isinstance(number, slice):
            start, end, step = number.indices(len(self))
            return (
                list(self.between(start, end)) if step == 1 else [self[at] for at in range(start, end, step)]
            )
        if number < 0:
            number = range(len(self))[number]
        if number >= len(self._ends):
            return self._open[number - len(self._ends)]
        block, at = divmod(number, _TOGETHER)
        near, texts = self._near
        if near == block:
            return texts[at]
        begin = self._ends[number - 1] if at else 0
        return self._firsts[block][: self._shared[block]] + self._tails[block][begin : self._ends[number]]

    def each(self, numbers: Iterable[int]) -> Iterator[tuple[int, str]]:
        """Give texts with their numbers; those of neighbours take the least time."""
        last, texts = -1, self._open
        for number in numbers:
            block, at = divmod(number, _TOGETHER)
            if block != last:
                # Of many blocks no other text is asked for.
                last, texts = block, []
                yield number, self[number]
                continue
            texts = texts or (list(self._block(block)) if block < len(self._tails) else self._open)
            yield number, texts[at]

    def between(self, start: int, end: int) -> Iterator[str]:
        """Give the texts between two numbers."""
        while start < end:
            block, at = divmod(start, _TOGETHER)
            texts = self._block(block) if block < len(self._tails) else iter(self._open)
            last = min(end - start + at, _TOGETHER)
            yield from islice(texts, at, last)
            start += last - at

    def position(self, text: str) -> int:
        """Say before which of the texts, which must ascend, one comes: the first that is not less."""
        block = bisect_left(self._firsts, text) - 1
        if block < 0:
            return 0 if self._firsts else bisect_left(self._open, text)
        near, texts = self._near  # taken at once: another thread may look for something else
        if near != block:
            texts = list(self._block(block))
            self._near = block, texts
        position = block * _TOGETHER + bisect_left(texts, text)
        return position if position < len(self._ends) else position + bisect_left(self._open, text)


class OptionalTexts(Sequence["str | None"]):
    """Texts, packed, some of which are None.

    Args:
        texts: The texts.
    """

    def __init__(self, texts: Iterable[str | None] = ()) -> None:
        # None is a NUL; what begins with one has one more.
        self._texts = Texts()
        self.extend(texts)

    def append(self, text: str | None) -> None:
        """Take in a text, or None."""
        self._texts.append("\0" if text is None else f"\0{text}" if text[:1] == "\0" else text)

    def extend(self, texts: Iterable[str | None]) -> None:
        """Take in some texts."""
        for text in texts:
            self.append(text)

    def __len__(self) -> int:
        """Count the texts."""
        return len(self._texts)

    def __iter__(self) -> Iterator[str | None]:
        """Give the texts in their order."""
        return map(_optional, self._texts)

    @overload
    def __getitem__(self, number: int) -> str | None: ...
    @overload
    def __getitem__(self, number: slice) -> list[str | None]: ...
    def __getitem__(self, number: int | slice) -> str | list[str | None] | None:
        """Give one text by its number, or several."""
        return (
            list(map(_optional, self._texts[number]))
            if isinstance(number, slice)
            else _optional(self._texts[number])
        )

    def each(self, numbers: Iterable[int]) -> Iterator[str | None]:
        """Give the texts of some numbers; those of neighbours take the least time."""
        return (_optional(text) for _, text in self._texts.each(numbers))


def _optional(text: str) -> str | None:
    if text[:1] != "\0":
        return text
    return text[1:] if len(text) > 1 else None


def _common_start(one: str, other: str) -> int:
    """Count the characters with which both texts begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (mine, its) in pairs if mine != its), min(len(one), len(other)))
