"""Completion: what a shell is told, and what it then completes, in a real bash."""

import shutil
import subprocess

import pytest

from tests.factories import run_command, write_folder
from vmeval_hfds import build


def completed(words, tmp_path):
    """Ask as bash's own script does: for the last of some words."""
    done = run_command(
        cwd=tmp_path,
        _VMEVAL_HFDS_COMPLETE="bash_complete",
        COMP_WORDS=" ".join(["vmeval-hfds", *words]),
        COMP_CWORD=str(len(words)),
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["expo"], {"export"}),
        (["build", "--keep"], {"--keep-incomplete", "--keep-top-folder"}),
        (["build", "--builder", "q"], {"questions"}),
        (["completion", ""], {"bash", "zsh", "fish"}),
        (["info", "--format", "j"], {"json"}),
    ],
)
def test_commands_options_and_names_are_completed(tmp_path, words, expected):
    assert set(completed(words, tmp_path)) == expected


@pytest.mark.parametrize("holds", ["questions", "dataset"])
def test_domains_and_other_values_of_what_is_on_the_line_are_completed(tmp_path, holds):
    write_folder(tmp_path / "questions")
    build(tmp_path / "questions", tmp_path / "dataset")
    given = ["export", holds, "rebuilt"] if holds == "dataset" else ["info", holds]
    assert completed([*given, "--domain", "m"], tmp_path) == ["maze"]
    assert completed([*given, "--id", "chess_"], tmp_path) == ["chess_0000", "chess_0001"]
    assert completed([*given, "--where", "dom"], tmp_path) == ["domain="]
    assert completed([*given, "--where", "domain=c"], tmp_path) == ["domain=chess"]
    assert completed([*given, "--model", ""], tmp_path) == []


def test_of_a_repository_nothing_is_fetched_to_complete(hub, tmp_path):
    assert completed(["export", "user/questions", "rebuilt", "--domain", "m"], tmp_path) == []
    assert not hub.requests


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_it_prints_what_the_shell_reads(run, shell):
    code, out, err = run("completion", shell)
    assert (code, err) == (0, "")
    assert f"vmeval-hfds completion {shell}" in out.splitlines()[0]
    assert "_VMEVAL_HFDS_COMPLETE" in out


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_takes_it(run, tmp_path):
    script = tmp_path / "completion.bash"
    script.write_text(run("completion", "bash")[1])
    subprocess.run(["bash", "-n", script], check=True)
    done = subprocess.run(
        ["bash", "-c", f"source {script} && complete -p vmeval-hfds"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "vmeval-hfds" in done.stdout


def test_another_shell_is_wrong_usage(run):
    assert run("completion", "tcsh")[0] == 2
