"""Remember which files a download brought into a folder, so that a later one knows which it may remove."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from vmeval_hfds.mirror.plan import Content

_VERSION = 1


class Brought:
    """The record of one folder and one repository.

    It is kept outside of the folder, which holds what the repository holds and nothing else. Lost or
    unreadable, it is as if nothing had been brought: no file is removed then.

    Args:
        state: The folder for records.
        target: The folder that files were brought to.
        source: The repository, with its type and the Hub's address.
    """

    def __init__(self, state: Path, target: Path, source: str) -> None:
        self._target = str(target.resolve())
        self._source = source
        key = hashlib.sha256(f"{self._target}\n{source}".encode("utf-8", "surrogatepass")).hexdigest()
        self._place = state / f"{key}.json"

    def read(self) -> dict[str, list[Content]]:
        """Give each file that was brought, and the bytes that it had.

        After a killed run they are two: those that it was to replace, and those that it brought.
        """
        try:
            record = json.loads(self._place.read_text(encoding="utf-8"))
            if record["version"] != _VERSION:
                return {}
            return {
                str(path): [
                    Content(str(digest), int(size), bool(is_large)) for digest, size, is_large in known
                ]
                for path, known in record["files"].items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def write(self, files: Mapping[str, Sequence[Content]]) -> None:
        """Replace the record.

        Raises:
            OSError: It cannot be written.
        """
        record = {
            "version": _VERSION,
            "target": self._target,
            "source": self._source,
            "files": {
                path: [[one.digest, one.size_bytes, one.is_large] for one in known]
                for path, known in files.items()
            },
        }
        self._place.parent.mkdir(parents=True, exist_ok=True)
        staged = self._place.with_suffix(f".{os.getpid()}.partial")
        staged.write_text(json.dumps(record), encoding="utf-8")
        os.replace(staged, self._place)
