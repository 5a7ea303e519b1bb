"""A repository that holds a dataset is something else to upload: nothing of it is replaced or removed unasked."""

import pytest
from datasets import load_dataset

from tests.factories import write
from vmeval_hfds import build, hf_upload, push_to_hub, to_dataset
from vmeval_hfds.cli.main import main
from vmeval_hfds.errors import TargetExistsError

ID = "user/questions"


def push_ours(folder):
    push_to_hub(folder, ID)


def push_plainly(folder):
    to_dataset(folder).push_to_hub(ID)


def push_and_lose_the_card(folder, hub):
    push_to_hub(folder, ID)
    hub.commit(ID, {"README.md": b"# Words\n"})


PUSHES = {
    "push": lambda folder, hub: push_ours(folder),
    "push_to_hub": lambda folder, hub: push_plainly(folder),
    "push, and the card was replaced": push_and_lose_the_card,
}


@pytest.mark.parametrize("made", PUSHES.values(), ids=PUSHES)
@pytest.mark.parametrize(
    "options", [{}, {"delete": True}, {"path_in_repo": "raw"}], ids=["plain", "delete", "below"]
)
def test_a_repository_with_a_dataset_is_refused_before_anything_is_sent(hub, folder, made, options):
    made(folder, hub)
    write(folder / "README.md", "# The folder's own\n")
    before = hub.files(ID)
    hub.clear_log()
    with pytest.raises(TargetExistsError, match="vmeval-hfds push") as caught:
        hf_upload(folder, ID, **options)
    assert ID in str(caught.value)
    assert hub.files(ID) == before
    assert {one.method for one in hub.requests} <= {"GET", "HEAD"}


@pytest.mark.parametrize("is_dry", [[], ["--dry-run"]], ids=["for-real", "dry-run"])
def test_the_command_says_so_and_fails(hub, folder, capsys, is_dry):
    push_to_hub(folder, ID)
    assert main(["upload", "--path", str(folder), "--repo-id", ID, *is_dry]) == 1
    assert "holds a dataset of questions" in capsys.readouterr().err


@pytest.mark.parametrize("made", [push_ours, push_plainly])
def test_even_when_told_to_go_on_delete_removes_no_shard(hub, folder, made, tmp_path):
    made(folder)
    hub.commit(ID, {"stray.txt": b"x"})
    before = hub.files(ID)
    result = hf_upload(folder, ID, delete=True, force=True)
    after = hub.files(ID)
    assert (result.deleted, before.keys() - after.keys()) == (1, {"stray.txt"})
    assert {path: after[path] for path in before if path != "stray.txt"} == {
        path: content for path, content in before.items() if path != "stray.txt"
    }
    assert load_dataset(ID, split="test", cache_dir=str(tmp_path / "cache")).num_rows == 4


def test_a_dataset_directory_can_be_mirrored_and_mirrored_again(hub, folder, tmp_path):
    build(folder, tmp_path / "dataset")
    hf_upload(tmp_path / "dataset", ID)
    write(folder / "maze_task/maze_0000/prompt.txt", "Another way.")
    build(folder, tmp_path / "dataset", force=True)
    hf_upload(tmp_path / "dataset", ID, delete=True)
    assert (
        load_dataset(ID, "maze", split="test", cache_dir=str(tmp_path / "cache"))["prompt"][0]
        == "Another way."
    )


@pytest.mark.parametrize("lost", [["README.md"], ["README.md", "data/maze/test-00000-of-00001.parquet"]])
def test_half_of_a_push_is_mended_by_a_push(hub, folder, lost):
    push_to_hub(folder, ID)
    whole = hub.files(ID)
    hub.commit(ID, dict.fromkeys(lost))
    push_to_hub(folder, ID)
    assert hub.files(ID) == whole
