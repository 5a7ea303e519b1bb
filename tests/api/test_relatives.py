"""Relatives of the question layout in their real shapes: nothing is lost, and domains, ids and prompts are sensible.

The shapes are those of VBVR's factory, and of VBVR-Bench-Data, VBVR-MultiStep-Bench and MME-CoF-VMEval on the Hub.
"""

import json
import shutil
from dataclasses import dataclass

import pyarrow.parquet as pq
import pytest

from tests.factories import edit_rows, real_data, shards, tree, write
from tests.run_factories import (
    rows,
    times,
    video,
    write_mme_cof,
    write_multistep_bench,
    write_vbvr,
    write_vbvr_bench,
)
from vmeval_builders.scan import scan_rows
from vmeval_hfds import build, check_folder, export, info, open_repo, push_to_hub, verify
from vmeval_hfds.errors import FolderError

REPO = "user/relatives"


@dataclass(frozen=True)
class Relative:
    """A relative, and what its rows are.

    Attributes:
        name: The test's id.
        write: Writes it.
        rows: Domain to ids, by path order.
        metadata: What its metadata file is called; None where it has none.
        warnings: The codes of what `check` says; it has no errors.
        loose: Files at its root, which no row holds.
    """

    name: str
    write: object
    rows: dict[str, list[str]]
    metadata: str | None
    warnings: frozenset[str]
    loose: frozenset[str] = frozenset()
    ground_truth: bool = True


_MULTI = ("Multi-01_maze_shortest_path_data-generator", "Multi-07_sokoban_planning_data-generator")
RELATIVES = [
    Relative(
        "vbvr",
        write_vbvr,
        {
            "symmetry_random": ["symmetry_random_00000000", "symmetry_random_00000001"],
            "sliding_puzzle": ["sliding_puzzle_00000000", "sliding_puzzle_00000001"],
        },
        "metadata.json",
        frozenset(),
    ),
    Relative(
        "vbvr-bench",
        write_vbvr_bench,
        {
            "G-131_select_next_figure_increasing_size_sequence_data-generator": ["00000", "00001"],
            "O-34_dot_to_dot_task_data-generator": ["00000", "00001"],
        },
        None,
        frozenset({"no-metadata"}),
        frozenset({"VBVR-Bench.json", "README.md"}),
    ),
    Relative(
        "multistep-bench",
        write_multistep_bench,
        {name: [f"{name}_00000000", f"{name}_00000001"] for name in _MULTI},
        "question_metadata.json",
        frozenset(),
        frozenset({"README.md", "croissant.json", "metadata.parquet"}),
    ),
    Relative(
        "mme-cof",
        write_mme_cof,
        {"mme_cof": ["mme_cof_0000", "mme_cof_0001"]},
        "question_metadata.json",
        frozenset(),
        frozenset({"README.md", "MME_COF.md", "dataset_summary.json"}),
        ground_truth=False,
    ),
]


@pytest.fixture(params=RELATIVES, ids=lambda relative: relative.name)
def relative(request):
    return request.param


@pytest.fixture
def written(tmp_path, relative):
    return relative.write(tmp_path / "relative")


def test_it_is_found_to_hold_questions_and_nothing_is_wrong_with_it(written, relative):
    scan = scan_rows(written)
    assert (scan.layout.name, scan.layout_found) == ("questions", True)
    problems = check_folder(written)
    assert [problem for problem in problems if problem.severity == "error"] == []
    assert {problem.code for problem in problems} == relative.warnings


def test_its_domains_and_ids_are_sensible(written, relative):
    found = {}
    for row in rows(written):
        found.setdefault(row["domain"], []).append(row["id"])
    assert found == relative.rows


def test_its_rows_hold_what_its_files_hold(written, relative):
    for row in rows(written):
        task = written / row["path"]
        assert row["prompt"].encode() == (task / "prompt.txt").read_bytes()
        assert row["first_frame"]["bytes"] == (task / "first_frame.png").read_bytes()
        assert row["final_frame"]["bytes"] == (task / "final_frame.png").read_bytes()
        metadata = relative.metadata and (task / relative.metadata).read_text()
        assert row["question_metadata"] == metadata
        expected = (
            {"bytes": video(row["path"]), "path": "ground_truth.mp4"} if relative.ground_truth else None
        )
        assert row["ground_truth"] == expected


@pytest.mark.parametrize("num_proc", [1, 2])
def test_it_comes_back(tmp_path, written, relative, num_proc):
    dataset = build(written, tmp_path / "dataset", num_proc=num_proc).target
    result = export(dataset, tmp_path / "rebuilt", num_proc=num_proc)
    assert tree(tmp_path / "rebuilt") == tree(written)
    assert result.missing == result.changed == result.added == []
    assert verify(written, dataset).same
    assert info(written).rows == info(dataset).rows


