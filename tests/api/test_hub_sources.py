"""Folders and archives in repositories and buckets on the Hub, at hf:// URLs, are read like those on disk."""

import pytest

from tests.factories import tree, write_rich_folder
from tests.far_folders import builds_as_here, is_read_as_here, pushes_as_here
from tests.tar_factories import pack_members
from vmeval_builders.errors import FolderChangedError, MissingPathError, RemoteReadError
from vmeval_builders.scan import refuse_changes, scan_rows
from vmeval_hfds import check_folder, diff_datasets, export, hf_upload, info, push_to_hub, verify
from vmeval_hfds.errors import AddressError, FolderError, NoShardsError


def write_without_empty_folders(folder):
    """Repositories have none."""
    write_rich_folder(folder)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    return folder


pytestmark = pytest.mark.folder("questions", write_without_empty_folders)


def as_folder(hub, folder, place):
    hf_upload(folder, "user/raw", path_in_repo="data/questions")
    return "hf://datasets/user/raw/data/questions"


def as_root(hub, folder, place):
    hf_upload(folder, "user/raw")
    return "hf://datasets/user/raw"


def as_revision(hub, folder, place):
    hf_upload(folder, "user/raw", revision="more/questions")
    return "hf://datasets/user/raw@more%2Fquestions"


def as_archive(hub, folder, place):
    pack_members(
        folder, place / "questions.tar.gz", *sorted(one.name for one in folder.iterdir()), remove=False
    )
    hf_upload(place, "user/raw")
    return "hf://datasets/user/raw@main/questions.tar.gz"


def packed(folder, place):
    """Pack each domain as an archive of its own, plain or not; what else is there lies beside them."""
    for number, path in enumerate(sorted(folder.iterdir())):
        if path.is_dir():
            ending = ("tar", "tgz")[number % 2]
            pack_members(folder, place / f"Task-{number:04d}.{ending}", path.name, remove=False)
        else:
            (place / path.name).write_bytes(path.read_bytes())
    return place


def as_archives(hub, folder, place):
    hf_upload(packed(folder, place), "user/raw", path_in_repo="tars")
    return "hf://datasets/user/raw/tars"


def as_bucket(hub, folder, place):
    files = {f"data/questions/{path}": one for path, one in tree(folder).items() if not path.endswith("/")}
    hub.fill_bucket("user/raw", {**files, "data/questions-of-old.txt": b"Begins alike."})
    return "hf://buckets/user/raw/data/questions"


def as_bucket_of_archives(hub, folder, place):
    place = packed(folder, place)
    hub.fill_bucket("user/raw", {path: one for path, one in tree(place).items() if not path.endswith("/")})
    return "hf://buckets/user/raw"


ALL = (as_folder, as_root, as_revision, as_archive, as_archives, as_bucket, as_bucket_of_archives)
FORMS = {one.__name__: one for one in ALL}


@pytest.fixture(params=FORMS)
def raw(request, hub, folder, tmp_path):
    """Give the URL of the folder's files in a repository or bucket."""
    (tmp_path / "to-send").mkdir()
    return FORMS[request.param](hub, folder, tmp_path / "to-send")


some_forms = pytest.mark.parametrize("raw", ["as_folder", "as_archives", "as_bucket"], indirect=True)


@pytest.mark.parametrize("num_proc", [1, 2])
def test_its_dataset_is_the_folders(folder, raw, tmp_path, num_proc):
    builds_as_here(raw, folder, tmp_path, num_proc)


def test_a_push_from_there_is_the_folders_and_comes_back(hub, folder, raw, tmp_path):
    pushes_as_here(raw, folder, tmp_path, hub)


def test_every_function_that_reads_takes_it(folder, raw, tmp_path):
    is_read_as_here(raw, folder, tmp_path, ("archive", "hub-file"))


@some_forms
def test_the_commands_take_it(run, raw, tmp_path):
    assert run("check", raw)[0] == 0
    assert run("build", "--path", raw, "--target", tmp_path / "dataset")[0] == 0
    assert run("verify", raw, tmp_path / "dataset")[0] == 0
    assert run("diff", raw, tmp_path / "dataset")[0] == 0
    assert run("info", raw)[0] == 0
    assert run("gallery", raw, tmp_path / "page.html")[0] == 0


