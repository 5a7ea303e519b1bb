"""Evaluations: results of every variant of the layout as rows, scores as they were given, and all that comes back."""

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.test_outputs import consistent
from tests.api.test_roundtrip import FOLDERS, NAMES, OBJECTS, lay_out
from tests.factories import as_json, edit_rows, real_data, shards, tree, write
from tests.run_factories import RESULT, human_result, result, rows, stored_rows, times, write_results
from vmeval_hfds import (
    EvaluationsBuilder,
    build,
    check_folder,
    export,
    info,
    open_repo,
    push_to_hub,
    to_dataset,
    verify,
)
from vmeval_hfds.errors import UnsafePathError

REPO = "user/evaluations"


pytestmark = pytest.mark.folder("evaluations", write_results)


def one_row(folder, path=RESULT, content=None):
    write(folder / path, result() if content is None else content)
    found = rows(folder)
    assert len(found) == 1
    return found[0]


def round_trip(folder, place, **options):
    dataset = build(folder, place / "dataset", **options).target
    exported = export(dataset, place / "rebuilt")
    assert tree(place / "rebuilt") == tree(folder)
    assert verify(place / "rebuilt", dataset).same
    assert exported.missing == exported.changed == exported.added == []
    return dataset


def test_the_columns_of_a_result(tmp_path):
    assert one_row(tmp_path) == {
        "experiment": "pilot",
        "model": "wan",
        "checkpoint": None,
        "split": None,
        "generator": None,
        "domain": "maze",
        "task_id": "maze_0000",
        "evaluator": "GPT4OEvaluator",
        "kind": "final_frame_comparison",
        "annotator": None,
        "score": 3.0,
        "score_text": "3",
        "dimensions": None,
        "category": None,
        "status": "completed",
        "error": None,
        "explanation": "Compared.\nSecond line.",
        "created_at": "2026-11-23T20:05:18.745897",
        "result": result().decode(),
        "path": RESULT,
    }


def test_a_persons_result_has_an_annotator_and_comments_and_no_status(tmp_path):
    row = one_row(tmp_path, "pilot/wan/maze_task/maze_0000/human-eval.json", human_result())
    assert (row["evaluator"], row["annotator"], row["score"]) == ("human-eval", "J. Dörfler", 4.0)
    assert (row["status"], row["explanation"]) == (None, "path crosses a wall")


@pytest.mark.parametrize("status", ["failed", "skipped"])
def test_a_result_without_a_score_says_why(tmp_path, status):
    stated = {"error": "API call failed: 500 — stub", "status": status}
    row = one_row(tmp_path, content=as_json({"metadata": {"evaluator": "GPT4OEvaluator"}, "result": stated}))
    assert (row["status"], row["explanation"]) == (status, "API call failed: 500 — stub")
    assert row["score"] is row["score_text"] is None


# Where results are

TASK = "maze_task/maze_0000"
HERE = {"domain": "maze", "task_id": "maze_0000"}


@dataclass(frozen=True)
class Place:
    """A result's file, what it says itself, and what is known of it."""

    path: str
    experiment: str | None
    model: str | None
    evaluator: str = "GPT4OEvaluator"
    stated_model: str | None = "wan"
    stated_evaluator: str | None = "GPT4OEvaluator"


