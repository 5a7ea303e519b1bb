"""The command line: data on stdout, talk on stderr, exit codes, and no traceback for what can be expected."""

import json
import os
import re
import signal
import subprocess
import time

import click
import pytest

from tests.factories import (
    COMMAND,
    ROOT,
    damage,
    file_row,
    files_below,
    png,
    process,
    python,
    question_row,
    run_command,
    run_python,
    shards,
    tree,
    write,
    write_dataset,
    write_folder,
    write_question,
)
from vmeval_hfds import __version__, build
from vmeval_hfds.cli.main import cli, main

README = (ROOT / "README.md").read_text(encoding="utf-8")


# Every command


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_and_option_has_help(run, name):
    command = cli.commands[name]
    assert command.help
    for option in command.params:
        assert isinstance(option, click.Argument) or option.help, f"{name} {option.name}"
    code, out, err = run(name, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: vmeval-hfds {name}")
    assert run(name, "-h")[1] == out


def test_the_commands_of_a_folder_and_a_dataset_are_there(run):
    code, out, _ = run("--help")
    assert code == 0
    assert {"sample", "check", "build", "export", "verify", "info", "demo"} <= set(cli.commands)
    for name in cli.commands:
        assert re.search(rf"^  {name} +[A-Z]", out, re.MULTILINE)


@pytest.mark.skipif("vmeval-hfds demo" not in README, reason="the README is not written yet")
@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_is_in_the_readme(name):
    assert f"vmeval-hfds {name}" in README


@pytest.mark.parametrize(
    "name", sorted(set(cli.commands) & {"sample", "check", "build", "export", "verify", "info"})
)
def test_a_command_is_a_thin_shell_over_a_function_of_its_name(name):
    import vmeval_hfds

    function = {"sample": "write_sample", "check": "check_folder"}.get(name, name)
    assert callable(getattr(vmeval_hfds, function))


def test_the_version(run):
    assert run("--version") == (0, f"{__version__}\n", "")


# Exit codes


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["check"],
        ["check", "--path"],
        ["check", "--path", "x", "--no-such-option"],
        ["check", "--path", "x", "--format", "yaml"],
        ["build", "--path", "x"],
        ["build", "--path", "x", "--target", "y", "--num-proc", "0"],
        ["build", "--path", "x", "--target", "y", "--num-proc", "two"],
        ["export", "--dataset", "x"],
        ["verify", "--path", "x"],
        ["info"],
        ["info", "--path", "x", "--dataset", "y"],
        ["sample", "--target", "x", "--per-domain", "0"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(run, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith("Error: ")
    assert tree(tmp_path) == {}


def test_no_command_at_all_is_help_and_exit_code_2(run):
    code, out, err = run()
    assert code == 2
    assert "Usage: vmeval-hfds" in out + err


#: What is said where the builder was not named.
FOUND = "Detected: questions; override with --builder.\n"


def test_check_says_by_its_exit_code_whether_there_is_an_error(run, folder):
    assert run("check", "--path", folder) == (0, "0 errors, 0 warnings.\n", FOUND)
    write_question(folder, metadata=None)
    code, out, err = run("check", "--path", folder, "--builder", "questions")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "0 errors, 1 warning (no-metadata 1)."
    write_question(folder, first_frame=b"")
    code, out, _ = run("check", "--path", folder, "--quick")
    assert code == 1
    assert re.fullmatch(
        r"error: maze_task/maze_0000/first_frame\.png: .+\. \[bad-frame\]\n1 error \(bad-frame 1\), 0 warnings\.\n",
        out,
    )


def test_verify_says_by_its_exit_code_whether_anything_differs(run, folder, dataset):
    code, out, err = run("verify", "--path", folder, "--dataset", dataset)
    assert (code, out, err) == (0, "17 files listed: 0 missing, 0 extra, 0 different.\n", "")
    write(folder / "maze_task/new.txt", "x")
    (folder / "vmeval_dataset.json").unlink()
    write(folder / "maze_task/maze_0000/prompt.txt", "other")
    code, out, err = run("verify", "--path", folder, "--dataset", dataset)
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        "missing: vmeval_dataset.json",
        "extra: maze_task/new.txt",
        "different: maze_task/maze_0000/prompt.txt",
        "17 files listed: 1 missing, 1 extra, 1 different.",
    ]


def failing(tmp_path):
    """Commands that must fail, each with a word that the message must have."""
    folder = write_folder(tmp_path / "questions")
    dataset = build(folder, tmp_path / "dataset").target
    bad = write_folder(tmp_path / "bad")
    write_question(bad, first_frame=None)
    evil = write_dataset(tmp_path / "evil", [question_row("../x")])
    torn = build(folder, tmp_path / "torn").target
    damage(shards(torn)[0], 0, "first_frame.bytes")
    cut = build(folder, tmp_path / "cut").target
    shards(cut)[0].write_bytes(b"PAR1")
    unlisted = write_dataset(tmp_path / "unlisted", [question_row("maze_task/m")])
    fake = write_dataset(
        tmp_path / "fake", [question_row("maze_task/m")], [{**file_row("notes.md"), "content": b"fake"}]
    )
    others = write_folder(tmp_path / "others")
    write(others / "maze_task/maze_0000/prompt.txt", "other")
    target = tmp_path / "target"
    return {
        "check-nowhere": (["check", "--path", "nowhere"], "nowhere"),
        "check-a-file": (["check", "--path", "questions/vmeval_dataset.json"], "vmeval_dataset.json"),
        "build-nowhere": (["build", "--path", "nowhere", "--target", target], "nowhere"),
        "build-bad": (["build", "--path", bad, "--target", target], "1 error"),
        "build-existing": (["build", "--path", folder, "--target", dataset], "--force"),
        "build-into-itself": (["build", "--path", folder, "--target", folder / "x"], "lie in each other"),
        "build-over-a-folder": (["build", "--path", folder, "--target", bad, "--force"], "dataset directory"),
        "build-under-a-file": (
            ["build", "--path", folder, "--target", bad / "vmeval_dataset.json/x"],
            "vmeval_dataset.json",
        ),
        "build-odd-split": (["build", "--path", folder, "--target", target, "--split", "a-b"], "a-b"),
        "export-nowhere": (["export", "--dataset", "nowhere", "--target", target], "nowhere"),
        "export-a-folder": (["export", "--dataset", folder, "--target", target], "vmeval-hfds build"),
        "export-evil": (["export", "--dataset", evil, "--target", target], "leads upwards"),
        "export-torn": (["export", "--dataset", torn, "--target", target], "test-00000-of-00001.parquet"),
        "export-cut": (["export", "--dataset", cut, "--target", target], "test-00000-of-00001.parquet"),
        "export-fake": (["export", "--dataset", fake, "--target", target], "notes.md"),
        "export-unknown-domain": (
            ["export", "--dataset", dataset, "--target", target, "--domain", "mase"],
            "near ones: maze",
        ),
        "export-unknown-id": (
            ["export", "--dataset", dataset, "--target", target, "--id", "maze_9"],
            "maze_000",
        ),
        "export-over-others": (["export", "--dataset", dataset, "--target", others], "prompt.txt"),
        "export-onto-a-file": (
            ["export", "--dataset", dataset, "--target", bad / "vmeval_dataset.json"],
            "json",
        ),
        "export-onto-itself": (["export", "--dataset", dataset, "--target", dataset], "the dataset itself"),
        "verify-nowhere": (["verify", "--path", folder, "--dataset", "nowhere"], "nowhere"),
        "verify-no-folder": (["verify", "--path", "nowhere", "--dataset", dataset], "nowhere"),
        "verify-unlisted": (["verify", "--path", folder, "--dataset", unlisted], "files"),
        "info-nowhere": (["info", "--dataset", "nowhere"], "nowhere"),
        "info-cut": (["info", "--dataset", cut], "test-00000-of-00001.parquet"),
        "sample-existing": (["sample", "--target", folder], "not empty"),
        "demo-existing": (["demo", "--target", folder], "not empty"),
    }


FAILING = (
    *("check-nowhere", "check-a-file", "build-nowhere", "build-bad", "build-existing", "build-into-itself"),
    *("build-over-a-folder", "build-under-a-file", "build-odd-split", "export-nowhere", "export-a-folder"),
    *(
        "export-evil",
        "export-torn",
        "export-cut",
        "export-fake",
        "export-unknown-domain",
        "export-unknown-id",
    ),
    *("export-over-others", "export-onto-a-file", "export-onto-itself", "verify-nowhere", "verify-no-folder"),
    *("verify-unlisted", "info-nowhere", "info-cut", "sample-existing", "demo-existing"),
)


WRONG_USAGE = ("build-odd-split",)


@pytest.mark.parametrize("form", ["human", "json", "quiet"])
@pytest.mark.parametrize("name", FAILING)
def test_what_can_be_expected_is_one_or_two_plain_sentences(run, tmp_path, monkeypatch, name, form):
    monkeypatch.chdir(tmp_path)
    arguments, word = failing(tmp_path)[name]
    code, out, err = run(*arguments, "--format", form)
    last = err.splitlines()[-1]
    assert code == (2 if name in WRONG_USAGE else 1)
    if form == "json":
        assert word in json.loads(out)["error"]["message"]
    else:
        assert out == ""
    assert last.startswith("Error: ")
    assert word in last
    assert "Traceback" not in err
    assert not re.search(r"\bErrno\b|Error\(|<class|object at 0x", last)
    assert "\n" not in last


def test_the_table_of_failures_is_whole(tmp_path):
    assert set(FAILING) == set(failing(tmp_path))


def test_a_bug_is_shown_as_one(monkeypatch):
    from vmeval_builders import scan

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(scan, "scan_rows", broken)
    with pytest.raises(ZeroDivisionError):
        main(["check", "--path", "x"])


# Data and talk


def test_json_is_one_document_on_stdout_and_quiet_is_nothing(run, tmp_path, folder, dataset):
    rebuilt = tmp_path / "rebuilt"
    write_question(folder, metadata=None)
    commands = {
        "check": ["check", "--path", folder],
        "build": ["build", "--path", folder, "--target", tmp_path / "built"],
        "export": ["export", "--dataset", dataset, "--target", rebuilt],
        "verify": ["verify", "--path", rebuilt, "--dataset", dataset],
        "info": ["info", "--path", folder],
        "info-dataset": ["info", "--dataset", dataset],
        "sample": ["sample", "--target", tmp_path / "sample", "--per-domain", "1"],
    }
    results = {}
    for name, arguments in commands.items():
        code, out, _ = run(*arguments, "--format", "json")
        assert code == 0
        results[name] = json.loads(out)
    assert [problem["code"] for problem in results["check"]] == ["no-metadata"]
    assert set(results["check"][0]) == {"code", "severity", "path", "message"}
    assert results["build"]["configs"] == {"chess": 2, "maze": 2}
    assert (results["export"]["written"], results["export"]["target"]) == (17, str(rebuilt))
    differences = {key: [] for key in ("missing", "extra", "different", "other_times", "left_out")}
    assert results["verify"] == {"files": 17, "top_folder": "", **differences}
    assert results["info"]["rows"] == results["info-dataset"]["rows"] == 4
    assert results["sample"] == {"target": str(tmp_path / "sample")}
    for name in ("check", "export", "verify", "info", "info-dataset"):
        assert run(*commands[name], "--format", "quiet")[:2] == (0, "")


def test_json_of_names_that_no_terminal_shows(run, folder):
    write(folder / "a\x1b[31m\udcff\u2028", "x")
    code, out, _ = run("check", "--path", folder, "--format", "json")
    assert code == 1
    assert out.isascii()
    assert json.loads(out)[0]["path"] == "a\x1b[31m\udcff\u2028"


@pytest.mark.parametrize("name", ["a\x1b[31m", "a\nb", "a\udcff", "a\u202eb"], ids=ascii)
def test_no_name_from_a_folder_reaches_the_terminal_raw(run, folder, dataset, name):
    write(folder / name, "x")
    for arguments in (["check", "--path", folder], ["verify", "--path", folder, "--dataset", dataset]):
        code, out, err = run(*arguments)
        assert code == (0 if name == "a\u202eb" and arguments[0] == "check" else 1)
        assert name not in out + err
        assert all(line.isprintable() for line in (out + err).splitlines())
    code, _, err = run("build", "--path", folder, "--target", folder.parent / "new")
    assert name not in err


def test_build_prints_all_problems_when_it_refuses(run, folder, tmp_path):
    write_question(folder, first_frame=None)
    write_question(folder, "chess", "chess_0000", metadata=b"[]")
    write_question(folder, "chess", "chess_0001", metadata=None)
    code, out, err = run("build", "--path", folder, "--target", tmp_path / "new")
    assert (code, out) == (1, "")
    assert [line.rpartition("[")[2].rstrip("]") for line in err.splitlines()[:-1]] == [
        *("bad-metadata", "no-first-frame", "no-metadata"),
    ]
    assert err.splitlines()[-1].startswith(f"Error: {folder}: 2 errors, so nothing was written")


def test_export_tells_what_was_changed_and_what_is_missing(run, dataset, tmp_path):
    from tests.factories import edit_rows

    edit_rows(shards(dataset, "maze")[0], lambda rows: [{**rows[0], "prompt": "Other."}])
    code, out, err = run("export", "--dataset", dataset, "--target", tmp_path / "rebuilt")
    assert code == 0
    assert out.startswith("Exported 3 questions to ")
    assert "maze_0000/prompt.txt" in err
    assert "maze_0001" in err
    code, out, err = run("export", "--dataset", dataset, "--target", tmp_path / "strict", "--strict")
    assert (code, out) == (1, "")


def test_info_is_a_table(run, folder):
    code, out, err = run("info", "--path", folder)
    assert (code, err) == (0, FOUND)
    header, chess, maze, total, manifest = out.splitlines()
    assert header.split() == ["domain", "difficulty", "questions", "frames", "videos", "bytes"]
    assert chess.split()[:5] == ["chess", "easy", "2", "4", "0"]
    assert maze.split()[:2] == ["maze", "easy"]
    assert total.startswith("4 questions, 17 files, ")
    assert manifest == "The manifest agrees."


def test_there_is_no_progress_bar_where_stderr_is_no_terminal(folder, tmp_path):
    done = run_command("build", "--path", folder, "--target", tmp_path / "dataset")
    assert (done.returncode, done.stderr) == (0, FOUND)
    assert done.stdout.startswith("Built ")


@pytest.mark.parametrize("form", ["human", "quiet"])
def test_a_progress_bar_on_a_terminal(folder, tmp_path, form):
    pty = pytest.importorskip("pty", reason="terminals are POSIX")
    screen, terminal = pty.openpty()
    arguments = ["build", "--path", folder, "--target", tmp_path / "dataset", "--format", form]
    done = subprocess.run(
        python(COMMAND, *arguments), **{**process(), "stderr": terminal}, timeout=60, check=False
    )
    os.close(terminal)
    try:
        shown = os.read(screen, 100_000)
    except OSError:
        shown = b""
    os.close(screen)
    assert done.returncode == 0
    assert (b"Building" in shown) == (form == "human")


def test_whoever_reads_may_stop_reading(folder):
    running = subprocess.Popen(python(COMMAND, "check", "--path", folder), **process())
    running.stdout.close()
    talk = running.stderr.read()
    running.stderr.close()
    assert running.wait(60) == 1
    assert talk == FOUND


# Interrupted

WAITING = 60


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Enough to be interrupted at."""
    root = tmp_path_factory.mktemp("large")
    frame = png("large", (60, 60))
    for number in range(1200):
        write_question(
            root / "questions", f"d{number % 4}", f"{number:04d}", first_frame=frame, final_frame=frame
        )
    build(root / "questions", root / "dataset")
    return root


def interrupt(arguments, started):
    """Press Ctrl-C, which reaches all processes of a terminal, as soon as something has `started`."""
    running = subprocess.Popen(python(COMMAND, *arguments), **process(), start_new_session=True)
    until = time.monotonic() + WAITING
    while running.poll() is None and not started() and time.monotonic() < until:
        pass
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=WAITING)
    return running.returncode, out, err.strip()  # a line break first, as the terminal has shown ^C


@pytest.fixture
def _interruptible():
    """Undo what shells do to a command in the background: it and all that it starts do not hear Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
@pytest.mark.parametrize("num_proc", [1, 2])
def test_an_interrupted_export_says_so_and_ends_with_130(large, tmp_path, num_proc):
    target = tmp_path / "rebuilt"
    arguments = ["export", "--dataset", large / "dataset", "--target", target, "--num-proc", num_proc]
    result = interrupt(arguments, lambda: any(target.glob("d0_task/*")))
    assert result == (130, "", "Interrupted.")
    assert files_below(target).items() < files_below(large / "questions").items()
    assert run_command(*arguments).returncode == 0
    assert tree(target) == tree(large / "questions")


@pytest.mark.usefixtures("_interruptible")
@pytest.mark.parametrize("num_proc", [1, 2])
def test_an_interrupted_build_leaves_nothing(large, tmp_path, num_proc):
    arguments = [
        "build",
        "--path",
        large / "questions",
        "--target",
        tmp_path / "dataset",
        "--num-proc",
        num_proc,
    ]
    result = interrupt(arguments, lambda: any(tmp_path.glob(".dataset.partial-*/.unfinished/*")))
    assert result == (130, "", "Interrupted.")
    assert tree(tmp_path) == {}


# Fast to start

HEAVY = ("datasets", "pandas", "pyarrow", "huggingface_hub", "PIL", "numpy")
LOADED = f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"


@pytest.mark.parametrize(
    "code",
    [
        "import vmeval_hfds",
        "import vmeval_hfds; dir(vmeval_hfds); vmeval_hfds.__version__",
        "from vmeval_hfds import VmevalError",
        "from vmeval_hfds.cli.main import main; main(['--help'])",
        "from vmeval_hfds.cli.main import main; main(['--version'])",
        *(
            f"from vmeval_hfds.cli.main import main; main([{name!r}, '--help'])"
            for name in sorted(cli.commands)
        ),
        "from vmeval_hfds.cli.main import main; main(['export', '--dataset'])",
    ],
)
def test_nothing_heavy_is_loaded_for_nothing(code):
    done = run_python(f"import sys\n{code}\n{LOADED}")
    assert done.returncode == 0
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_folder_is_checked_without_datasets(folder):
    code = (
        f"import sys\nfrom vmeval_hfds import check_folder\ncheck_folder(sys.argv[1], quick=True)\n{LOADED}"
    )
    assert "datasets" not in run_python(code, folder).stderr
    code = f"import sys\nfrom vmeval_hfds import build\nbuild(sys.argv[1], sys.argv[2])\n{LOADED}"
    assert "datasets" not in run_python(code, folder, folder.parent / "new").stderr


def test_every_public_name_is_there():
    import vmeval_hfds

    for name in vmeval_hfds.__all__:
        assert getattr(vmeval_hfds, name) is not None
    with pytest.raises(AttributeError):
        _ = vmeval_hfds.no_such_name


@pytest.mark.parametrize("name", ["export", "verify", "info"])
@pytest.mark.parametrize(
    "before",
    [
        "pass",
        "import vmeval_hfds.api.demo",
        "import vmeval_hfds.cli.main as m; m.main(['info', '--path', sys.argv[1], '--format', 'quiet'])",
        "import vmeval_hfds.api.export, vmeval_hfds.api.verify, vmeval_hfds.api.info",
    ],
    ids=["nothing", "the-demo", "a-command", "the-modules"],
)
def test_a_function_stays_a_function_whatever_was_imported_before(folder, before, name):
    code = f"import sys\n{before}\nimport vmeval_hfds\nfrom vmeval_hfds import {name}\n"
    done = run_python(f"{code}print(callable({name}), callable(vmeval_hfds.{name}))", folder)
    assert (done.stdout, done.stderr) == ("True True\n", "")


# The demo


def test_the_demo_runs_in_an_empty_folder_and_leaves_nothing(tmp_path):
    started = time.monotonic()
    done = run_command("demo", cwd=tmp_path)
    assert time.monotonic() - started < 15
    assert done.returncode == 0
    steps = [line.split()[0] for line in done.stdout.splitlines()]
    assert steps == ["sample", "check", "build", "load_dataset", "export", "verify"]
    assert all(re.search(r" \d+\.\d\d s  ", line) for line in done.stdout.splitlines())
    assert "0 problems" in done.stdout
    assert "0 differences" in done.stdout
    assert "vmeval-hfds build data/questions" in done.stderr
    assert tree(tmp_path) == {}


def test_the_demo_keeps_what_it_makes_where_it_is_told(tmp_path):
    done = run_command("demo", "--target", tmp_path / "demo", "--format", "json", cwd=tmp_path)
    assert done.returncode == 0
    assert [step["name"] for step in json.loads(done.stdout)][-1] == "verify"
    assert tree(tmp_path / "demo/questions") == tree(tmp_path / "demo/rebuilt")
    assert {path.name for path in (tmp_path / "demo").iterdir()} == {"questions", "dataset", "rebuilt"}


# push


def test_push_says_what_it_did_and_where_it_is(run, hub, folder):
    code, out, _ = run("push", "--path", folder, "--repo-id", "user/mazes")
    assert code == 0
    assert "added: " in out
    assert out.splitlines()[-1] == f"{hub.endpoint}/datasets/user/mazes"


@pytest.mark.usefixtures("hub")
def test_push_refuses_removals_in_one_sentence(run, folder, tmp_path):
    run("push", "--path", folder, "--repo-id", "user/mazes")
    write_question(tmp_path / "other", "chess", "chess_0000")
    to_repo = ("--path", tmp_path / "other", "--repo-id", "user/mazes")
    code, out, talk = run("push", *to_repo)
    assert (code, out) == (1, "")
    assert "--add" in talk
    assert "--allow-removals" in talk
    assert "would be removed: " in run("push", *to_repo, "--dry-run")[1]
    assert run("push", "--add", *to_repo)[0] == 0
