"""The real client of the tests' Hub, and a repository on it."""

import pytest

from tests.hub_requests import ID


@pytest.fixture
def api_for(hub, monkeypatch, tmp_path):
    """Makes the real client for a token."""
    from huggingface_hub import HfApi, constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return lambda token: HfApi(endpoint=hub.endpoint, token=token)


@pytest.fixture
def api(hub, api_for):
    return api_for(hub.token("user"))


@pytest.fixture
def repo(hub):
    hub.create_repo(ID)
    return ID
