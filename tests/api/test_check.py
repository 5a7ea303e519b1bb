"""Check works on all cores; what build, push and to_dataset take was checked as check checks."""

import tarfile

import pytest

from tests.factories import png, write, write_folder, write_question
from vmeval_hfds import build, check_folder, export, push_to_hub, to_dataset, verify
from vmeval_hfds.cli.main import main
from vmeval_hfds.errors import FolderError

ID = "user/questions"
LARGE = png("large", (64, 64))


def cut_in_half(content):
    return content[: len(content) // 2]


def flip_a_byte(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


DAMAGE = {"cut in half": cut_in_half, "a flipped byte": flip_a_byte}
FRAME = "maze_task/maze_0000/final_frame.png"


@pytest.fixture(params=DAMAGE.values(), ids=DAMAGE)
def damaged(tmp_path, request):
    folder = write_folder(tmp_path / "questions")
    write_question(folder, "maze", "maze_0000", first_frame=LARGE, final_frame=request.param(LARGE))
    return folder


def leavers(tmp_path):
    return {
        "build": lambda folder, **options: build(folder, tmp_path / "dataset", **options),
        "push": lambda folder, **options: push_to_hub(folder, ID, **options),
        "to_dataset": lambda folder, **options: to_dataset(folder, cache_dir=tmp_path / "cache", **options),
    }


@pytest.mark.parametrize("leaver", ["build", "push", "to_dataset"])
def test_a_frame_that_no_reader_could_decode_is_refused(hub, damaged, tmp_path, leaver):
    [problem] = [one for one in check_folder(damaged) if one.severity == "error"]
    assert (problem.code, problem.path) == ("bad-frame", FRAME)
    with pytest.raises(FolderError, match="1 error") as caught:
        leavers(tmp_path)[leaver](damaged)
    assert caught.value.problems == check_folder(damaged)
    assert not [one for one in hub.requests if one.method != "GET"]


@pytest.mark.parametrize("leaver", ["build", "push"])
def test_without_decoding_it_goes_byte_for_byte_and_the_result_says_so(hub, damaged, tmp_path, leaver):
    result = leavers(tmp_path)[leaver](damaged, decode=False)
    assert not result.decoded
    assert leavers(tmp_path)[leaver](write_folder(tmp_path / "sound"), force=True).decoded
    if leaver == "build":
        build(damaged, tmp_path / "dataset", decode=False, force=True)
        export(tmp_path / "dataset", tmp_path / "rebuilt")
        assert verify(damaged, tmp_path / "dataset").same


def test_the_command_says_that_frames_were_not_decoded(damaged, tmp_path, capsys):
    arguments = ["build", "--path", str(damaged), "--target", str(tmp_path / "dataset")]
    assert main(arguments) == 1
    assert f"error: {FRAME}: The frame" in capsys.readouterr().err
    assert main([*arguments, "--no-decode"]) == 0
    assert "Frames were not decoded (--no-decode)" in capsys.readouterr().err


@pytest.fixture
def spoiled(tmp_path):
    """Write a folder with problems of every origin: names, rows, other files, all rows together."""
    folder = write_folder(tmp_path / "spoiled", ("maze", "chess", "rotation"), per_domain=40)
    write_question(folder, "maze", "maze_0001", prompt=None)
    write_question(
        folder, "chess", "chess_0002", final_frame=cut_in_half(LARGE), first_image_path="nowhere/x.png"
    )
    write_question(folder, "chess", path="chess_task/again", id="chess_0003")
    write(folder / "empty.txt")
    write(folder / "run.log", "hf_" + "a1" * 17)
    return folder


def test_any_number_of_processes_finds_the_same_and_says_how_far_it_is(spoiled):
    calls = []
    problems = check_folder(spoiled, num_proc=1, progress=lambda done, total: calls.append((done, total)))
    assert {one.code for one in problems} == {
        *("no-prompt", "bad-frame", "dead-path", "duplicate-id", "not-in-manifest", "empty-file", "token"),
    }
    assert calls == sorted(calls)
    assert len(calls) > 2
    assert calls[-1][0] == calls[-1][1]
    assert check_folder(spoiled, num_proc=3) == problems


@pytest.mark.parametrize("form", ["folder", "tar", "tar.gz"])
def test_a_build_finds_what_a_check_finds(spoiled, tmp_path, form):
    source = spoiled
    if form != "folder":
        source = tmp_path / f"packed.{form}"
        with tarfile.open(source, "w:gz" if form == "tar.gz" else "w") as archive:
            archive.add(spoiled, ".")
    with pytest.raises(FolderError) as caught:
        build(source, tmp_path / "dataset")
    assert caught.value.problems == check_folder(source) == check_folder(spoiled)
    without = ["chess_task/chess_0002", "vmeval_dataset.json"]
    taken = build(source, tmp_path / "dataset", keep_incomplete=True, allow_secrets=True, exclude=without)
    assert taken.problems == check_folder(source, exclude=without)


# Ids


def test_two_tasks_of_a_domain_with_one_id_are_a_warning_that_says_what_an_export_does(tmp_path):
    folder = tmp_path / "questions"
    write_question(folder, "maze", "maze_0000")
    write_question(folder, path="maze_task/copy", id="maze_0000")
    [problem] = check_folder(folder)
    assert (problem.code, problem.severity, problem.path) == (
        "duplicate-id",
        "warning",
        "maze_task/maze_0000",
    )
    assert (
        problem.message
        == "Its id 'maze_0000' is that of maze_task/copy too; --id asks which, and takes the path."
    )
    build(folder, tmp_path / "dataset")
    with pytest.raises(ValueError, match="maze_task/copy, maze_task/maze_0000"):
        export(tmp_path / "dataset", tmp_path / "picked", ids=["maze_0000"])
    assert export(tmp_path / "dataset", tmp_path / "picked", ids=["maze_task/copy"]).rows == 1


def test_one_id_in_two_domains_is_no_problem(tmp_path):
    write_question(tmp_path / "questions", "maze", "0000")
    write_question(tmp_path / "questions", "chess", "0000")
    assert check_folder(tmp_path / "questions") == []
