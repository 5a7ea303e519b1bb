"""The ways in which people write down a repository on the Hub, taken apart.

``user/name``, ``user/name@revision``, ``hf://datasets/user/name@revision`` as in
https://huggingface.co/docs/huggingface_hub/guides/hf_file_system, and the address of its page.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from vmeval_hfds.errors import AddressError

_REPO_ID = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_SCHEME = re.compile(r"(hf|https?)://", re.IGNORECASE)
#: Revisions that are written with slashes.
_REFS = re.compile(r"refs/(?:pr|convert|heads)/[^/]+")
_HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co")
_KINDS = {"datasets": "dataset", "spaces": "space"}
#: What a repository's page is followed by where it shows one revision.
_VIEWS = ("tree", "commit")
_EXPECTED = "user/name, user/name@revision, hf://datasets/user/name or the address of its page"


@dataclass(frozen=True, slots=True)
class RepoAddress:
    """A repository, and a revision of it.

    Attributes:
        repo_id: ``user/name``.
        revision: A branch, tag or commit; None where none is stated.
        repo_type: ``dataset``, ``model`` or ``space``; None where it is not stated.
    """

    repo_id: str
    revision: str | None = None
    repo_type: str | None = None


def is_address(text: str) -> bool:
    """Whether a text is meant as an address and can be no path: it begins with ``hf://`` or ``https://``."""
    return _SCHEME.match(text) is not None


def looks_like_repo(text: str) -> bool:
    """Whether a text may be ``user/name``, with or without ``@revision``; it may be a path as well."""
    return _REPO_ID.fullmatch(text.partition("@")[0]) is not None


def leads_below(text: str) -> bool:
    """Whether an ``hf://`` address is that of a folder or file in a repository, which is read as what lies there."""
    return text.lower().startswith("hf://") and bool(_split_path(text)[1])


def parse_address(text: str, repo_type: str = "dataset") -> RepoAddress:
    """Take apart what a person gave for a repository.

    Args:
        text: A repo id or an address.
        repo_type: What kind of repository it must be.

    Raises:
        AddressError: It is neither, or leads to something else, such as a model or one file.
    """
    text = text.strip()
    if not is_address(text):
        repo_id, marked, revision = text.partition("@")
        address = RepoAddress(repo_id, revision if marked else None)
    elif text.lower().startswith("hf://"):
        address = _of_path(text)
    else:
        address = _of_page(text)
    if not _REPO_ID.fullmatch(address.repo_id) or address.revision == "":
        raise AddressError(f"{text!a}: expected {_EXPECTED}")
    if (address.repo_type or repo_type) != repo_type:
        raise AddressError(
            f"{text!a}: is the address of a {address.repo_type}, expected that of a {repo_type}"
        )
    return address


def repo_and_revision(
    text: str, repo_type: str = "dataset", revision: str = "main", default: str = "main"
) -> tuple[str, str]:
    """Tell which repository is meant, and which revision of it.

    Args:
        text: A repo id or an address.
        repo_type: What kind of repository it must be.
        revision: The revision that was asked for beside it.
        default: What that is where nobody asked.

    Raises:
        AddressError: It is no address of such a repository, or it names a revision and another was asked for.
    """
    address = parse_address(text, repo_type)
    if address.revision is None:
        return address.repo_id, revision
    if revision not in (default, address.revision):
        raise AddressError(
            f"{text}: names the revision {address.revision}, and {revision} was asked for; give one of them"
        )
    return address.repo_id, address.revision


def _of_path(text: str) -> RepoAddress:
    """Take ``hf://datasets/user/name@revision`` apart."""
    address, below = _split_path(text)
    _refuse_below(text, below)
    return address


def _split_path(text: str) -> tuple[RepoAddress, str]:
    """Part ``hf://datasets/user/name@revision`` from the path in the repository that may follow."""
    kind, parts = _kind(text.partition("://")[2].strip("/").split("/"))
    repo_id, marked, after = "/".join(parts).partition("@")
    if not marked:
        return RepoAddress("/".join(parts[:2]), None, kind), "/".join(parts[2:])
    revision, below = _split_revision(after)
    return RepoAddress(repo_id, revision, kind), below


def _of_page(text: str) -> RepoAddress:
    """Take the address of a repository's page apart."""
    split = urlsplit(text)
    endpoint = urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    path = split.path.strip("/")
    if split.netloc.lower() == endpoint.netloc.lower():
        # A mirror of the Hub may lie below a path of its own.
        path = path.removeprefix(f"{endpoint.path.strip('/')}/")
    elif split.netloc.lower() not in _HOSTS:
        raise AddressError(f"{text!a}: is no address of the Hub; expected {_EXPECTED}")
    kind, parts = _kind(path.split("/"))
    repo, view, after = parts[:2], parts[2:3], "/".join(parts[3:])
    if not view:
        return RepoAddress("/".join(repo), None, kind)
    if view[0] not in _VIEWS or not after:
        raise AddressError(f"{text!a}: is no page of a whole repository; expected {_EXPECTED}")
    revision, below = _split_revision(after)
    _refuse_below(text, below)
    return RepoAddress("/".join(repo), revision, kind)


def _split_revision(text: str) -> tuple[str, str]:
    """Part a revision from the path that may follow it; the Hub writes a slash in a branch's name as ``%2F``."""
    match = _REFS.match(text)
    revision = match[0] if match else text.partition("/")[0]
    return unquote(revision), text.removeprefix(revision).strip("/")


def _kind(parts: list[str]) -> tuple[str, list[str]]:
    """Tell a repository's kind from its address; a model's does not name it."""
    kind = _KINDS.get(parts[0])
    return (kind, parts[1:]) if kind else ("model", parts)


def _refuse_below(text: str, path: str) -> None:
    if path:
        raise AddressError(f"{text!a}: leads to {path!a} in a repository; give the repository's own address")
