"""Real questions, videos and outputs come back too, where they lie beside the project."""

import pytest

from tests.factories import real_data, tree
from vmeval_hfds import build, check_folder, export, info, verify


@pytest.fixture
def real(tmp_path, request):
    return real_data(request.param, tmp_path / "real")


@pytest.mark.parametrize("real", ["questions", "assets", "vbvr.tar", "outputs.tar"], indirect=True)
def test_it_comes_back(real, tmp_path):
    dataset = tmp_path / "dataset"
    result = build(real, dataset, keep_incomplete=True)
    assert result.rows > 0
    export(dataset, tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(real)
    assert verify(real, dataset).same
    assert info(real).rows == info(dataset).rows


@pytest.mark.parametrize("real", ["questions"], indirect=True)
def test_real_questions_load(real, tmp_path):
    from datasets import load_dataset

    assert [problem for problem in check_folder(real) if problem.severity == "error"] == []
    build(real, tmp_path / "dataset")
    domains = sorted(path.name.removesuffix("_task") for path in real.glob("*_task"))
    for domain in domains:
        rows = load_dataset(str(tmp_path / "dataset"), domain, split="test")
        assert len(rows) == 3
        for row in rows:
            assert row["first_frame"].size == row["final_frame"].size
            assert row["prompt"] == (real / row["path"] / "prompt.txt").read_text()
    assert len(load_dataset(str(tmp_path / "dataset"), split="test")) == 3 * len(domains)


@pytest.mark.parametrize("real", ["assets"], indirect=True)
def test_hand_made_questions_load_with_their_videos(real, tmp_path):
    from datasets import load_dataset

    build(real, tmp_path / "dataset", keep_incomplete=True)
    rows = load_dataset(str(tmp_path / "dataset"), split="test")
    videos = {row["path"]: row["ground_truth"]["bytes"] for row in rows if row["ground_truth"]}
    assert videos == {
        path.parent.relative_to(real).as_posix(): path.read_bytes() for path in real.rglob("ground_truth.mp4")
    }