@pytest.mark.parametrize("raw", ["as_root"], indirect=True)
def test_the_attributes_that_the_hub_adds_are_left_out_and_named(raw):
    assert [one.path for one in check_folder(raw) if one.code == "hub-file"] == [".gitattributes"]


def test_the_revision_that_the_url_names_is_read(hub, folder, tmp_path):
    hf_upload(folder, "user/raw", path_in_repo="questions")
    first = hub.head("user/raw")
    hub.commit("user/raw", {"questions/maze_task/maze_0000/prompt.txt": b"Another prompt."})
    assert diff_datasets(f"hf://datasets/user/raw@{first}/questions", folder).same
    changed = diff_datasets(folder, "hf://datasets/user/raw/questions").changed
    assert [row.path for row in changed] == ["maze_task/maze_0000"]


def test_folders_of_other_kinds_of_repositories_are_read_too(hub, folder):
    hf_upload(folder, "user/model", "model")
    assert diff_datasets("hf://user/model/maze_task", folder / "maze_task").same


# What could be meant otherwise


def test_a_repository_that_holds_a_dataset_is_that_dataset(folder, hub):
    push_to_hub(folder, "user/data")
    address = "hf://datasets/user/data"
    assert info(address).name == info("user/data").name
    assert diff_datasets(folder, address).same
    assert verify(folder, address).same


def test_where_only_a_folder_can_be_meant_a_dataset_is_none(run, folder, hub):
    push_to_hub(folder, "user/data")
    code, out, _ = run("check", "hf://datasets/user/data")
    assert code == 1
    assert "no-tasks" in out


def test_where_only_a_dataset_can_be_meant_a_folder_is_none(folder, hub, tmp_path):
    raw = as_folder(hub, folder, tmp_path)
    with pytest.raises(AddressError, match="leads to 'data/questions' in a repository"):
        export(raw, tmp_path / "rebuilt")
    with pytest.raises(NoShardsError, match="expected Parquet shards"):
        export("hf://datasets/user/raw", tmp_path / "rebuilt")


# What is not there, changes or fails


@pytest.mark.parametrize(
    ("url", "said"),
    {
        "hf://datasets/user/nowhere/questions": "repository not found",
        "hf://datasets/user/raw@v9/questions": "revision not found",
        "hf://datasets/user/raw/nowhere": "no such folder",
        "hf://buckets/user/nowhere/questions": "user/nowhere",
    }.items(),
)
def test_what_is_not_there_is_said_in_one_sentence(run, hub, folder, url, said):
    hf_upload(folder, "user/raw")
    code, _, err = run("check", url)
    assert code == 1
    assert url in err
    assert said in err
    assert "Traceback" not in err


def test_a_private_repository_is_read_with_the_token_alone_which_no_message_shows(hub, folder, monkeypatch):
    hf_upload(folder, "user/raw", private=True)
    assert diff_datasets("hf://datasets/user/raw", folder).same
    token = hub.token("stranger")
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(MissingPathError) as caught:
        check_folder("hf://datasets/user/raw")
    assert token not in str(caught.value)


def test_a_private_bucket_is_read_with_the_token_alone_which_no_message_shows(hub, folder, monkeypatch):
    hub.fill_bucket("user/raw", {}, private=True)
    assert diff_datasets(as_bucket(hub, folder, None), folder).same
    token = hub.token("stranger")
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(MissingPathError) as caught:
        check_folder("hf://buckets/user/raw/data/questions")
    assert token not in str(caught.value)


@some_forms
def test_a_file_that_changes_after_it_was_listed_is_refused(hub, raw):
    scan = scan_rows(raw)
    below = raw.partition("/user/raw/")[2]
    changed = min(scan.tags)
    change = hub.fill_bucket if "buckets" in raw else hub.commit
    change("user/raw", {f"{below}/{changed}": b"Another."})
    with pytest.raises(FolderChangedError, match=changed):
        refuse_changes(scan)


@some_forms
def test_a_read_that_fails_for_good_is_said_and_nothing_is_pushed(hub, raw):
    hub.fault("status", path="/resolve/", code=500, times=None)
    with pytest.raises((RemoteReadError, FolderError)):
        push_to_hub(raw, "user/there")
    assert not hub.exists("user/there")
