"""Completion: what a shell is told, and what it then completes, in a real bash."""

import shutil
import subprocess

import pytest

from tests.factories import run_command


def completed(words, tmp_path):
    """Ask as bash's own script does: for the last of some words."""
    done = run_command(
        cwd=tmp_path,
        _VMEVAL_HFDS_COMPLETE="bash_complete",
        COMP_WORDS=" ".join(["vmeval-hfds", *words]),
        COMP_CWORD=str(len(words)),
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


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
