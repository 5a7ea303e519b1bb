"""Whoever keeps a Hub sees in its log which program, and which version, a request came from."""

import pytest

from tests.factories import write_folder
from vmeval_hfds import __version__, export, hf_download, hf_upload, push_to_hub

REPO, RAW = "user/questions", "user/raw"


@pytest.mark.both_transfers
def test_requests_say_which_version_they_are_of(hub, tmp_path):
    folder = write_folder(tmp_path / "questions")
    push_to_hub(folder, REPO)
    export(REPO, tmp_path / "exported")
    hf_upload(folder, RAW)
    hf_download(RAW, tmp_path / "mirrored")
    agents = {one.path: one.agent for one in hub.requests if one.path.startswith("/api/")}
    assert len(agents) > 5
    assert {path for path, agent in agents.items() if f"vmeval-hfds/{__version__}" not in agent} == set()
