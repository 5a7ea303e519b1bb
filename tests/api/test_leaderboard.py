"""The leaderboard: every task once, a skipped one is no zero, and all kinds of sources give the same."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import as_json, write, write_question
from tests.run_factories import run_metadata, write_failed_run, write_run
from vmeval_hfds import build, leaderboard, metadata_frame, push_to_hub, to_dataset
from vmeval_hfds.errors import DatasetError, UnknownNameError

STATES = ["scored", "skipped", "failed", "unscored"]


def write_result(
    folder, task="maze_0000", *, model="wan", evaluator="GPT", experiment="pilot", annotator=None, **result
):
    """Write one result; `result` is what the evaluator says."""
    domain = task.rpartition("_")[0]
    stated = {"evaluator": evaluator, "annotator": annotator, "model_name": model, "task_id": task}
    name = f"{evaluator}.json" if annotator is None else f"{evaluator}-{annotator}.json"
    path = folder / experiment / model / f"{domain}_task" / task / name
    return write(path, as_json({"metadata": stated, "result": result}))


def score(value):
    return {"solution_correctness_score": value, "status": "completed"}


def line(board, **wanted):
    """The one row that is of what is wanted, with None for what is missing."""
    chosen = board
    for column, value in wanted.items():
        chosen = chosen[chosen[column].eq(value).fillna(value=False)]
    [row] = chosen.astype(object).where(chosen.notna(), None).to_dict("records")
    return row


def counts(row):
    return [row[state] for state in STATES]


@pytest.fixture
def evaluations(tmp_path):
    folder = tmp_path / "evaluations"
    write_result(folder, "maze_0000", **score(5))
    write_result(folder, "maze_0001", status="skipped", error="no final frame")
    write_result(folder, "maze_0002", status="failed", error="500")
    write_result(folder, "maze_0003", **score("N/A"))
    write_result(folder, "chess_0000", **score(2))
    write_result(folder, "chess_0000", model="sora", **score(4))
    return folder


def test_a_skipped_or_failed_task_is_no_zero(evaluations):
    board = leaderboard(evaluations)
    assert [*board.columns] == ["evaluator", "model", "domain", "score", *STATES]
    assert board[["model", "domain"]].to_numpy().tolist() == [
        ["sora", "chess"],
        ["wan", "chess"],
        ["wan", "maze"],
    ]
    maze = line(board, model="wan", domain="maze")
    assert (maze["score"], counts(maze)) == (5.0, [1, 1, 1, 1])
    assert str(board["score"].dtype) == "Float64"
    assert {str(board[state].dtype) for state in STATES} == {"Int64"}


@pytest.mark.parametrize("status", ["skipped", "failed", "error"])
def test_a_zero_beside_skipped_or_failed_is_none(tmp_path, status):
    write_result(tmp_path, "maze_0000", status=status, solution_correctness_score=0)
    write_result(tmp_path, "maze_0001", **score(4))
    row = line(leaderboard(tmp_path))
    assert (row["score"], row["scored"]) == (4.0, 1)


@pytest.mark.parametrize("value", ["4", "", True, float("inf"), float("nan"), None, pd.NA])
def test_what_is_no_number_is_unscored_in_a_frame_as_in_a_file(evaluations, value):
    frame = metadata_frame(evaluations).iloc[:1].astype({"score": object})
    frame["score"] = pd.Series([value], index=frame.index, dtype=object)
    assert counts(line(leaderboard(frame))) == [0, 0, 0, 1]


def test_nothing_scored_has_no_score(tmp_path):
    write_result(tmp_path, status="skipped")
    row = line(leaderboard(tmp_path))
    assert (row["score"], counts(row)) == (None, [0, 1, 0, 0])


def test_a_task_that_several_people_scored_counts_once(tmp_path):
    for annotator, value in (("a", 1), ("b", 4), ("c", "unsure")):
        write_result(tmp_path, "maze_0000", annotator=annotator, **score(value))
    write_result(tmp_path, "maze_0001", annotator="a", **score(5))
    row = line(leaderboard(tmp_path))
    assert (row["score"], counts(row)) == (3.75, [2, 0, 0, 0])
    apart = leaderboard(tmp_path, by=("annotator", "model"))
    assert apart["score"].fillna(-1).tolist() == [3.0, 4.0, -1.0]


def test_experiments_are_kept_apart_where_that_is_asked_for(tmp_path):
    write_result(tmp_path, experiment="one", **score(1))
    write_result(tmp_path, experiment="two", **score(5))
    assert line(leaderboard(tmp_path))["score"] == 3.0
    assert leaderboard(tmp_path, by=("experiment", "model"))["score"].tolist() == [1.0, 5.0]


def test_one_id_in_two_domains_is_two_tasks(tmp_path):
    for domain in ("a", "b"):
        write(
            tmp_path / f"pilot/wan/{domain}_task/0000/GPT.json",
            as_json({"metadata": {"evaluator": "GPT", "model_name": "wan"}, "result": score(3)}),
        )
    assert counts(line(leaderboard(tmp_path, by=("model",)))) == [2, 0, 0, 0]


def test_a_model_that_is_not_known_does_not_vanish(tmp_path):
    write(tmp_path / "maze_task/maze_0000/GPT.json", as_json({"result": score(3)}))
    row = line(leaderboard(tmp_path))
    assert (row["model"], row["score"]) == (None, 3.0)


def test_with_outputs_what_was_run_and_not_evaluated_is_seen(tmp_path, evaluations):
    outputs = tmp_path / "outputs"
    for task in ("maze_0000", "maze_0009"):
        write_run(outputs, f"pilot/wan/maze_task/{task}/run", metadata=run_metadata("run"))
    write_failed_run(outputs, "pilot/wan/maze_task/maze_0008/run")
    write_run(outputs, "pilot/veo/maze_task/maze_0000/run", metadata=run_metadata("run"))
    board = leaderboard(evaluations, outputs)
    maze = line(board, model="wan", domain="maze")
    assert (maze["runs"], maze["failed_runs"], maze["not_evaluated"], maze["scored"]) == (3, 1, 1, 1)
    never = line(board, model="veo")
    assert (never["evaluator"], never["score"], counts(never)) == ("GPT", None, [0, 0, 0, 0])
    assert (never["runs"], never["not_evaluated"]) == (1, 1)
    assert line(board, model="sora")["runs"] == 0


def test_with_questions_what_has_no_result_is_seen(tmp_path, evaluations):
    for number in range(6):
        write_question(tmp_path / "questions", "maze", f"maze_{number:04d}")
    board = leaderboard(evaluations, questions=tmp_path / "questions")
    maze, chess = (line(board, domain=domain, model="wan") for domain in ("maze", "chess"))
    assert (maze["tasks"], maze["without_result"]) == (6, 2)
    assert (chess["tasks"], chess["without_result"]) == (0, 0)


def test_with_questions_a_domain_that_was_left_out_has_a_row(tmp_path, evaluations):
    write_question(tmp_path / "questions", "maze")
    write_question(tmp_path / "questions", "raven")
    write_run(tmp_path / "outputs", "pilot/veo/maze_task/maze_0000/run", metadata=run_metadata("run"))
    board = leaderboard(evaluations, tmp_path / "outputs", tmp_path / "questions")
    for model in ("sora", "veo", "wan"):
        left_out = line(board, domain="raven", model=model)
        assert (left_out["evaluator"], left_out["score"], counts(left_out)) == ("GPT", None, [0, 0, 0, 0])
        assert (left_out["tasks"], left_out["without_result"], left_out["runs"]) == (1, 1, 0)
    assert len(board) == 8  # three models in maze and raven, two of them in chess
    domains = leaderboard(evaluations, questions=tmp_path / "questions", by=("domain",))
    assert domains["domain"].tolist() == ["chess", "maze", "raven"]
    expected = dict.fromkeys(board.columns[4:], "Int64")
    assert board.dtypes[4:].astype(str).to_dict() == expected


def test_results_of_other_tasks_do_not_stand_for_questions(tmp_path):
    for number in range(3):
        write_question(tmp_path / "questions", "maze", f"maze_{number:04d}")
        write_result(tmp_path / "evaluations", f"maze_{number + 2:04d}", **score(3))
    for by in (("evaluator", "model", "domain"), ("domain",), ("model",)):
        row = line(leaderboard(tmp_path / "evaluations", questions=tmp_path / "questions", by=by))
        assert (row["scored"], row["tasks"], row["without_result"]) == (3, 3, 2)


def test_a_result_may_name_a_question_by_its_folder(tmp_path):
    write_question(tmp_path / "questions", "maze", "stated_id", path="maze_task/maze_0000")
    write_result(tmp_path / "evaluations", "maze_0000", **score(3))
    assert (
        line(leaderboard(tmp_path / "evaluations", questions=tmp_path / "questions"))["without_result"] == 0
    )


def test_no_picture_is_looked_at(tmp_path, evaluations, monkeypatch):
    write_run(tmp_path / "outputs", metadata=run_metadata("run"))
    build(tmp_path / "outputs", tmp_path / "dataset")
    expected = leaderboard(evaluations, outputs=metadata_frame(tmp_path / "outputs"))

    def looked(content):
        raise AssertionError("looks at a frame")

    monkeypatch.setattr("vmeval_hfds.rows.pictures.png_size", looked)
    for source in (tmp_path / "outputs", tmp_path / "dataset"):
        pd.testing.assert_frame_equal(leaderboard(evaluations, outputs=source), expected)


def test_every_kind_of_source_gives_the_same(tmp_path, evaluations, hub):
    expected = leaderboard(evaluations)
    build(evaluations, tmp_path / "dataset")
    push_to_hub(evaluations, "user/results")
    sources = [
        tmp_path / "dataset",
        "user/results",
        to_dataset(evaluations, cache_dir=tmp_path / "cache"),
        metadata_frame(evaluations),
    ]
    for source in sources:
        pd.testing.assert_frame_equal(leaderboard(source), expected)


def test_no_results_give_an_empty_board_of_the_same_form(evaluations):
    nothing = leaderboard(metadata_frame(evaluations).iloc[:0])
    assert len(nothing) == 0
    pd.testing.assert_series_equal(nothing.dtypes, leaderboard(evaluations).dtypes)


@pytest.mark.parametrize("by", [(), ("modell",), "model", ("model", "model"), ("task_id",)])
def test_by_is_some_of_the_keys(evaluations, by):
    with pytest.raises(UnknownNameError, match="experiment, evaluator, annotator, model, domain"):
        leaderboard(evaluations, by=by)


def test_a_frame_of_something_else_is_refused(evaluations):
    with pytest.raises(DatasetError, match="there is no score"):
        leaderboard(metadata_frame(evaluations).drop(columns="score"))


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", None]),
        st.sampled_from(["maze", "chess"]),
        st.sampled_from(["0", "1", "2"]),
        st.none() | st.floats(0, 5),
        st.sampled_from(["completed", "skipped", "failed", None]),
    ),
    max_size=12,
)


@given(ROWS)
def test_every_task_is_counted_just_once(rows):
    columns = ["model", "domain", "task_id", "score", "status"]
    frame = pd.DataFrame(rows, columns=columns).assign(experiment=None, evaluator="e", annotator=None)
    board = leaderboard(frame)
    assert int(board[STATES].to_numpy().sum()) == len({row[:3] for row in rows})
    assert board["score"].isna().tolist() == board["scored"].eq(0).tolist()
