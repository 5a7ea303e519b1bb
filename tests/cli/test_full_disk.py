"""A disk that is full: one sentence, exit 1, nothing half-made left, and what was there before is as it was."""

import subprocess

import pytest

from tests.factories import tree, write_folder
from vmeval_hfds import build, export, push_to_hub, verify, write_gallery
from vmeval_hfds.api.mirror import hf_upload

#: How much room is left, in pages of the file system; each file takes one or more.
ROOM = (0, 2, 5)
_PAGE = 4096


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    """Give a small disk."""
    place = tmp_path_factory.mktemp("disk")
    words = ["mount", "-t", "tmpfs", "-o", "size=2m,nr_inodes=2000", "unlucky", str(place)]
    try:
        mounted = subprocess.run(words, capture_output=True, check=False)
    except OSError:
        pytest.skip("there is no mount here")
    if mounted.returncode:
        pytest.skip("file systems cannot be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def work(disk, request):
    """Give an empty folder on the disk, and what fills the disk up to some room."""
    for place in disk.iterdir():
        subprocess.run(["rm", "-rf", str(place)], check=True)

    def fill(pages):
        with (disk / "filler").open("wb", buffering=0) as filler:
            size = 0
            try:
                while True:
                    size += filler.write(bytes(_PAGE))
            except OSError:
                filler.truncate(max(0, size - pages * _PAGE))

    place = disk / "work"
    place.mkdir()
    return place, fill


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Give a folder and its dataset directory, on another disk; nobody changes them."""
    root = tmp_path_factory.mktemp("made")
    folder = write_folder(root / "questions", per_domain=6)
    return folder, build(folder, root / "dataset").target


def is_one_sentence(code, out, err):
    errors = [line for line in err.splitlines() if line.startswith("Error: ")]
    return code == 1 and out == "" and len(errors) == 1 and "Traceback" not in err


COMMANDS = {
    "build": lambda folder, dataset, place: ["build", folder, place / "new"],
    "export": lambda folder, dataset, place: ["export", dataset, place / "new"],
    "gallery": lambda folder, dataset, place: ["gallery", folder, place / "new.html"],
    "sample": lambda folder, dataset, place: ["sample", place / "new"],
    "download": lambda folder, dataset, place: ["download", "user/raw", place / "new"],
}


@pytest.mark.parametrize("pages", ROOM)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_is_one_sentence_and_leaves_nothing(hub, made, work, run, command, pages):
    folder, dataset = made
    place, fill = work
    if command == "download":
        hf_upload(folder, "user/raw")
    fill(pages)
    code, out, err = run(*COMMANDS[command](folder, dataset, place))
    assert is_one_sentence(code, out, err), err
    assert "No space left on device" in err
    assert str(place) in err
    there = {path: content for path, content in tree(place).items() if content is not None}
    if command == "download":  # what has come waits for the next run, in a folder that says so
        assert all(path.startswith("new/.vmeval-hfds-partial/") for path in there)
    elif command == "export":  # whole files only
        assert there.items() <= {f"new/{path}": content for path, content in tree(folder).items()}.items()
    else:
        assert tree(place) == {}


@pytest.mark.parametrize("command", ["build", "gallery", "export"])
def test_what_is_to_be_replaced_stays_as_it_was(made, work, run, tmp_path, command):
    folder, dataset = made
    place, fill = work
    old = write_folder(tmp_path / "old", per_domain=1)
    {
        "build": lambda: build(old, place / "new"),
        "gallery": lambda: write_gallery(old, place / "new.html"),
        "export": lambda: export(dataset, place / "new"),
    }[command]()
    before = tree(place)
    for prompt in (place / "new").rglob("prompt.txt"):
        prompt.write_bytes(b"x" * 3 * _PAGE)
        before[str(prompt.relative_to(place))] = prompt.read_bytes()
    fill(0)
    code, out, err = run(
        *COMMANDS[command](folder, dataset, place), *(["--force"] if command != "gallery" else [])
    )
    assert is_one_sentence(code, out, err), err
    assert tree(place) == before


@pytest.mark.parametrize("pages", [0, 2])
def test_a_push_needs_room_for_temporary_files_and_says_so(
    hub, made, work, run, monkeypatch, tmp_path, pages
):
    folder, _ = made
    place, fill = work
    old = write_folder(tmp_path / "old", per_domain=1)
    push_to_hub(old, "user/questions")
    monkeypatch.setattr("tempfile.tempdir", str(place))
    fill(pages)
    code, out, err = run("push", folder, "user/questions")
    assert is_one_sentence(code, out, err), err
    assert "No space left on device" in err
    assert tree(place) == {}
    assert verify(old, "user/questions").same
