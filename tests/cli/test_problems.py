"""Problems are shown by code, the first few of each, and counted in the same words by every command."""

import json

import pytest

from tests.factories import write, write_folder, write_question
from vmeval_builders.problems import Problem
from vmeval_hfds.cli.main import main
from vmeval_hfds.cli.problems import SHOWN_PROBLEMS, problem_count, problem_lines


def some(code, number, severity="warning"):
    return [Problem(code, severity, f"maze_task/maze_{one:04d}", "It is so.") for one in range(number)]


def test_problems_of_one_code_stand_together_and_errors_first():
    mixed = [
        *some("bad-frame", 1, "error"),
        *some("dead-path", 1),
        *some("no-metadata", 1),
        *some("dead-path", 2)[1:],
    ]
    assert [line.rpartition("[")[2][:-1] for line in problem_lines(mixed)] == [
        *("bad-frame", "dead-path", "dead-path", "no-metadata"),
    ]


def test_only_the_first_few_of_a_code_are_shown_unless_all_are_asked_for():
    problems = [*some("dead-path", SHOWN_PROBLEMS + 1_002), *some("no-metadata", SHOWN_PROBLEMS)]
    lines = list(problem_lines(problems))
    assert len(lines) == 2 * SHOWN_PROBLEMS + 1
    assert lines[SHOWN_PROBLEMS] == "warning: and 1,002 more; vmeval-hfds check --all lists them [dead-path]"
    assert list(problem_lines(problems, shows_all=True)) == list(map(str, problems))


def test_counts_are_by_severity_and_by_code():
    assert problem_count([]) == "0 errors, 0 warnings"
    problems = [*some("bad-frame", 1, "error"), *some("dead-path", 1_200), *some("no-metadata", 2)]
    assert problem_count(problems) == "1 error (bad-frame 1), 1,202 warnings (dead-path 1,200, no-metadata 2)"


def write_with_problems(folder):
    write_folder(folder)
    for number in range(3):
        write_question(folder, "raven", f"raven_{number:04d}", first_frame=None, metadata=None)
    (folder / "vmeval_dataset.json").unlink()
    write(folder / "empty.txt")
    return folder


pytestmark = pytest.mark.folder("questions", write_with_problems)


COUNTS = "3 errors (no-first-frame 3), 4 warnings (empty-file 1, no-metadata 3)"


def test_check_build_and_push_count_alike(hub, folder, tmp_path, capsys):
    assert main(["check", "--path", str(folder)]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == f"{COUNTS}."
    kept = ["--path", str(folder), "--keep-incomplete"]
    for arguments in (
        ["build", *kept, "--target", str(tmp_path / "dataset")],
        ["push", *kept, "--repo-id", "user/questions", "--dry-run"],
        ["push", *kept, "--repo-id", "user/questions"],
    ):
        assert main(arguments) == 0
        assert f"{COUNTS}; vmeval-hfds check lists them." in capsys.readouterr().err.splitlines()


def test_json_lists_all(folder, capsys):
    for number in range(SHOWN_PROBLEMS):
        write(folder / f"empty_{number}.txt")
    main(["check", "--path", str(folder), "--format", "json"])
    assert len(json.loads(capsys.readouterr().out)) == 7 + SHOWN_PROBLEMS
    main(["check", "--path", str(folder), "--all"])
    assert len(capsys.readouterr().out.splitlines()) == 7 + SHOWN_PROBLEMS + 1
