"""Where the token comes from: one environment variable, or else what `hf auth login` keeps."""

from __future__ import annotations

import os
import re

from huggingface_hub import get_token

from vmeval_builders.secrets import looks_like_token
from vmeval_hfds.errors import HubAccessError

DEFAULT_TOKEN_ENV = "HF_TOKEN"  # noqa: S105 (a variable's name, not a token)

# What may be repeated in a message: no token is in capitals, and passwords that are so are rare.
_PLAIN_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,39}")


def read_token(variable: str = DEFAULT_TOKEN_ENV) -> str | None:
    """Read the token from an environment variable.

    Only where the variable is the usual one may it be missing: then the token is the one that ``hf auth login``
    keeps, or there is none.

    Args:
        variable: The variable's name. Given a token instead, or any other text, no message repeats it.

    Raises:
        HubAccessError: Another variable was named, and is not set.
    """
    if looks_like_token(variable):
        raise HubAccessError(
            "a token was given in place of the name of a variable; it may be in your shell's history now, so make "
            f"another, put it into an environment variable, and give the variable's name, such as {DEFAULT_TOKEN_ENV}"
        )
    if token := os.environ.get(variable):
        return token
    if variable != DEFAULT_TOKEN_ENV:
        shown = variable if _PLAIN_NAME.fullmatch(variable) else "the variable that was named for the token"
        raise HubAccessError(
            f"{shown} is not set in the environment; set it to a token, or name another variable"
        )
    return get_token()
