"""Tell what must not be seen by accident: `.env` files, Hugging Face tokens inside of files and messages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from vmeval_builders.problems import Problem

if TYPE_CHECKING:
    import pyarrow as pa

#: The codes of what only ``--allow-secrets`` lets through.
SECRET_CODES = frozenset({"secret-file", "token"})

# Real tokens are "hf_" and 34 letters and digits.
_TOKEN = re.compile(rb"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,}")
# One pass for UTF-8 and UTF-16; the whole expression would take thirty times as long.
_HINT = re.compile(rb"h\0?f\0?_")
# In what people read, less is enough to blot it out.
_SHOWN_TOKEN = re.compile(r"hf_[A-Za-z0-9]{16,}")
#: More than a token takes, in UTF-16 too.
_NEAR_BYTES = 256
_EXAMPLES = frozenset({".env.example", ".env.sample", ".env.template", ".env.dist"})


def is_secret_name(path: str) -> bool:
    """Whether a file's name says that it holds secrets: ``.env``, ``.env.local`` and the like."""
    if ".env" not in path.lower():
        return False
    name = path.rpartition("/")[2].lower()
    return name == ".env" or (name.startswith(".env.") and name not in _EXAMPLES)


def holds_token(content: bytes | memoryview) -> bool:
    """Whether a Hugging Face token is in a file's bytes.

    Every file is searched, whatever its kind: notebooks, logs and metadata inside of binary files leak as well,
    and thirty letters and digits after ``hf_`` do not come about by chance.
    """
    for hint in _HINT.finditer(content):
        near = bytes(content[max(0, hint.start() - 2) : hint.start() + _NEAR_BYTES])
        if _TOKEN.search(near) or _TOKEN.search(near.replace(b"\0", b"")):
            return True
    return False


def with_tokens(contents: pa.Array) -> list[int]:
    """Tell the byte strings of an Arrow array, by their numbers, in which there is a Hugging Face token.

    Arrow looks for the hint twice as fast as Python, which then looks again where there is one.
    """
    import pyarrow.compute as pc

    hinted = pc.match_substring_regex(contents, pattern=_HINT.pattern.decode("ascii").replace("\0", "\\x00"))
    if not pc.any(hinted).as_py():
        return []
    return [
        number
        for number, found in enumerate(hinted.to_pylist())
        if found and holds_token(memoryview(contents[number].as_buffer()))
    ]


class TokenSearch:
    """Looks for a Hugging Face token in a file that comes in chunks.

    Attributes:
        found: Whether there was one so far. The token itself is not kept.
    """

    def __init__(self) -> None:
        self.found = False
        self._tail = b""

    def feed(self, chunk: bytes) -> None:
        """Look at the next chunk."""
        if self.found:
            return
        text = self._tail + chunk
        self._tail = text[-_NEAR_BYTES:]
        self.found = holds_token(text)


def name_problems(paths: Iterable[str]) -> Iterator[Problem]:
    """List the files whose names say that they hold secrets."""
    for path in paths:
        if is_secret_name(path):
            message = "A file of this name holds secrets; leave it out with --exclude, or publish it with --allow-secrets."
            yield Problem("secret-file", "error", path, message)


def token_problem(path: str) -> Problem:
    """Tell that a token is in a file; never which."""
    message = "There is a Hugging Face token in it; take it out, or publish it with --allow-secrets."
    return Problem("token", "error", path, message)


def looks_like_token(text: str) -> bool:
    """Whether something in a short text looks like a token."""
    return _SHOWN_TOKEN.search(text) is not None


def without_tokens(text: str, token: str | None = None) -> str:
    """Blot out anything in a message that looks like a token, and a known one whatever it looks like."""
    if token:
        text = text.replace(token, "hf_…")
    return _SHOWN_TOKEN.sub("hf_…", text)
