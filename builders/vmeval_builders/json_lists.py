"""Go through the lists in a JSON object one element after the other, so that a long one is never held as objects."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import Any

from vmeval_builders.json_values import KEPT_JSON_LIMIT_CHARACTERS, some_of

_SPACE = re.compile(r"[ \t\n\r]*")


class _NotPlainError(Exception):
    """The text is not what is looked for here."""


def parse_lists(
    text: str, names: Collection[str], keep: Collection[str], take: Callable[[Iterable[Any]], Any]
) -> dict[str, Any] | None:
    """Parse the lists that stand in a JSON object.

    Args:
        text: The JSON.
        names: The keys of the lists.
        keep: The keys to keep of every object in them, however deep.
        take: Takes a list's elements, as they are read, and gives what is kept of them.

    Returns:
        Key to what was kept, of the lists that are there; None where the text is no JSON object, or something else than a
        list has one of these keys: whoever parses all of it can say what is wrong.
    """
    if len(text) > KEPT_JSON_LIMIT_CHARACTERS:
        return None
    found: dict[str, Any] = {}
    try:
        reader = _Reader(text.removeprefix("\ufeff"), keep)
        for name in reader.members():
            if name in names:
                found[name] = take(reader.elements())
            else:
                reader.value()
    except (_NotPlainError, ValueError, RecursionError):
        return None
    return found


class _Reader:
    """Reads a JSON text from its start on."""

    def __init__(self, text: str, keep: Collection[str]) -> None:
        self._text = text
        self._decoder = json.JSONDecoder(object_hook=partial(some_of, frozenset(keep)))
        self._at = 0
        self._skip_space()

    def value(self) -> Any:  # noqa: ANN401 - JSON holds anything
        """Give the value that comes next."""
        found, self._at = self._decoder.raw_decode(self._text, self._at)
        self._skip_space()
        return found

    def members(self) -> Iterator[str]:
        """Give the keys of an object that is all of the text; whoever gets one reads its value."""
        for _ in self._between("{", "}"):
            key = self.value()
            if not isinstance(key, str):
                raise _NotPlainError
            self._require(":")
            yield key
        if self._at != len(self._text):
            raise _NotPlainError

    def elements(self) -> Iterator[Any]:
        """Give the elements of a list."""
        for _ in self._between("[", "]"):
            yield self.value()

    def _between(self, opens: str, closes: str) -> Iterator[None]:
        self._require(opens)
        if not self._is_next(closes):
            yield
            while self._is_next(","):
                self._require(",")
                yield
        self._require(closes)

    def _is_next(self, mark: str) -> bool:
        return self._text.startswith(mark, self._at)

    def _require(self, mark: str) -> None:
        if not self._is_next(mark):
            raise _NotPlainError
        self._at += len(mark)
        self._skip_space()

    def _skip_space(self) -> None:
        space = _SPACE.match(self._text, self._at)
        assert space is not None
        self._at = space.end()
