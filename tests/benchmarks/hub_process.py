"""The tests' Hub in a process of its own, so that its work and a client's do not wait for one another."""

import hashlib
import multiprocessing
import os
import re
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

from tests.hub import Hub, Request

#: Variables that would lead clients elsewhere than to the tests' Hub and an empty home.
_FOREIGN = re.compile(r"(HF|HUGGING_?FACE)_.*")


class HubProcess:
    """A Hub on loopback, told over a pipe what to do.

    Args:
        directory: Where its repos are kept while it lives.
        latency_seconds: How long every request waits before it is handled.
    """

    def __init__(self, directory: Path, latency_seconds: float):
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, directory, latency_seconds), name="hub", daemon=True
        )
        self._process.start()
        theirs.close()
        self.endpoint, self.token = self._pipe.recv()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._pipe.close()
        self._process.join(10)
        if self._process.is_alive():
            self._process.terminate()

    def paths(self, repo_id: str) -> dict[str, str]:
        """Map the sha256 of every file at ``main`` to its path."""
        found: dict[str, str] = self._ask("paths", repo_id)
        return found

    def take_requests(self) -> list[Request]:
        """Give the requests since the last time."""
        requests: list[Request] = self._ask("requests")
        return requests

    def _ask(self, name: str, *arguments: object) -> Any:
        self._pipe.send((name, arguments))
        answer = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer


def client_environment(hub: HubProcess, home: str, *, xet: bool) -> dict[str, str]:
    """Give the whole environment of a client of a Hub.

    Args:
        hub: The Hub.
        home: Where the client keeps what it keeps.
        xet: Whether it sends and fetches large files by way of Xet, or of LFS.
    """
    kept = {name: value for name, value in os.environ.items() if not _FOREIGN.fullmatch(name)}
    return kept | {
        "HF_HOME": home,
        "HF_ENDPOINT": hub.endpoint,
        "HF_TOKEN": hub.token,
        "HF_HUB_DISABLE_XET": str(int(not xet)),
        # What the tests' store can read.
        "HF_XET_XORB_COMPRESSION_POLICY": "none",
        "HF_XET_CLIENT_LEGACY_DIRECT_XORB_UPLOAD": "1",
        "HF_XET_TELEMETRY_ENABLED": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    }


def _serve(pipe: Connection, directory: Path, latency_seconds: float) -> None:
    with Hub(directory) as hub:
        hub.latency_seconds = latency_seconds
        pipe.send((hub.endpoint, hub.token("user")))
        answers: dict[str, Callable[..., object]] = {
            "paths": lambda repo_id: _paths(hub, repo_id),
            "requests": lambda: _take_requests(hub),
        }
        while True:
            try:
                name, arguments = pipe.recv()
            except EOFError:
                return
            try:
                pipe.send(answers[name](*arguments))
            except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
                pipe.send(error)


def _paths(hub: Hub, repo_id: str) -> dict[str, str]:
    return {hashlib.sha256(content).hexdigest(): path for path, content in hub.files(repo_id).items()}


def _take_requests(hub: Hub) -> list[Request]:
    requests = hub.requests
    hub.clear_log()
    return requests
