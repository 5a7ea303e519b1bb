"""Values out of JSON, each of the type that its column has."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

#: Three characters of JSON can take 64 bytes of memory, an empty list, so that this may take 1.4 GB.
JSON_LIMIT_CHARACTERS = 2**26
#: Where most is dropped as it is read: the manifest of a million questions repeats all their metadata.
KEPT_JSON_LIMIT_CHARACTERS = 2**30


def parse_object(
    text: str | None, keep: Collection[str] | None = None
) -> tuple[dict[str, Any] | None, str | None]:
    """Parse a JSON object.

    Args:
        text: The file's text, or None where it is not UTF-8.
        keep: The keys to keep of every object, however deep; None for all. What is dropped is not held meanwhile.

    Returns:
        The object and None, or None and the end of a sentence that says what is wrong.
    """
    value, fault = parse_value(text, keep)
    if fault:
        return None, fault
    if not isinstance(value, dict):
        return None, f"holds {_JSON_KINDS.get(type(value), 'a value')}, not an object"
    return value, None


def parse_value(text: str | None, keep: Collection[str] | None = None) -> tuple[Any, str | None]:
    """Parse JSON of any kind, as `parse_object` does."""
    if text is None:
        return None, "is not UTF-8"
    limit = JSON_LIMIT_CHARACTERS if keep is None else KEPT_JSON_LIMIT_CHARACTERS
    if len(text) > limit:
        return None, f"has {len(text):,} characters of JSON; {limit:,} at most are parsed"
    text = text.removeprefix("\ufeff")
    hook = None if keep is None else partial(some_of, frozenset(keep))
    try:
        return _parsed(text, hook), None
    except json.JSONDecodeError as error:
        return None, f"is not JSON (line {error.lineno}, column {error.colno}: {error.msg})"
    except RecursionError:
        return None, "is nested too deeply"


def _parsed(text: str, hook: Callable[[dict[str, Any]], Any] | None) -> object:
    try:
        return json.loads(text, object_hook=hook)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return json.loads(text, object_hook=hook, parse_int=_integer)


def some_of(keep: frozenset[str], value: dict[str, Any]) -> dict[str, Any]:
    """Keep some keys of a JSON object."""
    return {key: one for key, one in value.items() if key in keep}


def _integer(digits: str) -> int | str:
    # Python refuses to parse integers of thousands of digits; JSON has no such limit.
    try:
        return int(digits)
    except ValueError:
        return digits


_JSON_KINDS = {list: "a list", str: "a string", int: "a number", float: "a number", type(None): "null"}


def value_at(value: object, place: str) -> Any:  # noqa: ANN401 - JSON holds anything
    """Give what stands in nested JSON objects at a place such as ``"inference.status"``; None without."""
    for key in place.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def scalar_text(value: object) -> str | None:
    """Give a JSON scalar as text; None for null, lists, objects and what UTF-8 cannot hold."""
    if not isinstance(value, str):
        return json.dumps(value) if isinstance(value, bool | int | float) else None
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value


def json_text(value: object) -> str | None:
    """Give a JSON value as text, lists and objects as JSON; None for null, and for what is nested too deeply."""
    try:
        return json.dumps(value) if isinstance(value, list | dict) else scalar_text(value)
    except RecursionError:
        return None


def number(value: object) -> float | None:
    """Give a JSON number; None for all else, text with digits too, and for what no finite float is near."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None
