"""Real questions, videos and outputs come back too, where they lie beside the project."""

import shutil
import tarfile
from pathlib import Path

import pytest

from tests.factories import tree
from vmeval_hfds import build, check_folder, export, info, verify

DATA = Path(__file__).parents[3] / "shared" / "data"


def real(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"needs ../shared/data/{name} beside the project, which is no part of it")
    return path


@pytest.fixture
def folder(tmp_path, request):
    """A copy of a folder, or an archive unpacked."""
    source = real(request.param)
    if source.is_dir():
        return Path(shutil.copytree(source, tmp_path / "folder"))
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path / "folder", filter="data")
    return tmp_path / "folder"


@pytest.mark.parametrize("folder", ["questions", "assets", "vbvr.tar", "outputs.tar"], indirect=True)
def test_it_comes_back(folder, tmp_path):
    dataset = tmp_path / "dataset"
    result = build(folder, dataset, keep_incomplete=True)
    assert result.rows > 0
    export(dataset, tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(folder)
    assert verify(folder, dataset).same
    assert info(folder).rows == info(dataset).rows


@pytest.mark.parametrize("folder", ["questions"], indirect=True)
def test_real_questions_load(folder, tmp_path):
    from datasets import load_dataset

    assert [problem for problem in check_folder(folder) if problem.severity == "error"] == []
    build(folder, tmp_path / "dataset")
    domains = sorted(path.name.removesuffix("_task") for path in folder.glob("*_task"))
    for domain in domains:
        rows = load_dataset(str(tmp_path / "dataset"), domain, split="test")
        assert len(rows) == 3
        for row in rows:
            assert row["first_frame"].size == row["final_frame"].size
            assert row["prompt"] == (folder / row["path"] / "prompt.txt").read_text()
    assert len(load_dataset(str(tmp_path / "dataset"), split="test")) == 3 * len(domains)


@pytest.mark.parametrize("folder", ["assets"], indirect=True)
def test_hand_made_questions_load_with_their_videos(folder, tmp_path):
    from datasets import load_dataset

    build(folder, tmp_path / "dataset", keep_incomplete=True)
    rows = load_dataset(str(tmp_path / "dataset"), split="test")
    videos = {row["path"]: row["ground_truth"]["bytes"] for row in rows if row["ground_truth"]}
    assert videos == {
        path.parent.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("ground_truth.mp4")
    }
