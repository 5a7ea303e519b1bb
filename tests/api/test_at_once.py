"""Two runs at once, and data that changes while it is read: the result is one of the two, or a refusal that says so."""

import multiprocessing
import os
import shutil

import pytest

from tests.factories import tree, write, write_folder
from vmeval_builders.scan import scan_files, scan_rows
from vmeval_hfds import build, export, tasks, verify
from vmeval_hfds.claim import claimed
from vmeval_hfds.errors import BusyTargetError, DatasetError, TargetExistsError, VmevalError
from vmeval_hfds.mirror.download import download
from vmeval_hfds.mirror.upload import hf_upload


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Give two folders whose files have the same names, and their dataset directories; nobody changes them."""
    root = tmp_path_factory.mktemp("made")
    pairs = []
    for name, prompt in (("one", "One."), ("two", "Two.")):
        folder = write_folder(root / name)
        for place in folder.rglob("prompt.txt"):
            place.write_text(prompt)
        pairs.append((folder, build(folder, root / f"{name}-dataset").target))
    return pairs


# Two writers


def test_a_second_export_into_a_target_is_refused(made, tmp_path):
    (folder, one), (_, two) = made

    def another(done, total):
        with pytest.raises(BusyTargetError, match="another run writes there"):
            export(two, tmp_path / "target", force=True)

    export(one, tmp_path / "target", progress=another, num_proc=1)
    assert tree(tmp_path / "target") == tree(folder)


def test_an_export_whose_target_another_filled_meanwhile_is_refused(made, tmp_path, monkeypatch):
    (folder, one), (_, two) = made
    # Where claims cannot be kept, and between other accounts and machines.
    monkeypatch.setattr("vmeval_hfds.claim.fcntl", None)
    mkdir = os.mkdir

    def fill_first(path, *arguments, **options):
        if os.fspath(path) == str(tmp_path / "target"):
            monkeypatch.setattr(os, "mkdir", mkdir)
            export(one, path)
        mkdir(path, *arguments, **options)

    monkeypatch.setattr(os, "mkdir", fill_first)
    with pytest.raises(TargetExistsError, match="was empty"):
        export(two, tmp_path / "target")
    assert tree(tmp_path / "target") == tree(folder)


def test_a_claim_ends_with_its_run_and_leaves_nothing(made, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    with pytest.raises(KeyboardInterrupt), claimed(tmp_path / "target"):
        raise KeyboardInterrupt
    with claimed(tmp_path / "target"), claimed(tmp_path / "another"):
        pass
    assert [name for name in tree(tmp_path / "home") if name.endswith(".claim")] == []


def test_a_worker_that_outlives_its_parent_claims_nothing(tmp_path):
    context = multiprocessing.get_context("fork")
    go_on = context.Event()
    with claimed(tmp_path / "target"):
        worker = context.Process(target=go_on.wait)
        worker.start()
    try:
        with claimed(tmp_path / "target"):
            pass
    finally:
        go_on.set()
        worker.join()


def test_a_download_into_a_target_that_is_written_is_refused(hub, folder, tmp_path):
    hf_upload(folder, "user/raw")
    with claimed(tmp_path / "target"), pytest.raises(BusyTargetError):
        download("user/raw", tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_tasks_of_one_dataset_wait_for_each_other(made, tmp_path, monkeypatch):
    _, dataset = made[0]
    waited = []
    monkeypatch.setattr("vmeval_hfds.api.tasks.wait_until_free", waited.append)
    refusals = iter([BusyTargetError("busy")])

    def refused_once(*arguments, **options):
        for refusal in refusals:
            raise refusal
        return export(*arguments, **options)

    monkeypatch.setattr("vmeval_hfds.api.tasks.export", refused_once)
    assert len(tasks(dataset)) == 4
    assert len(waited) == 1


@pytest.mark.parametrize("force", [False, True])
def test_of_two_builds_to_a_target_one_is_there_whole(made, tmp_path, monkeypatch, force):
    (one, of_one), (two, of_two) = made
    target = tmp_path / "target"
    if force:
        shutil.copytree(of_one, target)

    def another(*_):
        monkeypatch.undo()
        build(two, target, force=force)

    from vmeval_hfds.store.dataset_directory import DirectoryStore

    monkeypatch.setattr(DirectoryStore, "finish", another)
    if force:
        build(one, target, force=True)
        assert tree(target).keys() >= tree(of_one).keys() - {"README.md"}
    else:
        with pytest.raises(TargetExistsError, match="another run made it meanwhile"):
            build(one, target)
        assert tree(target) == tree(of_two)
    assert [path for path in os.listdir(tmp_path) if "partial" in path] == []


# A dataset that is built anew while it is read


@pytest.mark.parametrize("reader", ["export", "verify"])
def test_a_dataset_that_is_replaced_while_it_is_read_is_said(made, tmp_path, reader):
    (folder, dataset), (other, _) = made
    mine = tmp_path / "dataset"
    shutil.copytree(dataset, mine)

    def replace_it(done, total):
        if not (tmp_path / "done").exists():
            write(tmp_path / "done")
            build(other, mine, force=True)

    first = {"export": (mine, tmp_path / "target"), "verify": (folder, mine)}[reader]
    with pytest.raises(DatasetError, match="was replaced"):
        {"export": export, "verify": verify}[reader](*first, progress=replace_it, num_proc=1)


# A folder that changes while it is read


def grow(place):
    place.write_bytes(place.read_bytes() + b"more")


def shrink(place):
    place.write_bytes(place.read_bytes()[:1])


def link(place):
    secret = write(place.parents[3] / "secret.txt", SECRET)
    place.unlink()
    place.symlink_to(secret)


def link_folder(place):
    outside = place.parents[3] / "outside"
    shutil.copytree(place.parent, outside)
    write(outside / place.name, SECRET)
    place.parent.rename(place.parents[3] / "moved")
    place.parent.symlink_to(outside)


def appear(place):
    write(place.parent / "appeared.txt", "new")


SCANS = {"build.scan_rows": scan_rows, "verify.scan_files": scan_files}
CHANGES = {
    "grows": grow,
    "shrinks": shrink,
    "vanishes": lambda place: place.unlink(),
    "appears": appear,
    "becomes a link": link,
    "is in a folder that becomes a link": link_folder,
    "becomes a pipe": lambda place: (place.unlink(), os.mkfifo(place)),
    "becomes a folder": lambda place: (place.unlink(), place.mkdir()),
}


SECRET = b"secret" * 3


@pytest.fixture
def changing(folder, monkeypatch):
    """Make a function that lets a change come over a folder when it was listed, and nothing was read of it yet."""
    place = write(folder / "maze_task/maze_0001/prompt.txt", b"prompt" * 3)

    def changing(change):
        for name in ("build.scan_rows", "verify.scan_files"):
            monkeypatch.setattr(f"vmeval_hfds.api.{name}", then(change, SCANS[name]))

    def then(change, scan):
        def scan_and_change(*arguments):
            found = scan(*arguments)
            change(place)
            return found

        return scan_and_change

    return changing


#: The folders above a source's files are not held open; and the error for a folder lacks its path.
FOLLOWED = ("is in a folder that becomes a link", "becomes a folder")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(change, id=name, marks=pytest.mark.xfail(strict=False) if name in FOLLOWED else ())
        for name, change in CHANGES.items()
    ],
)
def test_a_folder_that_changes_while_it_is_built_is_refused_or_as_it_was_listed(
    folder, changing, tmp_path, change
):
    before = tree(folder)
    changing(change)
    try:
        result = build(folder, tmp_path / "dataset")
    except (VmevalError, OSError) as error:
        assert "maze_0001/prompt.txt" in str(error)  # noqa: PT017
        assert not (tmp_path / "dataset").exists()
    else:
        export(result.target, tmp_path / "rebuilt")
        assert tree(tmp_path / "rebuilt") == before
    assert [name for name in os.listdir(tmp_path) if "partial" in name] == []


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_folder_that_changes_while_it_is_verified_is_said(folder, changing, tmp_path, change):
    dataset = build(folder, tmp_path / "dataset").target
    changing(change)
    try:
        result = verify(folder, dataset)
    except (VmevalError, OSError) as error:
        assert "maze_0001/prompt.txt" in str(error)  # noqa: PT017
    else:
        assert result.same == (change is appear)
