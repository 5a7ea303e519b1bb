"""Publish a page as a static Space on the Hub, so that a lab shares one address."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from vmeval_hfds.errors import HubNotFoundError
from vmeval_hfds.hub.address import repo_and_revision
from vmeval_hfds.hub.repo import HubRepo
from vmeval_hfds.hub.token import DEFAULT_TOKEN_ENV
from vmeval_hfds.mirror.upload import hf_upload
from vmeval_hfds.scratch import scratch_folder

#: What a Space shows: https://huggingface.co/docs/hub/spaces-sdks-static
_PAGE = "index.html"
_CARD = "README.md"


def publish_page(
    page: str | os.PathLike[str],
    space: str,
    *,
    title: str | None = None,
    assets: str | os.PathLike[str] | None = None,
    private: bool = False,
    token_env: str = DEFAULT_TOKEN_ENV,
) -> str:
    """Make or update a static Space that shows a page, in one commit.

    A card that is there stays as people wrote it.

    Args:
        page: The HTML file, as `write_gallery` and `write_comparison` write it.
        space: ``user/name`` of the Space; made where it is missing.
        title: The Space's title; None is its name.
        assets: The folder of videos beside the page, where it has one.
        private: Make it private; refused where it exists and is public.
        token_env: The environment variable that holds the token.

    Returns:
        The Space's address.

    Raises:
        FolderError: There is a token in the page.
        AddressError: The name is none, or the address of something else.
        HubError: The Hub failed or refused; the Space is as before.
    """
    repo_id, _ = repo_and_revision(space, "space")
    repo = HubRepo(repo_id, "space", token_env)
    with scratch_folder("vmeval-hfds-page-") as folder:
        shutil.copyfile(page, folder / _PAGE)
        if assets is not None:
            shutil.copytree(assets, folder / Path(assets).name)
        if not _has_card(repo):
            (folder / _CARD).write_text(_card(title or repo_id.partition("/")[2]), encoding="utf-8")
        hf_upload(
            folder,
            repo_id,
            "space",
            private=private,
            commit_message="Publish a page",
            token_env=token_env,
        )
    return f"{repo.endpoint}/spaces/{repo_id}"


def _has_card(repo: HubRepo) -> bool:
    """Whether somebody wrote a card; the one that the Hub makes with a Space is as good as ours."""
    try:
        return _CARD in repo.look()[1]
    except HubNotFoundError:
        return False


def _card(title: str) -> str:
    return f"---\ntitle: {json.dumps(title, ensure_ascii=False)}\nsdk: static\npinned: false\n---\n"
