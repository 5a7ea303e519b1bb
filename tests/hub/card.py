"""The metadata on top of a README. Pure functions."""

import re
from typing import Any

import yaml

_FRONT = re.compile(
    r"\A\ufeff?\s*---[ \t]*\r?\n(?P<yaml>.*?)(?:\r?\n|(?<=\n))---[ \t]*(?:\r?\n|\Z)", re.DOTALL
)


class BadCardError(ValueError):
    """The metadata cannot be read."""


def metadata(readme: str) -> dict[str, Any] | None:
    """The card's metadata, None without any.

    Raises:
        BadCardError: the YAML is broken, or not a mapping.
    """
    match = _FRONT.match(readme)
    if match is None:
        return None
    try:
        data = yaml.safe_load(match["yaml"])
    except yaml.YAMLError as error:
        raise BadCardError(str(error)) from error
    if data is not None and not isinstance(data, dict):
        raise BadCardError("the metadata must be a mapping")
    return data or None
