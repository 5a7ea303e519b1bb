"""Which rows are wanted: by domain, id, model, evaluator, experiment, or the value of any column of text or numbers."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from vmeval_builders.layouts.layout import Layout
from vmeval_hfds.errors import UnknownNameError, shown

#: What somebody wants of a column: one value or several; None, or "", is to have none.
Values = str | float | None | Collection[str | float | None]


class Chosen(TypedDict, total=False):
    """What says which rows are wanted; all where nothing is said.

    Attributes:
        domains: Values of the column that ``--domain`` chooses by.
        ids: Ids of tasks, or paths of rows.
        models: Values of the column ``model``.
        evaluators: Values of the column ``evaluator``.
        experiments: Values of the column ``experiment``.
        where: Any column of text or numbers, to its value or values; None is to have none.
    """

    domains: Collection[str]
    ids: Collection[str]
    models: Collection[str]
    evaluators: Collection[str]
    experiments: Collection[str]
    where: Mapping[str, Values]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The rows that are wanted; see `Chosen`."""

    domains: Collection[str] = ()
    ids: Collection[str] = ()
    models: Collection[str] = ()
    evaluators: Collection[str] = ()
    experiments: Collection[str] = ()
    where: Mapping[str, Values] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take text for one value, not for its letters."""
        for name in ("domains", "ids", "models", "evaluators", "experiments"):
            if isinstance(value := getattr(self, name), str):
                object.__setattr__(self, name, (value,))

    @property
    def paths(self) -> list[str]:
        """What of the ids may be the path of a row."""
        return sorted(one for one in self.ids if "/" in one)

    def __bool__(self) -> bool:
        """Whether anything is left out."""
        named = self.domains or self.ids or self.models or self.evaluators or self.experiments
        return bool(named or self.where)

    def conditions(self, domain_column: str) -> list[tuple[str, str, frozenset[str]]]:
        """Give what is wanted of columns, ids apart: the word for it, the column, and its values as text."""
        named = (
            ("domain", domain_column, self.domains),
            ("model", "model", self.models),
            ("evaluator", "evaluator", self.evaluators),
            ("experiment", "experiment", self.experiments),
        )
        found = [(word, column, frozenset(values)) for word, column, values in named if values]
        return found + [(name, name, _as_texts(values)) for name, values in self.where.items()]


class Chooser:
    """Tells the wanted rows of a layout by their texts, and remembers what it met.

    Attributes:
        columns: Column to the values of it that are wanted.
        met: The word for what is wanted to every value that was met.
    """

    def __init__(self, wanted: Wanted, layout: Layout, name: str) -> None:
        """Find the columns that rows are chosen by.

        Args:
            wanted: What is wanted.
            layout: What describes the rows.
            name: What messages call the folder or dataset.

        Raises:
            UnknownNameError: The layout has no such column of text or numbers; the message names near ones.
        """
        self.columns: dict[str, frozenset[str]] = {}
        self.met: dict[str, set[str]] = defaultdict(set)
        self._wanted, self._layout, self._name = wanted, layout, name
        self._words: dict[str, str] = {}
        for word, column, values in wanted.conditions(layout.domain_column):
            if column not in layout.text_columns:
                raise UnknownNameError(
                    f"{name}: {layout.name} have no column {shown(column)!r} to choose by; "
                    f"{near(column, layout.text_columns)}"
                )
            if layout.columns[column] == "float64":
                values = frozenset(map(_number, values))
            # What stands for no value where rows are sorted into configs.
            values |= {""} if f"no-{column}" in values else set()
            self.columns[column] = self.columns.get(column, values) & values
            self._words[column] = word

    @property
    def needed(self) -> list[str]:
        """The columns to read to tell."""
        keys = (self._layout.id_column, "path") if self._wanted.ids else ()
        return list(dict.fromkeys([*self.columns, *keys]))

    def may_hold(self, column: str, value: object) -> bool:
        """Whether rows that all have a value in a column may be wanted."""
        if column not in self.columns:
            return True
        text = text_of(value)
        self.met[self._words[column]].add(text or f"no-{column}")
        return text in self.columns[column]

    def fits(self, texts: Mapping[str, Any]) -> bool:
        """Whether a row is wanted.

        Args:
            texts: Its values of the columns that are needed; one that is not there is none.
        """
        if not self._wanted:
            return True
        # Each is asked, so that all that was met is known.
        are_wanted = [self.may_hold(column, texts.get(column)) for column in self.columns]
        return self._has_id(texts) and all(are_wanted)

    def _has_id(self, texts: Mapping[str, Any]) -> bool:
        ids = self._wanted.ids
        if not ids:
            return True
        own = {texts.get(self._layout.id_column), texts.get("path")} & set(ids)
        self.met["id"] |= {text_of(texts.get(self._layout.id_column)), *map(text_of, own)} - {""}
        return bool(own)

    def check(self, further: Mapping[str, Iterable[str]] | None = None) -> None:
        """Refuse what no row has.

        Args:
            further: The word for what is wanted to values that are known otherwise.

        Raises:
            UnknownNameError: A value is no row's; the message names near ones.
        """
        known = {word: {*self.met[word], *(further or {}).get(word, ())} for word in self.words}
        for column, values in self.columns.items():
            check_known(self._words[column], values - {""}, known[self._words[column]])
        check_known("id", self._wanted.ids, known.get("id", set()))

    def knows(self, further: Mapping[str, Iterable[str]]) -> bool:
        """Whether `check` lets all pass."""
        try:
            self.check(further)
        except UnknownNameError:
            return False
        return True

    @property
    def words(self) -> list[str]:
        """What is wanted, a word for each."""
        return [*self._words.values(), *(("id",) if self._wanted.ids else ())]

    def nothing_found(self) -> UnknownNameError:
        """Give the error for rows of which each has some of what is wanted, and none all."""
        return UnknownNameError(f"{self._name}: no row has all that is asked for ({', '.join(self.words)})")


def text_of(value: object) -> str:
    """Spell a value as people give it: 1.0 is 1, no value is empty."""
    if value is None or value != value:
        return ""
    return f"{value:.15g}" if isinstance(value, float | int) and not isinstance(value, bool) else str(value)


def _as_texts(values: Values) -> frozenset[str]:
    several = values if isinstance(values, Collection) and not isinstance(values, str) else (values,)
    return frozenset(map(text_of, several))


def _number(text: str) -> str:
    try:
        return text_of(float(text))
    except ValueError:
        return text


def check_known(word: str, wanted: Iterable[str], known: Collection[str]) -> None:
    """Refuse values that no row has.

    Args:
        word: What they are, such as ``domain``.
        wanted: The values.
        known: Those that there are.

    Raises:
        UnknownNameError: There is no such; the message names near ones.
    """
    for name in sorted(wanted):
        if name not in known:
            raise UnknownNameError(f"there is no {word} {shown(name)!r}; {near(name, known)}")


def near(name: str, known: Collection[str]) -> str:
    """Say which of the names that there are is like one, for the end of a sentence."""
    found = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5) or sorted(known)[:3]
    return f"near ones: {', '.join(map(shown, found)) or 'none'}"
