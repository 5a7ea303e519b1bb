"""`diff`: which rows, files and keys differ between two versions, whatever holds them."""

import json
import os
import shutil
import subprocess

import pyarrow.parquet as pq
import pytest

from tests.factories import (
    as_json,
    file_row,
    png,
    question_row,
    run_command,
    shards,
    write,
    write_dataset,
    write_question,
    write_rich_folder,
)
from tests.run_factories import RUN, run_metadata, write_results, write_run, write_runs
from vmeval_hfds import build, diff_datasets, push_to_hub, verify
from vmeval_hfds.api.diff import ChangedRow, DiffResult, DiffRow, differing_keys
from vmeval_hfds.errors import DatasetError, SourceTypeError

REPO = "user/questions"
SIDES = ("folder", "dataset", "archive", "repository")


@pytest.fixture
def folder(tmp_path):
    folder = write_rich_folder(tmp_path / "questions")
    # It would have to change with the rows.
    (folder / "vmeval_dataset.json").unlink()
    return folder


@pytest.fixture
def changed(folder, tmp_path):
    """The folder's next version: a row more, one less, one changed, and one changed in what no row holds."""
    after = tmp_path / "after"
    shutil.copytree(folder, after)
    shutil.rmtree(after / "chess_task/chess_0001")
    write_question(after, "maze", "maze_0002")
    task = after / "maze_task/maze_0001"
    write(task / "prompt.txt", "Another prompt.")
    write(task / "question_metadata.json", as_json({"id": "maze_0001", "difficulty": "hard"}))
    write(task / "first_frame.png", png("another"))
    (task / "final_frame.png").unlink()
    write(task / "more/notes.txt", "more")
    write(after / "notes.md", "other notes")
    write(after / "new.md", "new")
    os.unlink(after / "maze_task/README")
    return after


EXPECTED = {
    "configs": {
        "chess": {"added": 0, "removed": 1, "changed": 0},
        "maze": {"added": 1, "removed": 0, "changed": 1},
    },
    "added": [DiffRow("maze_task/maze_0002", "maze")],
    "removed": [DiffRow("chess_task/chess_0001", "chess")],
    "changed": [
        ChangedRow(
            "maze_task/maze_0001",
            "maze",
            added=["more/notes.txt"],
            removed=["final_frame.png"],
            changed=["first_frame.png", "prompt.txt", "question_metadata.json"],
            keys=["difficulty", "domain", "prompt"],
        )
    ],
    "other_added": ["new.md"],
    "other_removed": ["maze_task/README"],
    "other_changed": ["notes.md"],
}


def as_side(kind, folder, name):
    """The same version as a folder, a dataset directory, an archive or a repository."""
    if kind == "dataset":
        return build(folder, folder.parent / f"{name}-dataset", builder=None).target
    if kind == "archive":
        archive = folder.parent / f"{name}.tar.gz"
        subprocess.run(["tar", "--format=posix", "-czf", archive, "-C", folder, "."], check=True)
        return archive
    if kind == "repository":
        push_to_hub(folder, f"user/{name}")
        return f"user/{name}"
    return folder


@pytest.mark.parametrize("old", SIDES)
@pytest.mark.parametrize("new", SIDES)
def test_whatever_holds_the_two_versions_the_same_is_told(hub, folder, changed, old, new):
    one, other = as_side(old, folder, "old"), as_side(new, changed, "new")
    result = diff_datasets(one, other)
    assert {name: getattr(result, name) for name in EXPECTED} == EXPECTED
    assert (result.other_times, result.replaced, result.same) == ([], [], False)


@pytest.mark.parametrize("kind", SIDES)
@pytest.mark.parametrize("made", [write_rich_folder, write_runs, write_results])
def test_a_version_and_itself_do_not_differ(hub, tmp_path, made, kind):
    folder = made(tmp_path / "folder")
    side = as_side(kind, folder, "side")
    for one, other in ((side, side), (folder, side), (side, folder)):
        result = diff_datasets(one, other)
        assert result == DiffResult(result.old, result.new)
        assert result.same


