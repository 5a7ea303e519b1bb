"""The same push by way of LFS and by way of Xet is the same: only how bytes travel differs."""

import hashlib

import pytest
from huggingface_hub import constants

from vmeval_hfds import push_to_hub
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
