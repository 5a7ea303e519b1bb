"""Mirror raw folders to the Hub and back: what scripts and notebooks import."""

from __future__ import annotations

from vmeval_hfds.hub.address import repo_and_revision
from vmeval_hfds.hub.repo import HubRepo, RemoteFile
from vmeval_hfds.hub.token import DEFAULT_TOKEN_ENV
from vmeval_hfds.mirror.download import DownloadResult, download, hf_download, plan_download
from vmeval_hfds.mirror.plan import DownloadPlan, UploadPlan
from vmeval_hfds.mirror.upload import UploadResult, hf_upload, plan_upload

__all__ = [
    "DownloadPlan",
    "DownloadResult",
    "UploadPlan",
    "UploadResult",
    "download",
    "hf_download",
    "hf_list_files",
    "hf_upload",
    "list_remote_files",
    "plan_download",
    "plan_upload",
]


def hf_list_files(
    repo_id: str,
    repo_type: str = "dataset",
    revision: str = "main",
    token_env: str = DEFAULT_TOKEN_ENV,
) -> list[str]:
    """List the paths of all files of a repository, in order.

    Args:
        repo_id: ``user/name``, or an address of the repository, which may name the revision.
        repo_type: ``dataset``, ``model`` or ``space``.
        revision: A branch, tag or commit.
        token_env: The environment variable that holds the token.

    Raises:
        AddressError: The repo id is none, or the address of something else.
        HubError: The Hub failed or refused.
    """
    return [one.path for one in list_remote_files(repo_id, repo_type, revision, token_env)]


def list_remote_files(
    repo_id: str,
    repo_type: str = "dataset",
    revision: str = "main",
    token_env: str = DEFAULT_TOKEN_ENV,
) -> list[RemoteFile]:
    """List all files of a repository with sizes and hashes, in the order of their paths.

    Takes the arguments of `hf_list_files`.

    Raises:
        AddressError: The repo id is none, or the address of something else.
        HubError: The Hub failed or refused.
    """
    repo_id, revision = repo_and_revision(repo_id, repo_type, revision)
    files = HubRepo(repo_id, repo_type, token_env).files(revision)
    return sorted(files.values(), key=lambda one: one.path)