@pytest.mark.parametrize("kind", SIDES)
def test_the_other_way_round_it_is_the_other_way_round(hub, folder, changed, kind):
    one, other = as_side(kind, folder, "old"), as_side(kind, changed, "new")
    there, back = diff_datasets(one, other), diff_datasets(other, one)
    assert (there.added, there.removed) == (back.removed, back.added)
    assert (there.other_added, there.other_removed) == (back.other_removed, back.other_added)
    assert [(row.path, row.added, row.removed, row.changed, row.keys) for row in there.changed] == [
        (row.path, row.removed, row.added, row.changed, row.keys) for row in back.changed
    ]


def test_runs_are_told_with_their_files_keys_and_times(tmp_path):
    folder, after = write_runs(tmp_path / "outputs"), tmp_path / "after"
    shutil.copytree(folder, after, symlinks=True)
    write(after / RUN / "metadata.json", run_metadata(status="failed", duration_seconds=1))
    os.utime(after / RUN / "metadata.json", ns=(1, 5))
    os.utime(after / "notes.md", ns=(1, 7))
    write_run(after, "pilot/sora/maze_task/maze_0000/r")
    before = build(folder, tmp_path / "dataset").target
    for new in (after, build(after, tmp_path / "next").target):
        result = diff_datasets(before, new)
        assert result.added == [DiffRow("pilot/sora/maze_task/maze_0000/r", "sora")]
        assert result.changed == [
            ChangedRow(
                RUN,
                "wan",
                changed=["metadata.json"],
                keys=["inference.duration_seconds", "inference.status"],
            )
        ]
        assert "notes.md" in result.other_times
        # What has other bytes is told as that.
        assert f"{RUN}/metadata.json" not in result.other_times


def test_results_are_rows_of_one_file(tmp_path):
    folder, after = write_results(tmp_path / "evaluations"), tmp_path / "after"
    shutil.copytree(folder, after)
    path = "pilot/wan/maze_task/maze_0000/GPT4OEvaluator.json"
    stated = json.loads((after / path).read_bytes())
    stated["result"]["solution_correctness_score"] = 1
    write(after / path, as_json(stated))
    [row] = diff_datasets(build(folder, tmp_path / "dataset").target, after).changed
    assert (row.path, row.changed) == (path, ["GPT4OEvaluator.json"])
    assert row.keys == ["result.solution_correctness_score"]


def test_a_row_that_lost_the_file_with_its_id_is_changed_and_not_new(folder, tmp_path):
    before = build(folder, tmp_path / "before").target
    write(folder / "maze_task/maze_0000/question_metadata.json", as_json({"id": "another"}))
    middle = build(folder, tmp_path / "middle").target
    os.unlink(folder / "maze_task/maze_0000/question_metadata.json")
    after = build(folder, tmp_path / "after").target
    for old, new in ((before, middle), (middle, after), (after, middle)):
        result = diff_datasets(old, new)
        assert [row.path for row in result.changed] == ["maze_task/maze_0000"]
        assert (result.added, result.removed) == ([], [])


@pytest.mark.parametrize(
    ("old", "new", "keys"),
    [
        ('{"a": 1}', '{"a": 1.0, "b": null}', ["a", "b"]),
        ('{"a": 1}', '{"a": true}', ["a"]),
        ('{"a": {"b": {"c": [1]}, "d": 1}}', '{"a": {"b": {"c": [2]}, "d": 1}}', ["a.b.c"]),
        ('{"a": {"b": 1}}', '{"a": [1]}', ["a"]),
        ('{"a": 1, "b": 2}', '{ "b": 2, "a": 1 }', []),
        ("[1]", '{"a": 1}', []),
        ("no JSON", '{"a": 1}', []),
        (None, '{"a": 1}', []),
    ],
)
def test_keys_that_differ(old, new, keys):
    assert differing_keys(old, new) == keys


