"""Results in one file: a row a sample, the file once and exactly, and every command on them."""

import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

from tests.factories import as_json, shards, tree, write
from tests.result_factories import (
    GENERATORS,
    detail,
    sample,
    some_samples,
    write_details,
    write_result_files,
    write_samples,
)
from vmeval_builders.errors import AmbiguousFolderError
from vmeval_hfds import (
    build,
    check_folder,
    export,
    info,
    metadata_frame,
    push_to_hub,
    to_dataset,
    verify,
    write_gallery,
)
from vmeval_hfds.errors import UnknownNameError

DATA = Path(__file__).parents[3] / "shared" / "data" / "layouts"
REPO = "user/results"
FIVE = [
    "first_frame_consistency",
    "final_frame_accuracy",
    "temporal_smoothness",
    "visual_quality",
    "task_specific",
]


@pytest.fixture
def results(tmp_path):
    return write_result_files(tmp_path / "results")


@pytest.fixture
def dataset(tmp_path, results):
    build(results, tmp_path / "dataset")
    return tmp_path / "dataset"


def rows(folder):
    frame = metadata_frame(folder)
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def test_a_row_is_a_sample_with_what_the_file_says_of_it(tmp_path):
    write_samples(
        tmp_path,
        "wan",
        [sample("00007", 0.75, visual_quality=0.5, odd=1), sample("00008", 0.0, error="no prediction")],
    )
    first, second = rows(tmp_path)
    expected = {
        "model": "wan",
        "split": "In_Domain",
        "category": "Abstraction",
        "generator": GENERATORS[0],
        "task_id": "00007",
        "evaluator": "VBVR-Bench",
        "kind": "vbvr_results",
        "score": 0.75,
        "visual_quality": 0.5,
        "task_specific": None,
        "dimensions": '{"visual_quality": 0.5, "odd": 1}',
        "dimensions.odd": 1,
        "error": None,
        "status": None,
        "created_at": "2026-04-01T12:00:00",
        "path": "wan_vbvr_results.json",
    }
    assert {name: first[name] for name in expected} == expected
    assert (second["task_id"], second["error"], second["status"]) == ("00008", "no prediction", "failed")


def test_the_model_of_a_file_that_states_none_is_in_its_name(tmp_path):
    write_details(tmp_path / "of_wan", "wan-2.2_14b", [detail("00003", 0.5, visual_quality=0.25)])
    [row] = rows(tmp_path)
    found = [
        row[name]
        for name in ("model", "kind", "created_at", "task_id", "score", "visual_quality", "category")
    ]
    assert found == ["wan-2.2_14b", "eval_results", "20260401_120000", "00003", 0.5, 0.25, None]


def test_the_model_that_a_file_states_goes_before_its_name_with_a_warning(tmp_path):
    write_samples(tmp_path, "renamed", [sample()], model_name="wan")
    assert rows(tmp_path)[0]["model"] == "wan"
    [problem] = check_folder(tmp_path)
    assert (problem.code, problem.severity) == ("other-model", "warning")
    assert "'wan'" in problem.message


@pytest.mark.parametrize("content", [b"no JSON", b'{"samples": []}', b'{"samples": {}}', b"\xff\xfe"])
def test_a_file_without_samples_is_a_warning_and_comes_back(tmp_path, content):
    write(tmp_path / "in/a_vbvr_results.json", content)
    write_samples(tmp_path / "in", "b", [sample(), sample("00001")])
    assert [(one.code, one.severity) for one in check_folder(tmp_path / "in")] == [("bad-result", "warning")]
    assert build(tmp_path / "in", tmp_path / "dataset").rows == 3
    export(tmp_path / "dataset", tmp_path / "out")
    assert tree(tmp_path / "out") == tree(tmp_path / "in")


def test_results_are_found_out_and_the_summary_stays_a_file(results, dataset):
    built = build(results, dataset, force=True)
    assert (built.builder, built.rows, built.configs) == ("results", 22, {"sora": 10, "wan-2.2_14b": 12})
    assert built.files == 4
    assert not check_folder(results)
    write(results / "maze_task/maze_0000/first_frame.png", b"x")
    with pytest.raises(AmbiguousFolderError):
        check_folder(results)


