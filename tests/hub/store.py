"""All repos of the Hub, in one directory. No HTTP."""

import itertools
import re
import shutil
import threading
from pathlib import Path

from tests.hub.errors import HubError
from tests.hub.repo import Repo, RepoSettings

TYPES = ("model", "dataset", "space")
_NAME = re.compile(r"(?!.*(--|\.\.))(?!.*\.git$)[A-Za-z0-9_][A-Za-z0-9._-]{0,95}(?<![.-])")


class Store:
    """The repos, found by type and id whatever the case of the letters.

    Args:
        directory: where they are kept.
    """

    def __init__(self, directory: Path):
        self._directory = directory / "repos"
        self._lock = threading.Lock()
        self._repos: dict[tuple[str, str], Repo] = {}
        self._numbers = itertools.count()

    def clear(self) -> None:
        """Delete all repos."""
        with self._lock:
            for repo in self._repos.values():
                repo.remove()
            self._repos.clear()
            shutil.rmtree(self._directory, ignore_errors=True)

    def create(self, repo_type: str, repo_id: str, settings: RepoSettings, author: str) -> Repo | None:
        """Create a repo; None when there is one already.

        Raises:
            HubError: 400 for a bad type or name.
        """
        if repo_type not in TYPES:
            raise HubError(400, f"Invalid repo type: {repo_type}")
        if repo_id.count("/") != 1 or not all(_NAME.fullmatch(part) for part in repo_id.split("/")):
            raise HubError(400, f"Invalid repo name: {repo_id}")
        with self._lock:
            key = (repo_type, repo_id.lower())
            if key in self._repos:
                return None
            # A number, not the name: a repo created after one of the same name was deleted starts empty.
            directory = self._directory / str(next(self._numbers))
            self._repos[key] = Repo(directory, repo_type, repo_id, settings, author)
            return self._repos[key]

    def get(self, repo_type: str, repo_id: str) -> Repo | None:
        """The repo, None when there is none."""
        with self._lock:
            return self._repos.get((repo_type, repo_id.lower()))

    def all(self, repo_type: str) -> list[Repo]:
        """All repos of a type, by id."""
        with self._lock:
            return sorted(
                (repo for repo in self._repos.values() if repo.type == repo_type), key=lambda r: r.id
            )

    def delete(self, repo: Repo) -> None:
        """Delete a repo."""
        with self._lock:
            self._repos.pop((repo.type, repo.id.lower()), None)
        repo.remove()

    def move(self, repo: Repo, new_id: str) -> None:
        """Give a repo another id.

        Raises:
            HubError: 409 when that id is taken.
        """
        with self._lock:
            if (repo.type, new_id.lower()) in self._repos:
                raise HubError(409, f"{new_id} already exists")
            del self._repos[repo.type, repo.id.lower()]
            repo.id = new_id
            self._repos[repo.type, new_id.lower()] = repo