def test_a_shard_that_somebody_replaced_is_said(folder, tmp_path):
    dataset = build(folder, tmp_path / "dataset").target
    other = tmp_path / "other"
    shutil.copytree(dataset, other)
    [shard] = shards(other, "maze")
    pq.write_table(pq.read_table(shard).slice(0, 1), shard)
    result = diff_datasets(dataset, other)
    assert (result.replaced, result.same) == (["data/maze/test-00000-of-00001.parquet"], False)
    assert result == DiffResult(result.old, result.new, replaced=result.replaced)
    # Both have the same instead.
    assert diff_datasets(other, other).same


def test_a_list_that_is_too_large_to_be_kept_is_read_again_and_says_the_same(
    folder, changed, tmp_path, monkeypatch
):
    old, new = build(folder, tmp_path / "old").target, build(changed, tmp_path / "new").target

    def told():
        verified = verify(changed, old), verify(changed, old, exclude=["maze_task/*", "*.md"])
        return diff_datasets(old, new), diff_datasets(new, old), diff_datasets(old, changed), verified

    expected = told()
    monkeypatch.setattr("vmeval_hfds.folder.listed_side.WHOLE_BYTES", 0)
    assert told() == expected


def test_a_list_that_is_not_by_path_order_is_compared_too(folder, changed, tmp_path):
    old, new = build(folder, tmp_path / "old").target, build(changed, tmp_path / "new").target
    expected = diff_datasets(old, new)
    [listing] = (old / "files").glob("*.parquet")
    table = pq.read_table(listing).replace_schema_metadata(pq.read_metadata(listing).metadata)
    pq.write_table(table.take(list(reversed(range(table.num_rows)))), listing)
    assert diff_datasets(old, new) == expected
    assert verify(folder, old).same


def test_a_list_of_an_earlier_version_is_compared_too(tmp_path):
    task = "maze_task/m"
    files = [file_row(f"{task}/prompt.txt", b"1", held=True), file_row("a.txt", b"1")]
    old = write_dataset(tmp_path / "old", [question_row(task)], files)
    files = [file_row(f"{task}/prompt.txt", b"2", held=True), file_row("a.txt", b"2")]
    new = write_dataset(tmp_path / "new", [question_row(task)], files)
    for dataset in (old, new):
        [listing] = (dataset / "files").glob("*.parquet")
        table = pq.read_table(listing).drop_columns(["config", "id", "shard", "row"])
        pq.write_table(table.replace_schema_metadata(None), listing)
    result = diff_datasets(old, new)
    assert [(row.path, row.changed) for row in result.changed] == [(task, ["prompt.txt"])]
    assert result.other_changed == ["a.txt"]


def test_what_lists_no_files_cannot_be_compared(folder, tmp_path):
    from vmeval_hfds import to_dataset

    dataset = build(folder, tmp_path / "dataset").target
    shutil.rmtree(dataset / "files")
    with pytest.raises(DatasetError, match="has no config files"):
        diff_datasets(folder, dataset)
    with pytest.raises(SourceTypeError, match="lists no files"):
        diff_datasets(folder, to_dataset(folder))


def test_no_row_is_read_but_the_json_that_changed(folder, tmp_path, changed):
    old, new = build(folder, tmp_path / "old").target, build(changed, tmp_path / "new").target
    for dataset in (old, new):
        for shard in shards(dataset):
            if "maze" not in str(shard):
                shard.write_bytes(b"\0" * shard.stat().st_size)
    result = diff_datasets(old, new)
    assert [row.path for row in result.changed] == ["maze_task/maze_0001"]


def test_verify_finds_what_diff_finds(folder, changed, tmp_path):
    dataset = build(folder, tmp_path / "dataset").target
    verified, compared = verify(changed, dataset), diff_datasets(dataset, changed)
    assert {path for path in verified.different if not path.startswith("maze_task/")} == {"notes.md"}
    assert {*verified.different} == {
        *compared.other_changed,
        *(f"{row.path}/{name}" for row in compared.changed for name in row.changed),
    }


# On the Hub


