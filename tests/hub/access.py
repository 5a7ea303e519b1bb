"""Who may do what with a repo. Pure decisions; each returns or raises the Hub's refusal."""

from tests.hub.accounts import Identity
from tests.hub.errors import HubError, repo_not_found
from tests.hub.repo import Repo


def visible(repo: Repo | None, identity: Identity | None) -> Repo:
    """The repo, for one who may know of it: a private repo of others looks missing.

    Raises:
        HubError: 401 or 404 RepoNotFound.
    """
    if repo is None or (repo.settings.private and not (identity and identity.owns(repo.namespace))):
        raise repo_not_found(anonymous=identity is None)
    return repo


def check_files(repo: Repo, identity: Identity | None) -> None:
    """May this one read the files of a visible repo?

    Raises:
        HubError: 401 or 403 GatedRepo.
    """
    if not repo.settings.gated:
        return
    if identity is None:
        raise HubError(
            401, f"Access to {repo.type} {repo.id} is restricted. You must log in first.", "GatedRepo"
        )
    if not identity.owns(repo.namespace) and identity.user not in repo.settings.granted:
        message = f"Access to {repo.type} {repo.id} is restricted and you are not in the authorized list."
        raise HubError(403, message, "GatedRepo")


def check_write(repo: Repo, identity: Identity | None) -> None:
    """May this one change a visible repo?

    Raises:
        HubError: 401 or 403.
    """
    if identity is None:
        raise HubError(401, "Invalid username or password.")
    if not identity.may_write(repo.namespace):
        raise HubError(403, f"You don't have the rights to write to {repo.type} {repo.id} with this token")


def check_space(repo: Repo, more: int, limit: int | None) -> None:
    """Is there room for that many bytes more?

    Raises:
        HubError: 403, as on an account whose storage is full.
    """
    if limit is not None and repo.stored_bytes() + more > limit:
        kind = "Private" if repo.settings.private else "Public"
        message = f"{kind} repository storage limit reached, please upgrade your plan to increase it."
        raise HubError(403, message)