PLACES = [
    Place(f"pilot/wan/{TASK}/GPT4OEvaluator.json", "pilot", "wan"),
    Place(f"data/evaluations/pilot/wan/{TASK}/GPT4OEvaluator.json", "pilot", "wan"),
    Place(f"GPT4OEvaluator/pilot/wan/{TASK}/GPT4OEvaluator.json", "pilot", "wan"),
    Place(f"gpt4o-eval/pilot/wan/{TASK}/GPT4OEvaluator.json", "pilot", "wan"),
    Place(
        f"human-eval/pilot/wan/{TASK}/human-eval.json",
        "pilot",
        "wan",
        "human-eval",
        stated_evaluator="human-eval",
    ),
    Place(f"GPT4OEvaluator/wan/{TASK}/GPT4OEvaluator.json", None, "wan"),
    Place(f"human-eval/wan/{TASK}/human-eval.json", None, "wan", "human-eval", stated_evaluator="human-eval"),
    Place(f"human-eval/wan/{TASK}/human-eval.json", None, "wan", "human-eval", stated_evaluator=None),
    Place(f"by-hand/wan/{TASK}/verdict.json", None, "wan", "by-hand", stated_evaluator="by-hand"),
    Place(f"wan/{TASK}/GPT4OEvaluator.json", None, "wan"),
    Place(f"wan/{TASK}/GPT4OEvaluator.json", None, "wan", stated_model=None),
    Place(f"pilot/wan/{TASK}/GPT4OEvaluator.json", "pilot", "wan", stated_evaluator=None),
    Place(f"pilot/wan/{TASK}/GPT4OEvaluator.json", "pilot", "wan", "Other", stated_evaluator="Other"),
    Place(f"pilot/Wan 2.2 (14B)/{TASK}/ü 1.json", "pilot", "Wan 2.2 (14B)", "ü 1", "Wan 2.2 (14B)", None),
    # The result states the model that no folder is called after.
    Place(f"pilot/{TASK}/GPT4OEvaluator.json", "pilot", "wan"),
    Place(f"{TASK}/GPT4OEvaluator.json", None, "wan"),
]


@pytest.mark.parametrize(
    "place", PLACES, ids=lambda place: f"{place.path}-{place.stated_model}-{place.stated_evaluator}"
)
def test_what_a_results_place_says(tmp_path, place):
    value = json.loads(result())
    value["metadata"] |= {"model_name": place.stated_model, "evaluator": place.stated_evaluator}
    row = one_row(tmp_path / "evaluations", place.path, as_json(value))
    expected = {**HERE, "experiment": place.experiment, "model": place.model, "evaluator": place.evaluator}
    assert {name: row[name] for name in expected} == expected
    round_trip(tmp_path / "evaluations", tmp_path)


# Scores


