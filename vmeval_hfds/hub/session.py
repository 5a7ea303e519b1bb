"""Have the client tell of a rate limit at once, instead of waiting by itself, unseen and for any time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from huggingface_hub import utils

from vmeval_hfds.version import __version__

_hub_utils: Any = utils  # their names are not marked as exported

#: How our requests are called; others that use the same client in this process are left alone.
LIBRARY = "vmeval-hfds"
#: What the client's functions take, to say so.
NAMED: Mapping[str, Any] = {"library_name": LIBRARY, "library_version": __version__}
_TOO_MANY = 429


def watch_session() -> None:
    """Watch the answers to our requests; called before each, since the client may have made a new session."""
    session = _hub_utils.get_session()
    hooks = session.event_hooks
    if _tell_rate_limit not in hooks["response"]:
        session.event_hooks = {**hooks, "response": [*hooks["response"], _tell_rate_limit]}


def _tell_rate_limit(response: Any) -> None:  # noqa: ANN401 (the HTTP library's own type)
    if response.status_code == _TOO_MANY and LIBRARY in response.request.headers.get("user-agent", ""):
        response.read()
        _hub_utils.hf_raise_for_status(response)
