"""What a command works on: given in its place or by its option, once, and a repository in any way people write it."""

import json
import subprocess
import sys

import pytest

from tests.factories import process, tree, write_question
from vmeval_hfds import __version__, build, push_to_hub

REPO = "user/questions"


@pytest.fixture(autouse=True)
def _in_the_folder_above(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


#: The same command, with what it works on in its place and by its options.
BOTH_WAYS = {
    "check": (["check", "questions"], ["check", "--path", "questions"]),
    "build": (["build", "questions", "NEW"], ["build", "--path", "questions", "--target", "NEW"]),
    "export": (["export", "dataset", "NEW"], ["export", "--dataset", "dataset", "--target", "NEW"]),
    "verify": (["verify", "questions", "dataset"], ["verify", "--path", "questions", "--dataset", "dataset"]),
    "info": (["info", "questions"], ["info", "--path", "questions"]),
    "info-dataset": (["info", "dataset"], ["info", "--dataset", "dataset"]),
    "gallery": (["gallery", "dataset", "NEW"], ["gallery", "--dataset", "dataset", "--target", "NEW"]),
    "sample": (["sample", "NEW", "--per-domain", "1"], ["sample", "--target", "NEW", "--per-domain", "1"]),
}


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_both_ways_do_the_same(run, folder, tmp_path, name):
    build(folder, tmp_path / "dataset")
    results = []
    for number, arguments in enumerate(BOTH_WAYS[name]):
        target = tmp_path / f"{number}" / "new"
        target.parent.mkdir()
        code, out, err = run(*(target if word == "NEW" else word for word in arguments))
        made = tree(target) if target.is_dir() else target.read_bytes() if target.is_file() else None
        results.append((code, out.replace(str(target), "NEW"), err, made))
    assert results[0][0] == 0
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check"], "Missing FOLDER: give it in its place, or with --path."),
        (["build", "questions"], "Missing TARGET: give it in its place, or with --target."),
        (["export"], "Missing REPO_OR_DATASET: give it in its place, or with --dataset or --repo-id."),
        (["info"], "Missing SOURCE: give it in its place, or with --path or --dataset or --repo-id."),
        (["push", "questions"], "Missing REPO: give it in its place, or with --repo-id."),
        (["check", "questions", "--path", "questions"], "FOLDER and --path are both given"),
        (
            ["export", "dataset", "new", "--dataset", "dataset"],
            "REPO_OR_DATASET and --dataset are both given",
        ),
        (["info", "--path", "questions", "--repo-id", REPO], "--path and --repo-id are both given"),
        (["check", "questions", "more"], "Got unexpected extra argument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_missing_or_given_twice_is_wrong_usage(run, folder, arguments, said):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert said in err.splitlines()[-1]


@pytest.fixture
def repo(hub, folder):
    """A repository with two revisions; the tag has a question less."""
    push_to_hub(folder, REPO, tag="v1")
    write_question(folder, id="maze_0009")
    push_to_hub(folder, REPO)
    return hub


@pytest.mark.parametrize(
    ("arguments", "rows"),
    [
        ([REPO], 5),
        ([REPO, "--revision", "v1"], 4),
        ([f"{REPO}@v1"], 4),
        ([f"hf://datasets/{REPO}@v1"], 4),
        ([f"PAGE/datasets/{REPO}/tree/v1"], 4),
        (["--repo-id", REPO], 5),
        (["--repo-id", f"{REPO}@v1"], 4),
        (["--repo-id", f"PAGE/datasets/{REPO}"], 5),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_repository_is_named_in_any_way(run, repo, arguments, rows):
    words = [word.replace("PAGE", repo.endpoint) for word in arguments]
    code, out, _ = run("info", *words, "--format", "json")
    assert (code, json.loads(out)["rows"]) == (0, rows)


def test_a_folder_of_the_same_name_goes_before_a_repository_but_not_before_repo_id(run, repo, tmp_path):
    write_question(tmp_path / REPO, id="only_0000")
    assert json.loads(run("info", REPO, "--format", "json")[1])["rows"] == 1
    assert json.loads(run("info", "--repo-id", REPO, "--format", "json")[1])["rows"] == 5


@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "--dataset", "dataset", "new", "--revision", "main"],
        ["export", "dataset", "new", "--revision", "main"],
        ["info", "questions", "--revision", "main"],
        ["info", f"{REPO}@v1", "--revision", "main"],
        ["ls", f"{REPO}@v1", "--revision", "other"],
        ["info", "https://huggingface.co/user/model"],
        ["export", "--repo-id", "name", "new"],
        ["push", "questions", "name"],
        ["push", "questions", "https://huggingface.co/spaces/user/name"],
        ["upload", "questions", "user/name", "--repo-type", "model", "--path-in-repo", ".."],
        ["check", "questions", "--builder", "nothing"],
        ["build", "questions", "new", "--split", "a-b"],
    ],
    ids=" ".join,
)
def test_a_wrong_name_or_revision_is_wrong_usage_or_one_sentence(run, folder, tmp_path, arguments):
    build(folder, tmp_path / "dataset")
    code, out, err = run(*arguments)
    assert (code, out) == ((1, "") if ".." in arguments else (2, ""))
    assert err.splitlines()[-1].startswith("Error: ")
    assert not (tmp_path / "new").exists()
    assert "repo_type" not in err


def test_raw_folders_take_addresses_too(run, hub, folder, tmp_path):
    page = f"{hub.endpoint}/datasets/user/raw"
    assert run("upload", "questions", page)[0] == 0
    assert "maze_task/maze_0000/prompt.txt" in run("ls", page)[1].splitlines()
    assert run("download", f"{page}/tree/main", "back")[0] == 0
    assert tree(tmp_path / "back") == tree(folder)


def test_info_counts_by_several_columns(run, folder):
    code, out, _ = run("info", "questions", "--by", "domain", "--by", "difficulty", "--format", "json")
    groups = json.loads(out)["groups"]
    assert code == 0
    assert all(set(group) >= {"domain", "difficulty"} for group in groups)
    assert {group["domain"] for group in groups} == {"chess", "maze"}
    table = run("info", "questions", "--by", "domain", "--by", "difficulty")[1]
    assert table.splitlines()[0].split()[:2] == ["domain", "difficulty"]


def test_info_does_not_say_0_where_it_does_not_know(run, folder, tmp_path):
    build(folder, tmp_path / "dataset")
    for shard in (tmp_path / "dataset/files").iterdir():
        shard.unlink()
    found = json.loads(run("info", "dataset", "--format", "json")[1])
    assert (found["rows"], found["files"], found["size_bytes"], found["manifest"]) == (4, None, None, None)
    assert {group["frames"] for group in found["groups"]} == {None}
    out = run("info", "dataset")[1]
    assert "unknown" in out.splitlines()[1]
    assert "4 questions, files unknown: nothing lists them." in out


def test_a_failure_is_json_too_where_json_was_asked_for(run, folder, tmp_path):
    code, out, err = run("info", "nowhere", "--format", "json")
    told = json.loads(out)["error"]
    assert (code, told["type"]) == (1, "MissingPathError")
    assert err == f"Error: {told['message']}\n"
    write_question(folder, first_frame=None)
    code, out, _ = run("build", "questions", "new", "--format=json")
    told = json.loads(out)["error"]
    assert (code, told["type"]) == (1, "FolderError")
    assert "no-first-frame" in [problem["code"] for problem in told["problems"]]
    code, out, _ = run("check", "--format", "json")
    assert (code, json.loads(out)["error"]["type"]) == (2, "UsageError")


def test_force_is_offered_only_where_it_would_help(run, folder, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/notes.txt").write_text("mine")
    assert "--force" not in run("build", "questions", "other")[2]
    build(folder, tmp_path / "dataset")
    assert "replace it with --force" in run("build", "questions", "dataset")[2]


def test_python_runs_the_package_as_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "vmeval_hfds", "--version"], **process(), timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"{__version__}\n")
