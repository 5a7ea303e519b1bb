"""Whatever a person gives for rows: every function takes all of it, and says what it is not."""

import os
import tarfile

import pytest

from tests.factories import tree, write_folder, write_question
from vmeval_builders.scan import scan_rows
from vmeval_hfds import (
    build,
    export,
    info,
    metadata_frame,
    open_repo,
    push_to_hub,
    to_dataset,
    verify,
    write_gallery,
)
from vmeval_hfds.errors import AddressError, DatasetError, HubNotFoundError, VmevalError
from vmeval_hfds.rows.open import open_source
from vmeval_hfds.store.directory import DatasetFiles

REPO = "user/questions"


@pytest.fixture
def places(tmp_path, monkeypatch, hub):
    """One folder's rows, wherever they can lie; the present directory holds none of the names."""
    folder = write_folder(tmp_path / "questions")
    with tarfile.open(tmp_path / "questions.tar", "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name)
    build(folder, tmp_path / "dataset")
    push_to_hub(folder, REPO, tag="v1")
    write_question(folder, id="maze_0009")
    push_to_hub(folder, REPO)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    page = f"{hub.endpoint}/datasets/{REPO}"
    return {
        "folder": tmp_path / "questions",
        "archive": tmp_path / "questions.tar",
        "dataset directory": str(tmp_path / "dataset"),
        "repo id with a tag": f"{REPO}@v1",
        "hf path": f"hf://datasets/{REPO}@v1",
        "page": f"{page}/tree/v1",
        "Dataset": to_dataset(tmp_path / "questions.tar", cache_dir=tmp_path / "cache"),
        "Scan": scan_rows(tmp_path / "questions.tar"),
        "opened repository": open_repo(REPO, "v1"),
    }


KINDS = (
    *("folder", "archive", "dataset directory", "repo id with a tag", "hf path"),
    *("page", "Dataset", "Scan", "opened repository"),
)
DATASETS = [kind for kind in KINDS if kind not in ("folder", "archive", "Scan")]


def number_of(kind):
    return 5 if kind == "folder" else 4


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_looks_at_rows_takes_all_that_holds_rows(places, tmp_path, kind):
    source = places[kind]
    assert len(info(source).rows) == number_of(kind)
    assert len(metadata_frame(source)) == number_of(kind)
    assert write_gallery(source, tmp_path / "page.html").rows == number_of(kind)


@pytest.mark.parametrize("kind", DATASETS)
def test_export_takes_every_dataset(places, tmp_path, kind):
    result = export(places[kind], tmp_path / "rebuilt")
    assert result.rows == number_of(kind)
    assert set(tree(tmp_path / "rebuilt")) <= set(tree(places["folder"]))


@pytest.mark.parametrize("kind", [kind for kind in DATASETS if kind != "Dataset"])
def test_verify_takes_every_dataset_that_lists_files(places, kind):
    assert verify(places["archive"], places[kind]).same


def test_the_main_branch_is_what_a_repo_id_means(places):
    assert len(info(REPO).rows) == 5
    assert len(info(f"hf://datasets/{REPO}").rows) == 5


def test_a_folder_is_no_dataset_to_export(places, tmp_path):
    for kind in ("folder", "archive", "Scan"):
        with pytest.raises(DatasetError, match="build it with vmeval-hfds build"):
            export(places[kind], tmp_path / "rebuilt")


def test_a_path_that_is_here_goes_before_a_repository(places, tmp_path, hub):
    write_question(tmp_path / "here" / REPO, id="only_0000")
    write_question(tmp_path / "here" / f"{REPO}@v1", id="only_0000")
    hub.clear_log()
    assert [len(info(name).rows) for name in (REPO, f"{REPO}@v1")] == [1, 1]
    assert not hub.requests
    assert len(info(f"hf://datasets/{REPO}").rows) == 5


def test_a_path_is_never_a_repository(places, hub):
    hub.clear_log()
    for path in (os.path.join(".", REPO), type(places["folder"])(REPO)):
        with pytest.raises(FileNotFoundError, match="no such folder"):
            info(path)
    assert not hub.requests


def test_what_is_neither_here_nor_on_the_hub_is_said_to_be_neither(places):
    with pytest.raises(HubNotFoundError, match="there is no folder 'user/missing' here either"):
        info("user/missing")


def test_a_revision_is_stated_once_and_of_a_repository(places):
    assert isinstance(open_source(REPO, revision="v1"), DatasetFiles)
    with pytest.raises(AddressError, match="names a revision already"):
        open_source(f"{REPO}@v1", revision="main")
    with pytest.raises(AddressError, match="only repositories have"):
        open_source(places["folder"], revision="main")


@pytest.mark.parametrize("source", [7, None, {"id": ["a"]}, ["folder"]], ids=repr)
def test_what_holds_no_rows_is_one_sentence(source, tmp_path):
    for function in (info, metadata_frame, lambda one: export(one, tmp_path / "rebuilt")):
        with pytest.raises(VmevalError, match="expected a folder, archive, dataset directory") as caught:
            function(source)
        assert isinstance(caught.value, TypeError)