def test_mme_cofs_results_beside_its_questions_are_none(tmp_path):
    write(tmp_path / "data.json", b"[]")
    write(tmp_path / "mme-cof_eval_results.json", as_json({"results": []}))
    assert info(tmp_path).layout.name != "results"


def test_a_file_is_kept_once_whatever_its_samples_are(dataset, results):
    held = [
        value
        for shard in shards(dataset)
        for value in pq.read_table(shard)["file"].to_pylist()
        if value is not None
    ]
    assert sorted(held) == sorted(path.read_text() for path in results.glob("*_results.json"))


def test_they_come_back_from_the_folder_an_archive_and_the_hub(tmp_path, results, hub):
    archive = tmp_path / "results.tar"
    subprocess.run(["tar", "cf", archive, "-C", results, "."], check=True)
    build(archive, tmp_path / "from_archive")
    push_to_hub(results, REPO)
    build(results, tmp_path / "from_folder")
    for number, source in enumerate((tmp_path / "from_archive", tmp_path / "from_folder", REPO)):
        target = tmp_path / f"out{number}"
        assert export(source, target).rows == 22
        assert tree(target) == tree(results)
        assert verify(target, source).same
    assert load_dataset(REPO, "sora", split="test").num_rows == 10
    assert load_dataset(REPO, split="test").num_rows == 22


def test_what_datasets_itself_published_comes_back_too(tmp_path, results, hub):
    to_dataset(results, cache_dir=tmp_path / "cache").push_to_hub(REPO, split="test")
    export(REPO, tmp_path / "out")
    expected = {path: content for path, content in tree(results).items() if "summary" not in path}
    assert tree(tmp_path / "out") == expected
    export(REPO, tmp_path / "one", domains=[GENERATORS[1]], ids=["00002"])
    assert [*tree(tmp_path / "one")] == ["wan-2.2_14b_vbvr_results.json"]


def test_an_id_exports_the_files_that_have_it(tmp_path, dataset, results):
    assert export(dataset, tmp_path / "out", ids=["00002"]).rows == 12
    assert tree(tmp_path / "out") == {
        name: content for name, content in tree(results).items() if name == "wan-2.2_14b_vbvr_results.json"
    }
    assert verify(tmp_path / "out", dataset, ids=["00002"]).same
    export(dataset, tmp_path / "both", ids=["00000"], domains=[GENERATORS[1]])
    assert len(tree(tmp_path / "both")) == 2
    with pytest.raises(UnknownNameError, match="there is no id"):
        export(dataset, tmp_path / "none", ids=["7"])
    assert export(dataset, tmp_path / "again").rows == export(dataset, tmp_path / "again").rows == 22


@pytest.mark.parametrize("source", ["folder", "dataset", "arrow"])
def test_info_counts_samples_and_each_file_once(tmp_path, dataset, results, source):
    chosen = {"folder": results, "dataset": dataset}.get(source) or to_dataset(
        results, cache_dir=tmp_path / "c"
    )
    found = info(chosen)
    by_model = {group.names[0]: (group.rows, group.size_bytes) for group in found.groups("model")}
    sizes = {path.name: path.stat().st_size for path in results.glob("*_results.json")}
    of_sora = sum(size for name, size in sizes.items() if name.startswith("sora"))
    assert by_model == {
        "sora": (10, of_sora),
        "wan-2.2_14b": (12, sizes["wan-2.2_14b_vbvr_results.json"]),
    }
    assert {group.names for group in found.groups("split")} == {("In_Domain",), ("Out_of_Domain",)}


def test_a_frame_is_the_same_from_everywhere(tmp_path, dataset, results, hub):
    push_to_hub(results, REPO)
    expected = metadata_frame(results)
    assert len(expected) == 22
    for source in (dataset, REPO):
        assert metadata_frame(source).equals(expected)


