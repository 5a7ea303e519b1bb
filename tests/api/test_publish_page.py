"""A page becomes a static Space: one commit, no secrets, and a card that people wrote stays."""

import json

import pytest

from tests.factories import write
from vmeval_hfds import publish_page, write_gallery
from vmeval_hfds.errors import FolderError, HubConflictError

SPACE = "user/questions-gallery"


@pytest.fixture
def page(folder, tmp_path):
    write_gallery(folder, tmp_path / "page.html")
    return tmp_path / "page.html"


def space_files(hub):
    return hub.files(SPACE, type="space")


def test_it_is_made_with_a_card_that_says_how_it_is_shown(hub, page):
    address = publish_page(page, SPACE, title='Mazes: "all" of them')
    files = space_files(hub)
    assert files["index.html"] == page.read_bytes()
    assert b'title: "Mazes: \\"all\\" of them"' in files["README.md"]
    assert b"sdk: static" in files["README.md"]
    assert address == f"{hub.endpoint}/spaces/{SPACE}"


def test_publishing_again_is_one_commit_or_none_and_keeps_the_card(hub, page):
    publish_page(page, SPACE)
    hub.commit(SPACE, {"README.md": b"---\nsdk: static\n---\nOurs.\n"}, type="space")
    commits = len(hub.log(SPACE, type="space"))
    publish_page(page, SPACE)
    assert len(hub.log(SPACE, type="space")) == commits
    page.write_text(page.read_text() + "<!-- more -->")
    publish_page(page, SPACE)
    assert len(hub.log(SPACE, type="space")) == commits + 1
    assert b"Ours." in space_files(hub)["README.md"]


def test_videos_beside_it_go_along(hub, page, tmp_path):
    write(tmp_path / "videos/a.webm", b"webm")
    publish_page(page, SPACE, assets=tmp_path / "videos")
    assert space_files(hub)["videos/a.webm"] == b"webm"


def test_a_token_in_the_page_stays_here(hub, page):
    page.write_text(page.read_text() + "hf_" + "aBcDe12345" * 3 + "wxyz")
    with pytest.raises(FolderError):
        publish_page(page, SPACE)
    assert not hub.exists(SPACE, type="space")


def test_a_private_one_is_made_and_a_public_one_is_refused(hub, page):
    publish_page(page, f"{SPACE}-p", private=True)
    publish_page(page, SPACE)
    with pytest.raises(HubConflictError, match="is public"):
        publish_page(page, SPACE, private=True)


def test_the_command_says_the_address(hub, run, folder, tmp_path):
    words = ["gallery", folder, tmp_path / "new.html", "--publish", SPACE]
    code, out, _ = run(*words)
    assert (code, out.splitlines()[-1]) == (0, f"{hub.endpoint}/spaces/{SPACE}")
    assert json.loads(run(*words, "--format", "json")[1])["url"].endswith(SPACE)