@pytest.mark.parametrize(
    ("stated", "score", "text"),
    [
        ("5", 5.0, "5"),
        ("4.5", 4.5, "4.5"),
        ("0", 0.0, "0"),
        ("-1", -1.0, "-1"),
        ("1e3", 1000.0, "1000.0"),
        ('"5"', None, "5"),
        ('"N/A"', None, "N/A"),
        ('"4/5"', None, "4/5"),
        ('""', None, ""),
        ("null", None, None),
        ("true", None, "true"),
        ("false", None, "false"),
        ("[1]", None, "[1]"),
        ('{"a": 1}', None, '{"a": 1}'),
        ("NaN", None, "NaN"),
        ("Infinity", None, "Infinity"),
        ("9007199254740993", 9007199254740992.0, "9007199254740993"),
        (f"1{'0' * 400}", None, f"1{'0' * 400}"),
        (f"1{'0' * 5000}", None, f"1{'0' * 5000}"),
        ('"\\ud800"', None, None),
        ('"5 — \\u2713"', None, "5 — \u2713"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_score_is_a_number_where_it_was_given_as_one(tmp_path, stated, score, text):
    content = f'{{"result": {{"solution_correctness_score": {stated}, "status": "completed"}}}}'
    row = one_row(tmp_path / "evaluations", content=content)
    assert (row["score"], row["score_text"]) == (score, text)
    assert (row["result"], row["status"]) == (content, "completed")
    round_trip(tmp_path / "evaluations", tmp_path)


def test_a_score_that_no_float_can_hold_is_null_and_its_text_is_not(tmp_path):
    content = '{"result": {"solution_correctness_score": 1e400}}'
    row = one_row(tmp_path / "evaluations", content=content)
    assert (row["score"], row["result"]) == (None, content)
    assert row["score_text"] is not None
    round_trip(tmp_path / "evaluations", tmp_path)


@pytest.mark.parametrize(
    ("stated", "score"),
    [
        ({}, None),
        ({"score": 0.25}, 0.25),
        ({"solution_correctness_score": 2, "score": 0.25}, 2.0),
        ({"solution_correctness_score": None, "score": 0.25}, 0.25),
        # What VMEvalKit's InternVL scorer writes where it compares with goal.txt.
        ({"goal_achieved_score": 3, "evaluation_type": "goal_based"}, 3.0),
        ({"final_score": 4, "solution_correctness_score": 4, "confidence": 0.5}, 4.0),
    ],
    ids=str,
)
def test_every_evaluators_score_is_found(tmp_path, stated, score):
    assert one_row(tmp_path, content=as_json({"result": stated}))["score"] == score


def test_a_huge_number_elsewhere_takes_nothing_from_the_score(tmp_path):
    content = f'{{"result": {{"solution_correctness_score": 5, "seed": 1{"0" * 5000}}}}}'
    assert one_row(tmp_path, content=content)["score"] == 5.0


# What cannot be read


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{cut",
        b"[]",
        b"null",
        b"5",
        b'"text"',
        b"\xff\xfe",
        b"{}",
        b'{"result": 5}',
        b'{"metadata": []}',
        b"[" * 100_000,
    ],
    ids=lambda content: repr(content[:20]),
)
def test_a_result_of_any_kind_is_a_row_and_comes_back(tmp_path, content):
    row = one_row(tmp_path / "evaluations", content=content)
    readable = b"\xff" not in content
    assert row["result"] == (content.decode() if readable else None)
    assert (row["evaluator"], row["model"], row["experiment"]) == ("GPT4OEvaluator", "wan", "pilot")
    assert row["score"] is row["score_text"] is row["status"] is None
    assert not [problem for problem in check_folder(tmp_path / "evaluations") if problem.severity == "error"]
    round_trip(tmp_path / "evaluations", tmp_path)


def test_check_says_which_results_cannot_be_read(folder):
    bad = [problem.path for problem in check_folder(folder) if problem.code == "bad-result"]
    assert bad == [f"pilot/wan/maze_task/maze_000{number}/InternVLEvaluator.json" for number in (2, 3)]


@pytest.mark.parametrize(
    "path",
    [
        "GPT4OEvaluator_all_models.json",
        "pilot/GPT4OEvaluator_all_models.json",
        "pilot/wan/summary.json",
        "pilot/wan/maze_task/summary.json",
        "pilot/wan/maze_task/maze_0000/frames/GPT4OEvaluator.json",
        "pilot/wan/maze_task/maze_0000/notes.txt",
        "pilot/wan/maze_task/maze_0000/GPT4OEvaluator.json.part",
        "pilot/wan/maze_task/maze_0000/.json",
    ],
)
def test_what_is_no_result_stays_in_files(tmp_path, path):
    write(tmp_path / "evaluations" / path, b'{"metadata": {}}')
    assert one_row(tmp_path / "evaluations")["path"] == RESULT
    dataset = round_trip(tmp_path / "evaluations", tmp_path)
    listed = pq.read_table(dataset / "files/test-00000-of-00001.parquet").to_pylist()
    assert [one["path"] for one in listed if one["content"] is not None] == [path]


# There and back


@pytest.mark.parametrize("num_proc", [1, 2])
def test_all_come_back(tmp_path, folder, num_proc):
    round_trip(folder, tmp_path, num_proc=num_proc)


def test_all_come_back_from_the_hub(hub, tmp_path, folder):
    push_to_hub(folder, REPO)
    export(open_repo(REPO), tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(folder)
    assert verify(tmp_path / "rebuilt", open_repo(REPO)).same


def test_times_are_no_part_of_evaluations(tmp_path, folder, dataset):
    os.utime(folder / RESULT, ns=(1, 1))
    os.utime(folder, ns=(2, 2))
    assert verify(folder, dataset).same
    build(folder, tmp_path / "again")
    assert tree(tmp_path / "again") == tree(dataset)


@pytest.mark.parametrize(
    ("choice", "beginning"),
    [
        ({"domains": ["chess"]}, "chess_task/"),
        ({"ids": ["maze_0001"]}, "maze_task/maze_0001/"),
        ({"domains": ["maze"], "ids": ["maze_0000"]}, "maze_task/maze_0000/"),
    ],
    ids=str,
)
def test_a_part_has_the_results_of_its_tasks(tmp_path, folder, dataset, choice, beginning):
    export(dataset, tmp_path / "part", **choice)
    part = {path: content for path, content in tree(tmp_path / "part").items() if content is not None}
    found = {row["path"] for row in rows(folder) if f"/{beginning}" in row["path"]}
    assert set(part) == found
    assert part.items() <= tree(folder).items()


def test_every_evaluator_is_a_config(tmp_path, folder):
    from datasets import get_dataset_config_names, load_dataset

    made = build(folder, tmp_path / "dataset")
    assert made.configs == {"GPT4OEvaluator": 5, "InternVLEvaluator": 2, "human-eval": 4}
    dataset = str(made.target)
    assert set(get_dataset_config_names(dataset)) == {"default", "files", *made.configs}
    loaded = load_dataset(dataset, "human-eval", split="test")
    assert set(loaded["annotator"]) == {"J. Dörfler"}
    assert loaded["score"] == [4.0] * 4
    for row in load_dataset(dataset, split="test"):
        content = (folder / row["path"]).read_bytes()
        assert (row["result"] is None) is (b"\xff" in content)
        assert row["result"] is None or row["result"].encode() == content


def test_a_config_is_the_evaluator_that_the_result_states(tmp_path):
    write(tmp_path / "evaluations" / RESULT, result(evaluator="data"))
    write(tmp_path / "evaluations/pilot/wan/maze_task/maze_0001/x.json", result(evaluator="Mine (v2)"))
    made = build(tmp_path / "evaluations", tmp_path / "dataset")
    assert made.configs == {"data": 1, "Mine (v2)": 1}
    round_trip(tmp_path / "evaluations", tmp_path / "again")


def test_to_dataset_and_the_datasets_builder_give_the_same_rows(tmp_path, folder):
    expected = rows(folder)
    assert list(to_dataset(folder, cache_dir=tmp_path / "cache")) == expected
    streamed = EvaluationsBuilder.of(folder, cache_dir=str(tmp_path / "cache")).as_streaming_dataset(
        split="test"
    )
    assert list(streamed) == expected


def test_stored_rows_are_those_of_the_folder(folder, dataset):
    assert list(stored_rows(dataset).values()) != []
    assert stored_rows(dataset) == {row["path"]: row for row in rows(folder)}


def test_info_counts_results(folder, dataset):
    of_folder, of_dataset = info(folder), info(dataset)
    assert of_folder.layout.name == "evaluations"
    assert of_folder.rows == of_dataset.rows
    counted = {group.names: group.rows for group in of_dataset.groups("evaluator", "status")}
    assert counted == {
        ("GPT4OEvaluator", "completed"): 4,
        ("GPT4OEvaluator", "failed"): 1,
        ("InternVLEvaluator", None): 2,
        ("human-eval", None): 4,
    }


def test_verify_tells_what_changed(folder, dataset):
    write(folder / RESULT, result(1))
    (folder / "summary.csv").unlink()
    write(folder / "pilot/new.json", "{}")
    found = verify(folder, dataset)
    assert (found.different, found.missing, found.extra) == ([RESULT], ["summary.csv"], ["pilot/new.json"])


def test_a_verdict_that_was_changed_in_its_row_comes_to_its_place_and_is_counted(tmp_path, folder, dataset):
    for shard in shards(dataset):
        edit_rows(
            shard, lambda rows: [{**row, "result": "{}"} if row["path"] == RESULT else row for row in rows]
        )
    exported = export(dataset, tmp_path / "rebuilt")
    assert exported.changed == [RESULT]
    assert tree(tmp_path / "rebuilt") == tree(folder) | {RESULT: b"{}"}


@pytest.mark.parametrize(
    "path",
    [
        "../x.json",
        "/x.json",
        "a/../../x.json",
        "..",
        "",
        None,
        "C:\\x.json",
        "con.json",
        "x/",
        "a//b.json",
        ".git/x.json",
        "x\0.json",
    ],
    ids=ascii,
)
@pytest.mark.parametrize("listed", [True, False], ids=["with-list", "no-list"])
def test_a_results_path_that_leads_elsewhere_is_refused(tmp_path, path, listed):
    write(tmp_path / "evaluations" / RESULT, result())
    dataset = build(tmp_path / "evaluations", tmp_path / "dataset").target
    (shard,) = shards(dataset)
    edit_rows(shard, lambda rows: [{**row, "path": path} for row in rows])
    if not listed:
        shutil.rmtree(dataset / "files")
    before = tree(tmp_path)
    for options in ({}, {"force": True}, {"num_proc": 2}):
        with pytest.raises(UnsafePathError, match="nothing was written"):
            export(dataset, tmp_path / "a/b/target", **options)
        assert tree(tmp_path) == before


@pytest.mark.parametrize("path", [f"{RESULT}/x.json", RESULT.upper(), "pilot/wan"])
def test_a_results_path_that_meets_another_is_refused(tmp_path, folder, dataset, path):
    shard = next(shard for shard in shards(dataset) if "human-eval" in str(shard))
    edit_rows(shard, lambda rows: [{**rows[0], "path": path}, *rows[1:]])
    before = tree(tmp_path)
    with pytest.raises(UnsafePathError, match="nothing was written"):
        export(dataset, tmp_path / "target")
    assert tree(tmp_path) == before


# Any folder

LEVELS = st.sampled_from(
    ["pilot/wan/", "pilot/hold/", "wan/", "", "human-eval/pilot/wan/", "human-eval/wan/"]
)
TASKS = st.sampled_from(["maze_task/maze_0000", "maze_task/maze_0001", "chess_task/x"])
FILES = st.builds("{}{}".format, NAMES, st.sampled_from([".json", ".json", "", ".txt"])) | st.just(
    "human-eval.json"
)
CONTENTS = OBJECTS | st.just(result()) | st.just(human_result()) | st.binary(max_size=50) | st.none()
ENTRIES = st.dictionaries(
    st.builds("{}{}/{}".format, LEVELS, TASKS, FILES) | FOLDERS, CONTENTS, min_size=1, max_size=12
)


@given(ENTRIES)
def test_any_evaluations_come_back(entries):
    always = "always/there/maze_task/m/GPT4OEvaluator.json"
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        lay_out(root / "evaluations", {**consistent(entries, always), always: result()})
        round_trip(root / "evaluations", root, builder="evaluations", num_proc=1)


# Real evaluations


@pytest.fixture
def real(tmp_path):
    return real_data("evaluations.tar", tmp_path / "real") / "evaluations"


def test_real_evaluations_come_back_and_every_completed_one_has_a_score(tmp_path, real):
    before = times(real)
    dataset = round_trip(real, tmp_path)
    assert times(real) == before
    stored = stored_rows(dataset)
    assert set(stored) == {
        path.relative_to(real).as_posix() for path in real.rglob("*.json") if "_all_models" not in path.name
    }
    for row in stored.values():
        assert (row["score"] is None) is (row["status"] in ("failed", "skipped"))
        assert {row["experiment"], row["model"]} <= {
            "pilot_experiment",
            "goal_experiment",
            "stub-fade",
            "stub-hold",
        }


def test_real_evaluations_come_back_from_the_hub(hub, tmp_path, real):
    from datasets import load_dataset

    push_to_hub(real, REPO)
    export(open_repo(REPO), tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(real)
    for row in load_dataset(REPO, "GPT4OEvaluator", split="test"):
        assert row["result"].encode() == (real / row["path"]).read_bytes()
