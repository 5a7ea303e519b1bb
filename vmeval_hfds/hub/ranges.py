"""A file on the Hub that is read in parts, with as few requests as its reader allows."""

from __future__ import annotations

from typing import Any

from huggingface_hub import hf_hub_url

from vmeval_builders.sources.parts import PartsFile
from vmeval_hfds.hub.repo import HubRepo

_SUCCESS = 206


class RangeFile(PartsFile):
    """A file of one commit, of known size.

    It can be sent to other processes and machines, and the token goes along.

    Args:
        repo: The repository.
        path: The file's path in it.
        commit: The commit.
        size_bytes: The file's size.
    """

    def __init__(self, repo: HubRepo, path: str, commit: str, size_bytes: int) -> None:
        super().__init__(size_bytes)
        self._repo = repo
        self._path = path
        self._commit = commit

    def __reduce__(self) -> tuple[Any, ...]:
        """Send how to reach the file; what was read of it stays here."""
        return RangeFile, (self._repo, self._path, self._commit, self.size_bytes)

    def bring(self, start: int, end: int) -> bytes:
        """Bring one part, with the tries that every request has."""
        return self._repo.call(self._get, start, end)

    def _get(self, start: int, end: int) -> bytes:
        from huggingface_hub import utils

        hub_utils: Any = utils  # their names are not marked as exported

        repo = self._repo
        url = hf_hub_url(
            repo.repo_id, self._path, repo_type=repo.repo_type, revision=self._commit, endpoint=repo.endpoint
        )
        headers = repo.headers()
        # Packed, the bytes that came could not be counted against what was asked for.
        headers |= {"Accept-Encoding": "identity", "Range": f"bytes={start}-{end - 1}"}
        response = hub_utils.get_session().get(url, headers=headers, follow_redirects=True)
        hub_utils.hf_raise_for_status(response)
        content = bytes(response.content)
        if response.status_code != _SUCCESS:
            content = content[start:end]
        if len(content) != end - start:
            raise _CutShortError(f"{self._path}: {len(content)} bytes came of {end - start}")
        return content


class _CutShortError(ConnectionError):
    """Fewer bytes came than were asked for; the request is tried again, and said in plain words at last."""
