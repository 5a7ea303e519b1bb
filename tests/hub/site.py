"""What every endpoint needs to know of the Hub it belongs to."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from tests.hub import access
from tests.hub.accounts import Accounts, Identity
from tests.hub.cas import Cas
from tests.hub.errors import HubError
from tests.hub.messages import Call
from tests.hub.repo import Repo
from tests.hub.store import Store

if TYPE_CHECKING:
    from tests.hub.buckets_api import Bucket


@dataclass
class Limits:
    """Sizes a test may change while the Hub runs.

    Args:
        page_size: entries in a page of a listing.
        part_size: a large file above this size is uploaded in parts of it.
        storage_limit: bytes a repo may hold, None for no limit.
        xet_token_seconds: how long a token of the Xet store is good.
    """

    page_size: int = 1000
    part_size: int = 64 << 20
    storage_limit: int | None = None
    xet_token_seconds: int = 3600


@dataclass
class Site:
    """One Hub, as its endpoints see it."""

    endpoint: str
    cdn_endpoint: str
    store: Store
    accounts: Accounts
    limits: Limits
    cas: Cas
    buckets: dict[str, "Bucket"] = field(default_factory=dict)
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    def readable(self, call: Call, repo_type: str, repo_id: str) -> Repo:
        """The repo, if the caller may know of it."""
        return access.visible(self.store.get(repo_type, repo_id), call.identity)

    def writable(self, call: Call, repo_type: str, repo_id: str) -> Repo:
        """The repo, if the caller may change it."""
        repo = self.readable(call, repo_type, repo_id)
        access.check_write(repo, call.identity)
        return repo

    def url(self, repo: Repo) -> str:
        """The repo's page."""
        return f"{self.endpoint}/{prefix(repo.type)}{repo.id}"

    def signed(self, origin: str, path: str, **params: object) -> str:
        """A URL that needs no token, because only the Hub can make it."""
        query = urlencode(sorted(params.items()))
        signature = self.sign(f"{path}?{query}")
        return f"{origin}{quote(path)}?{query}{'&' if query else ''}sig={signature}"

    def check_signature(self, call: Call, path: str) -> None:
        """Did the Hub make this URL?

        Raises:
            HubError: 403, it did not.
        """
        pairs = sorted((name, values[0]) for name, values in call.query.items() if name != "sig")
        if not hmac.compare_digest(self.sign(f"{path}?{urlencode(pairs)}"), call.param("sig")):
            raise HubError(403, "SignatureDoesNotMatch")

    def sign(self, text: str) -> str:
        """What only the Hub can put before a text: 32 letters."""
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()[:32]


def prefix(repo_type: str) -> str:
    """What stands before a repo's id in a URL."""
    return "" if repo_type == "model" else f"{repo_type}s/"


def require_user(call: Call) -> Identity:
    """The caller, who must be logged in.

    Raises:
        HubError: 401, without a token.
    """
    if call.identity is None:
        raise HubError(401, "Invalid username or password.")
    return call.identity