def test_a_gallery_shows_a_card_a_sample(tmp_path, dataset, results):
    for number, source in enumerate((results, dataset)):
        shown = write_gallery(source, tmp_path / f"{number}.html", limit=5)
        assert shown.rows == 5
    page = (tmp_path / "0.html").read_text()
    assert page.count("<article") == 5
    assert page == (tmp_path / "1.html").read_text().replace(">dataset<", ">results<")


def test_rows_are_added_replaced_and_removed_file_by_file(tmp_path, results, hub):
    push_to_hub(results, REPO)
    more = tmp_path / "more"
    write_samples(more, "veo", some_samples("veo", 1))
    write_samples(more, "sora", some_samples("sora", 4))
    pushed = push_to_hub(more, REPO, add=True)
    assert (pushed.changes.added, pushed.changes.changed, pushed.changes.removed) == (
        {"veo": 4},
        {"sora": 16},
        {},
    )
    assert load_dataset(REPO, split="test").num_rows == 12 + 2 + 16 + 4
    export(REPO, tmp_path / "out")
    assert tree(tmp_path / "out") == {**tree(results), **tree(more)}
    assert verify(tmp_path / "out", REPO).same
    assert not push_to_hub(more, REPO, add=True).changed
    removed = push_to_hub(more, REPO, remove=["wan*"], allow_removals=True)
    assert removed.changes.removed == {"wan-2.2_14b": 12}
    removed = push_to_hub(more, REPO, remove=["*_eval_results.json"], allow_removals=True)
    assert removed.changes.removed == {"sora": 2}
    export(REPO, tmp_path / "left")
    assert tree(tmp_path / "left") == {
        **tree(more),
        "all_models_summary.json": (results / "all_models_summary.json").read_bytes(),
    }
    assert load_dataset(REPO, "sora", split="test")["path"] == ["sora_vbvr_results.json"] * 16


def test_a_plain_push_of_fewer_files_says_how_many_samples_go(tmp_path, results, hub):
    push_to_hub(results, REPO)
    next(results.glob("sora_2*")).unlink()
    pushed = push_to_hub(results, REPO, allow_removals=True)
    assert pushed.changes.removed == {"sora": 2}
    assert pushed.changes.unchanged == {"sora": 8, "wan-2.2_14b": 12}
    assert pushed.rows == 20


def test_a_large_file_is_many_rows(tmp_path):
    samples = [sample(f"{number:05d}", number / 5000) for number in range(5000)]
    write_samples(tmp_path / "in", "wan", samples)
    assert build(tmp_path / "in", tmp_path / "dataset").rows == 5000
    [shard] = shards(tmp_path / "dataset")
    assert pq.read_metadata(shard).num_rows == 5000
    export(tmp_path / "dataset", tmp_path / "out")
    assert tree(tmp_path / "out") == tree(tmp_path / "in")


def test_the_fields_own_sample(tmp_path, hub):
    archive = DATA / "vbvr_bench_outputs_and_results_json.tar"
    if not archive.exists():
        pytest.skip("needs ../shared/data/layouts beside the project, which is no part of it")
    subprocess.run(["tar", "xf", archive, "-C", tmp_path, "vbvr_bench_results"], check=True)
    folder = tmp_path / "vbvr_bench_results"
    frame = metadata_frame(folder)
    assert frame.groupby(["model", "kind"]).size().to_dict() == {
        ("stub-fade", "eval_results"): 6,
        ("stub-fade", "vbvr_results"): 6,
        ("stub-hold", "vbvr_results"): 4,
    }
    assert frame[["split", "generator", "task_id", "score"]].notna().all(axis=None)
    assert frame[frame["kind"] == "eval_results"][FIVE].notna().all(axis=None)
    assert not [one for one in check_folder(folder) if one.severity == "error"]
    build(folder, tmp_path / "dataset")
    push_to_hub(folder, REPO)
    for source in (tmp_path / "dataset", REPO):
        export(source, tmp_path / "out", force=True)
        subprocess.run(["diff", "-r", folder, tmp_path / "out"], check=True)
        assert verify(tmp_path / "out", source).same
