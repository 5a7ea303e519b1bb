"""The ways in which people write down a repository, and what is said of those that name none."""

import pytest

from vmeval_hfds.errors import AddressError
from vmeval_hfds.hub.address import RepoAddress, parse_address

NAMED = {
    "user/name": (None, None),
    "user-1/na.me_2": (None, None),
    "user/name@v1.0": ("v1.0", None),
    "user/name@refs/pr/3": ("refs/pr/3", None),
    "user/name@feature/frames": ("feature/frames", None),
    "hf://datasets/user/name": (None, "dataset"),
    "hf://datasets/user/name/": (None, "dataset"),
    "hf://datasets/user/name@v1.0": ("v1.0", "dataset"),
    "hf://datasets/user/name@refs/convert/parquet": ("refs/convert/parquet", "dataset"),
    "hf://datasets/user/name@feature%2Fframes": ("feature/frames", "dataset"),
    "https://huggingface.co/datasets/user/name": (None, "dataset"),
    " https://huggingface.co/datasets/user/name/ ": (None, "dataset"),
    "https://hf.co/datasets/user/name?library=datasets#top": (None, "dataset"),
    "https://huggingface.co/datasets/user/name/tree/main": ("main", "dataset"),
    "https://huggingface.co/datasets/user/name/tree/refs%2Fpr%2F1": ("refs/pr/1", "dataset"),
    "https://huggingface.co/datasets/user/name/tree/refs/pr/1": ("refs/pr/1", "dataset"),
    "https://huggingface.co/datasets/user/name/commit/0123abc": ("0123abc", "dataset"),
}

REFUSED = {
    "name": "expected user/name",
    "user/name/more": "expected user/name",
    "user/name@": "expected user/name",
    "hf://datasets/name": "expected user/name",
    "hf://user/name": "is the address of a model, expected that of a dataset",
    "hf://spaces/user/name": "is the address of a space, expected that of a dataset",
    "hf://datasets/user/name/data/a.parquet": "leads to 'data/a.parquet' in a repository",
    "hf://datasets/user/name@main/data": "leads to 'data' in a repository",
    "https://huggingface.co/user/name": "is the address of a model, expected that of a dataset",
    "https://huggingface.co/spaces/user/name": "is the address of a space, expected that of a dataset",
    "https://huggingface.co/datasets/user/name/tree/main/data/maze": "leads to 'data/maze' in a repository",
    "https://huggingface.co/datasets/user/name/blob/main/README.md": "is no page of a whole repository",
    "https://huggingface.co/datasets/user/name/discussions": "is no page of a whole repository",
    "https://huggingface.co/datasets/user/name/tree": "is no page of a whole repository",
    "https://huggingface.co/": "expected user/name",
    "https://huggingface.co.example.com/datasets/user/name": "is no address of the Hub",
    "https://user:secret@example.com/datasets/user/name": "is no address of the Hub",
    "hf://": "expected user/name",
}


@pytest.mark.parametrize("text", NAMED)
def test_what_people_paste_names_a_repository(text):
    revision, repo_type = NAMED[text]
    repo_id = "user-1/na.me_2" if "user-1" in text else "user/name"
    assert parse_address(text) == RepoAddress(repo_id, revision, repo_type)


@pytest.mark.parametrize("text", REFUSED)
def test_what_names_no_dataset_is_refused_with_one_sentence(text):
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    message = str(caught.value)
    assert REFUSED[text] in message
    assert "\n" not in message


def test_a_model_may_be_asked_for():
    assert parse_address("https://huggingface.co/user/name", "model").repo_id == "user/name"
    with pytest.raises(AddressError, match="is the address of a dataset, expected that of a model"):
        parse_address("https://huggingface.co/datasets/user/name", "model")


@pytest.mark.parametrize("endpoint", ["https://hub.example.com", "http://hub.example.com/mirror/"])
def test_the_hub_that_the_environment_names_is_a_hub(monkeypatch, endpoint):
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    address = f"{endpoint.rstrip('/')}/datasets/user/name/tree/v1"
    assert parse_address(address) == RepoAddress("user/name", "v1", "dataset")
    assert parse_address("https://huggingface.co/datasets/user/name").repo_id == "user/name"
