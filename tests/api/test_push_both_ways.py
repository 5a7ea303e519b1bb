"""The same push by way of LFS and by way of Xet is the same: only how bytes travel differs."""

import hashlib

import pytest
from huggingface_hub import constants

from tests.factories import tree, write_question
from vmeval_hfds import export, push_to_hub
from vmeval_hfds.api.mirror import hf_upload

REPO = "user/questions"


def hashes(hub):
    return {path: hashlib.sha256(content).hexdigest() for path, content in hub.files(REPO).items()}


@pytest.mark.parametrize("send", [push_to_hub, hf_upload])
def test_both_ways_give_the_same_tree_of_hashes(hub, folder, monkeypatch, send):
    found = []
    for xet in (False, True):
        hub.reset()
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", not xet)
        send(folder, REPO)
        assert any("/xorbs/" in one.path for one in hub.requests) == xet
        found.append((hashes(hub), hub.lfs_objects(REPO)))
    assert found[0] == found[1]


@pytest.mark.both_transfers
def test_processes_can_be_begun_after_the_client_has_threads_of_its_own(hub, folder, tmp_path):
    for number in range(3):
        write_question(folder, "maze", f"maze_900{number}")
        push_to_hub(folder, REPO, num_proc=2)
        export(REPO, tmp_path / f"exported-{number}", num_proc=2)
        assert tree(tmp_path / f"exported-{number}") == tree(folder)