def test_it_comes_back_from_the_hub(hub, tmp_path, written, relative):
    from datasets import load_dataset

    push_to_hub(written, REPO)
    export(open_repo(REPO), tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(written)
    for domain, ids in relative.rows.items():
        assert load_dataset(REPO, domain, split="test")["id"] == ids


def test_a_domain_of_it_comes_alone(tmp_path, written, relative):
    dataset = build(written, tmp_path / "dataset").target
    domain = next(iter(relative.rows))
    export(dataset, tmp_path / "part", domains=[domain])
    wanted = tuple(f"{row['path']}/" for row in rows(written) if row["domain"] == domain)
    files = {path: content for path, content in tree(written).items() if content is not None}
    expected = {path: content for path, content in files.items() if path.startswith(wanted)}
    part = {path: content for path, content in tree(tmp_path / "part").items() if content is not None}
    assert part == expected


def test_what_is_loose_is_in_files(tmp_path, written, relative):
    dataset = build(written, tmp_path / "dataset").target
    listed = pq.read_table(dataset / "files/test-00000-of-00001.parquet").to_pylist()
    assert {row["path"] for row in listed if row["content"] is not None} == relative.loose


# What is particular


def test_an_id_that_vbvrs_metadata_calls_otherwise_is_the_folders(tmp_path):
    write_vbvr(tmp_path / "vbvr")
    for row in rows(tmp_path / "vbvr"):
        assert json.loads(row["question_metadata"])["task_id"] != row["id"] == row["path"].rpartition("/")[2]


def test_where_both_kinds_of_metadata_are_there_the_usual_one_is_the_column(tmp_path):
    write_vbvr(tmp_path / "vbvr")
    for row in rows(tmp_path / "vbvr"):
        write(tmp_path / "vbvr" / row["path"] / "question_metadata.json", "{}")
    assert {row["question_metadata"] for row in rows(tmp_path / "vbvr")} == {"{}"}
    build(tmp_path / "vbvr", tmp_path / "dataset")
    export(tmp_path / "dataset", tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(tmp_path / "vbvr")


def test_vbvrs_metadata_that_was_changed_in_its_row_goes_back_into_vbvrs_file(tmp_path):
    write_vbvr(tmp_path / "vbvr")
    dataset = build(tmp_path / "vbvr", tmp_path / "dataset").target
    for shard in shards(dataset):
        edit_rows(shard, lambda rows: [{**row, "question_metadata": "{}"} for row in rows])
    result = export(dataset, tmp_path / "rebuilt")
    expected = {
        path: b"{}" if path.endswith("/metadata.json") else held
        for path, held in tree(tmp_path / "vbvr").items()
    }
    assert tree(tmp_path / "rebuilt") == expected
    assert result.changed == [path for path in sorted(expected) if path.endswith("/metadata.json")]
    assert result.missing == result.added == []


def test_a_bench_whose_prompts_are_only_in_its_json_is_taken_in_when_told_to(tmp_path):
    write_vbvr_bench(tmp_path / "bench")
    for prompt in (tmp_path / "bench").rglob("prompt.txt"):
        prompt.unlink()
    with pytest.raises(FolderError):
        build(tmp_path / "bench", tmp_path / "dataset")
    build(tmp_path / "bench", tmp_path / "dataset", keep_incomplete=True)
    export(tmp_path / "dataset", tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(tmp_path / "bench")
    assert {row["prompt"] for row in rows(tmp_path / "bench")} == {None}


@pytest.mark.parametrize("metadata", [None, b"{}", b'{"domain": null}', b'{"domain": ""}', b'{"domain": 3}'])
def test_a_task_at_the_root_that_states_no_domain_is_of_the_one_in_its_name(tmp_path, metadata):
    write_mme_cof(tmp_path / "mme")
    for path in (tmp_path / "mme").rglob("question_metadata.json"):
        path.unlink()
        if metadata is not None:
            path.write_bytes(metadata)
    expected = {"3"} if metadata == b'{"domain": 3}' else {"mme_cof"}
    assert {row["domain"] for row in rows(tmp_path / "mme")} == expected
    build(tmp_path / "mme", tmp_path / "dataset")
    export(tmp_path / "dataset", tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(tmp_path / "mme")


def test_relatives_side_by_side_come_back_together(tmp_path):
    for relative in RELATIVES:
        relative.write(tmp_path / "all" / relative.name)
    result = build(tmp_path / "all", tmp_path / "dataset")
    assert result.rows == sum(len(ids) for relative in RELATIVES for ids in relative.rows.values())
    export(tmp_path / "dataset", tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(tmp_path / "all")


def test_a_downloaded_relative_with_the_clients_cache_comes_back(tmp_path):
    write_multistep_bench(tmp_path / "bench")
    write(tmp_path / "bench/.gitattributes", "*.mp4 filter=lfs\n")
    write(tmp_path / "bench/.cache/huggingface/download/README.md.metadata", "abc\n")
    build(tmp_path / "bench", tmp_path / "dataset")
    export(tmp_path / "dataset", tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(tmp_path / "bench")


# Real questions of VBVR's factory


@pytest.fixture
def real(tmp_path):
    return real_data("vbvr.tar", tmp_path / "real") / "vbvr"


def test_real_questions_of_vbvr_come_back(hub, tmp_path, real):
    from datasets import load_dataset

    assert check_folder(real) == []
    assert {row["domain"] for row in rows(real)} == {"sliding_puzzle", "symmetry_random"}
    before = times(real)
    build(real, tmp_path / "dataset")
    export(tmp_path / "dataset", tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(real)
    shutil.rmtree(tmp_path / "rebuilt")
    push_to_hub(real, REPO)
    export(open_repo(REPO), tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(real)
    assert times(real) == before
    for row in load_dataset(REPO, "sliding_puzzle", split="test"):
        assert row["question_metadata"] == (real / row["path"] / "metadata.json").read_text()
        assert row["ground_truth"]["bytes"] == (real / row["path"] / "ground_truth.mp4").read_bytes()
