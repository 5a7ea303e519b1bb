"""Who is asking, and what they may do. Pure decisions."""

import hashlib
import string
from dataclasses import dataclass, field
from typing import Literal

from tests.hub.errors import HubError

Role = Literal["read", "write"]
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Identity:
    """A token's owner and what the token allows."""

    user: str
    role: Role

    def may_write(self, namespace: str) -> bool:
        """Whether this token may change repos of the namespace."""
        return self.role == "write" and self.owns(namespace)

    def owns(self, namespace: str) -> bool:
        """Whether the namespace is the user's own."""
        return self.user.lower() == namespace.lower()


def make_token(user: str, role: Role) -> str:
    """The user's token: always the same one, in the form of a real one."""
    number = int.from_bytes(hashlib.sha512(f"{user}/{role}".encode()).digest())
    letters = []
    for _ in range(34):
        number, digit = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[digit])
    return "hf_" + "".join(letters)


@dataclass
class Accounts:
    """The tokens that are known."""

    identities: dict[str, Identity] = field(default_factory=dict)

    def token(self, user: str, role: Role = "write") -> str:
        """A token of the user, who exists from now on."""
        token = make_token(user, role)
        self.identities[token] = Identity(user, role)
        return token

    def identify(self, authorization: str | None) -> Identity | None:
        """The identity behind an Authorization header, None without one.

        Raises:
            HubError: 401, for a token nobody has.
        """
        if authorization is None:
            return None
        scheme, _, token = authorization.partition(" ")
        identity = self.identities.get(token.strip())
        if scheme.lower() != "bearer" or identity is None:
            # The clients tell a bad token from a hidden repo by this very text.
            raise HubError(401, "Invalid credentials in Authorization header")
        return identity
