"""Tell what must not be published by accident: `.env` files, and Hugging Face tokens inside of files."""

from __future__ import annotations

import re

# Real tokens are "hf_" and 34 letters and digits.
_TOKEN = re.compile(rb"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,}")
_HINT = b"hf_"
_HINT_UTF16 = b"h\0f\0_\0"
#: More than a token takes, in UTF-16 too: so much of a chunk is looked at once more with the next.
_OVERLAP_BYTES = 256
_EXAMPLES = frozenset({".env.example", ".env.sample", ".env.template", ".env.dist"})


def is_secret_name(path: str) -> bool:
    """Whether a file's name says that it holds secrets: ``.env``, ``.env.local`` and the like."""
    name = path.rpartition("/")[2].lower()
    return name == ".env" or (name.startswith(".env.") and name not in _EXAMPLES)


class TokenSearch:
    """Looks for a Hugging Face token in a file that comes in chunks.

    Every file is searched, whatever its kind: notebooks, logs and metadata inside of binary files leak as well,
    and thirty letters and digits after ``hf_`` do not come about by chance.

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
        self._tail = text[-_OVERLAP_BYTES:]
        if _HINT in text:
            self.found = _TOKEN.search(text) is not None
        if not self.found and _HINT_UTF16 in text:
            self.found = _TOKEN.search(text.replace(b"\0", b"")) is not None