@pytest.fixture
def two_revisions(hub, tmp_path, monkeypatch):
    """50 domains, pushed twice; in between, prompts and metadata of one domain changed."""
    folder = tmp_path / "many"
    for domain in range(50):
        for number in range(4 if domain == 7 else 1):
            frame = png(f"{domain} {number}", (160, 120) if domain == 7 else (4, 3))
            name = f"domain{domain:02d}"
            write_question(folder, name, f"{name}_{number:04d}", first_frame=frame, final_frame=frame)
    old = push_to_hub(folder, REPO).commit
    for number in range(4):
        task = folder / f"domain07_task/domain07_{number:04d}"
        write(task / "prompt.txt", f"Another prompt {number}.")
        write(
            task / "question_metadata.json",
            as_json({"id": f"domain07_{number:04d}", "domain": "domain07", "prompt": "p"}),
        )
    new = push_to_hub(folder, REPO).commit
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    hub.clear_log()
    return old, new


def asked(hub):
    """Requests to the Hub itself; the storage that it leads to is not counted by its limits."""
    return [(one.path, one.range) for one in hub.requests if not one.cdn]


def test_two_revisions_are_a_handful_of_requests_and_no_picture(hub, two_revisions):
    old, new = two_revisions
    result = diff_datasets(f"{REPO}@{old}", f"hf://datasets/{REPO}@{new}")
    assert result.configs == {"domain07": {"added": 0, "removed": 0, "changed": 4}}
    assert {tuple(row.changed) for row in result.changed} == {("prompt.txt", "question_metadata.json")}
    assert {tuple(row.keys) for row in result.changed} == {("difficulty", "prompt")}
    assert len(asked(hub)) <= 8, asked(hub)
    of_rows = sum(one.response_bytes for one in hub.requests if one.range and one.cdn)
    assert of_rows < 4 * len(png("7 0", (160, 120)))


def test_where_no_json_changed_only_the_lists_are_asked_for(hub, two_revisions, tmp_path):
    _, new = two_revisions
    for number in range(4):
        write(tmp_path / f"many/domain07_task/domain07_{number:04d}/prompt.txt", f"A third prompt {number}.")
    third = push_to_hub(tmp_path / "many", REPO).commit
    hub.clear_log()
    assert diff_datasets(f"{REPO}@{new}", f"{REPO}@{third}").configs == {
        "domain07": {"added": 0, "removed": 0, "changed": 4}
    }
    assert len(hub.requests) <= 8
    assert not [path for path, _ in asked(hub) if "/data/" in path]


# The command


def test_the_command_says_it_and_exits_as_diff_does(folder, changed, tmp_path):
    build(folder, tmp_path / "dataset")
    done = run_command("diff", "dataset", "after", cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()) == (
        1,
        [
            "removed: chess_task/chess_0001",
            "added: maze_task/maze_0002",
            "changed: maze_task/maze_0001: +more/notes.txt, -final_frame.png, first_frame.png, prompt.txt, "
            "question_metadata.json (difficulty, domain, prompt)",
            "removed, outside of rows: maze_task/README",
            "added, outside of rows: new.md",
            "changed, outside of rows: notes.md",
            "chess: 1 removed",
            "maze: 1 added, 1 changed",
            "1 row added, 1 removed, 1 changed; 3 files outside of rows.",
        ],
    )
    done = run_command("diff", "dataset", "questions", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (
        0,
        "0 rows added, 0 removed, 0 changed; 0 files outside of rows.\n",
    )


def test_the_command_gives_json(folder, changed, tmp_path):
    done = run_command("diff", folder, changed, "--format", "json")
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert told["configs"] == EXPECTED["configs"]
    assert told["changed"][0]["keys"] == ["difficulty", "domain", "prompt"]
    assert run_command("diff", folder, changed, "--format", "quiet").stdout == ""


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["questions"], 2, "NEW"),
        (["questions", "nowhere"], 1, "nowhere: no such folder"),
        (["questions", "questions", "--builder", "nothing"], 2, "there is no builder 'nothing'"),
    ],
)
def test_what_cannot_be_compared_is_said(folder, tmp_path, arguments, code, message):
    done = run_command("diff", *arguments, cwd=tmp_path)
    assert done.returncode == code
    assert message in done.stderr
