"""The tests' own Hub, as the real huggingface_hub and datasets see it."""

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.hub import HubError
from tests.hub.messages import parse_range
from tests.hub.operations import check_path
from tests.hub.rules import default_attributes, is_ignored, upload_mode
from tests.hub_requests import ID, PNG, ask, commit_lines, file_line

# The real client


def test_whoami_tells_the_user_and_the_role(hub, api, api_for):
    assert api.whoami()["name"] == "user"
    assert api_for(hub.token("user", role="read")).whoami()["auth"]["accessToken"]["role"] == "read"
    assert hub.token("user").startswith("hf_")
    assert len(hub.token("user")) == 37


@pytest.mark.parametrize("repo_type", ["model", "dataset", "space"])
def test_a_repo_is_created_filled_listed_downloaded_and_deleted(hub, api, repo_type, tmp_path):
    sdk = {"space_sdk": "static"} if repo_type == "space" else {}
    url = api.create_repo(ID, repo_type=repo_type, **sdk)
    assert url.repo_id == ID
    assert api.create_repo(ID, repo_type=repo_type, exist_ok=True, **sdk) == url
    source = tmp_path / "source"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "deep" / "er" / "prompt °.txt").write_text("a prompt\n")
    (source / "empty.txt").touch()
    (source / "weights.bin").write_bytes(PNG)
    api.upload_folder(folder_path=source, repo_id=ID, repo_type=repo_type, commit_message="all of it")

    names = {".gitattributes", "deep/er/prompt °.txt", "empty.txt", "weights.bin"}
    assert set(api.list_repo_files(ID, repo_type=repo_type)) == names
    assert hub.log(ID, type=repo_type) == ["all of it", "initial commit"]
    assert hub.files(ID, type=repo_type)["weights.bin"] == PNG
    target = Path(api.snapshot_download(ID, repo_type=repo_type, local_dir=tmp_path / "target"))
    assert (target / "deep/er/prompt °.txt").read_text() == "a prompt\n"
    assert (target / "weights.bin").read_bytes() == PNG
    api.delete_repo(ID, repo_type=repo_type)
    assert not hub.exists(ID, type=repo_type)


def test_creating_a_repo_twice_is_a_conflict(api, repo):
    from huggingface_hub.errors import HfHubHTTPError

    with pytest.raises(HfHubHTTPError, match="already created") as error:
        api.create_repo(repo, repo_type="dataset")
    assert error.value.response.status_code == 409


def test_ids_know_no_case(hub, api, repo):
    assert api.repo_info("USER/Questions", repo_type="dataset").id == ID


def test_media_and_large_files_go_to_lfs_and_text_does_not(hub, api, repo):
    large = b"x" * 10_000_001
    for path, data in [("a.png", PNG), ("a.txt", b"text"), ("large.txt", large), ("none.png", b"")]:
        api.upload_file(path_or_fileobj=data, path_in_repo=path, repo_id=repo, repo_type="dataset")
    items = {item.path: item for item in api.list_repo_tree(repo, repo_type="dataset")}
    assert items["a.png"].lfs.sha256 == hashlib.sha256(PNG).hexdigest()
    assert items["a.png"].size == len(PNG)
    assert items["large.txt"].lfs.size == len(large)
    assert items["a.txt"].lfs is None
    assert items["none.png"].lfs is None
    assert hub.files(repo)["large.txt"] == large
    siblings = {s.rfilename: s for s in api.dataset_info(repo, files_metadata=True).siblings}
    assert siblings["a.png"].lfs.sha256 == hashlib.sha256(PNG).hexdigest()


def test_a_large_file_is_uploaded_once(hub, api, repo):
    api.upload_file(path_or_fileobj=PNG, path_in_repo="a.png", repo_id=repo, repo_type="dataset")
    api.upload_file(path_or_fileobj=PNG, path_in_repo="b.png", repo_id=repo, repo_type="dataset")
    assert [r.method for r in hub.requests if r.cdn] == ["PUT"]
    assert hub.lfs_objects(repo) == {hashlib.sha256(PNG).hexdigest()}
    assert hub.files(repo)["b.png"] == PNG


def test_an_unchanged_file_is_no_commit(hub, api, repo):
    head = hub.commit(repo, {"a.png": PNG, "a.txt": b"text"})
    for path, data in [("a.png", PNG), ("a.txt", b"text")]:
        api.upload_file(path_or_fileobj=data, path_in_repo=path, repo_id=repo, repo_type="dataset")
    assert hub.head(repo) == head


def test_large_files_are_copied_without_moving_them(hub, api, repo):
    from huggingface_hub import CommitOperationCopy

    hub.commit(repo, {"a.png": PNG, "a.txt": b"text"})
    copies = [CommitOperationCopy("a.png", "b/a.png"), CommitOperationCopy("a.txt", "b/a.txt")]
    api.create_commit(repo, copies, commit_message="copy", repo_type="dataset")
    assert hub.files(repo)["b/a.png"] == PNG
    assert hub.files(repo)["b/a.txt"] == b"text"
    assert not [r for r in hub.requests if r.cdn]


def test_a_file_in_parts_arrives_whole(hub, api, repo):
    hub.limits.part_size = 1000
    data = os.urandom(3500)
    api.upload_file(path_or_fileobj=data, path_in_repo="a.mp4", repo_id=repo, repo_type="dataset")
    assert [r.request_bytes for r in hub.requests if r.cdn] == [1000, 1000, 1000, 500]
    assert hub.files(repo)["a.mp4"] == data


def test_files_and_folders_are_deleted(hub, api, repo):
    from huggingface_hub.errors import EntryNotFoundError

    hub.commit(repo, {"a/b/c.txt": b"1", "a/d.txt": b"2", "e.txt": b"3"})
    api.delete_folder("a/b", repo, repo_type="dataset")
    api.delete_file("a/d.txt", repo, repo_type="dataset")
    assert set(hub.files(repo)) == {".gitattributes", "e.txt"}
    with pytest.raises(EntryNotFoundError, match="A file with this name doesn't exist"):
        api.delete_file("a/d.txt", repo, repo_type="dataset")
    with pytest.raises(EntryNotFoundError):  # an empty folder is no folder
        list(api.list_repo_tree(repo, "a", repo_type="dataset"))


def test_gitignore_of_the_repo_and_of_the_upload_count(hub, api, repo, tmp_path):
    hub.commit(repo, {".gitignore": b"*.log\n"})
    (tmp_path / "a.log").write_text("1")
    (tmp_path / "a.txt").write_text("1")
    api.upload_folder(folder_path=tmp_path, repo_id=repo, repo_type="dataset", allow_patterns="a.*")
    assert set(hub.files(repo)) == {".gitattributes", ".gitignore", "a.txt"}


def test_branches_and_tags_come_and_go(hub, api, repo):
    from huggingface_hub.errors import HfHubHTTPError, RevisionNotFoundError

    first = hub.head(repo)
    api.create_branch(repo, branch="try/1", repo_type="dataset")
    api.upload_file(
        path_or_fileobj=b"1", path_in_repo="a.txt", repo_id=repo, repo_type="dataset", revision="try/1"
    )
    api.create_tag(repo, tag="v1", revision="try/1", repo_type="dataset")
    with pytest.raises(HfHubHTTPError, match="refs/heads/try/1 already exists"):
        api.create_branch(repo, branch="try/1", repo_type="dataset")
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_tag(repo, tag="v1", repo_type="dataset")
    refs = api.list_repo_refs(repo, repo_type="dataset")
    assert {b.name: b.target_commit for b in refs.branches} == {"main": first, "try/1": hub.head(repo, "v1")}
    assert hub.branches(repo) == ["main", "try/1"]
    assert hub.tags(repo) == ["v1"]
    assert hub.head(repo) == first
    api.delete_branch(repo, branch="try/1", repo_type="dataset")
    assert api.list_repo_files(repo, revision="v1", repo_type="dataset") == [".gitattributes", "a.txt"]
    api.delete_tag(repo, tag="v1", repo_type="dataset")
    for revision in ("v1", "try/1", "0" * 40, "bad..name"):
        with pytest.raises(RevisionNotFoundError):
            api.list_repo_files(repo, revision=revision, repo_type="dataset")


def test_a_pull_request_is_a_ref_that_can_be_read_and_pushed_to(hub, api, repo):
    def upload(name, **options):
        return api.upload_file(
            path_or_fileobj=b"1", path_in_repo=name, repo_id=repo, repo_type="dataset", **options
        )

    info = upload("a.txt", create_pr=True)
    assert info.pr_revision == "refs/pr/1"
    upload("b.txt", revision="refs/pr/1")
    assert set(hub.files(repo, "refs/pr/1")) == {".gitattributes", "a.txt", "b.txt"}
    assert set(hub.files(repo)) == {".gitattributes"}
    refs = api.list_repo_refs(repo, repo_type="dataset", include_pull_requests=True)
    assert [ref.ref for ref in refs.pull_requests] == ["refs/pr/1"]


def test_history_is_told_newest_first_in_pages(hub, api, repo):
    hub.limits.page_size = 2
    for number in range(4):
        hub.commit(repo, {"a.txt": str(number).encode()}, f"commit {number}")
    titles = [commit.title for commit in api.list_repo_commits(repo, repo_type="dataset")]
    assert titles == ["commit 3", "commit 2", "commit 1", "commit 0", "initial commit"] == hub.log(repo)
    api.super_squash_history(repo, repo_type="dataset", commit_message="one")
    assert hub.log(repo) == ["one"]
    assert hub.files(repo)["a.txt"] == b"3"


def test_listings_come_in_pages_and_name_the_last_commit(hub, api, repo):
    files = {f"{folder}/{number:02}.txt": b"1" for folder in "ab" for number in range(6)}
    hub.commit(repo, files, "first")
    hub.commit(repo, {"b/03.txt": b"2"}, "second")
    hub.limits.page_size = 5
    hub.clear_log()
    items = list(api.list_repo_tree(repo, recursive=True, expand=True, repo_type="dataset"))
    assert [item.path for item in items] == sorted([".gitattributes", "a", "b", *files])
    assert len(hub.requests) == 3
    changed = {item.path: item.last_commit.title for item in items}
    assert changed["b/03.txt"] == changed["b"] == "second"
    assert changed["a"] == changed["b/02.txt"] == "first"
    flat = list(api.list_repo_tree(repo, "b", repo_type="dataset"))
    assert [item.path for item in flat] == sorted(path for path in files if path.startswith("b/"))


def test_paths_info_leaves_out_what_is_missing(hub, api, repo):
    hub.commit(repo, {"a/1.txt": b"1", "a/2.png": PNG})
    found = api.get_paths_info(repo, ["a", "a/2.png", "missing"], repo_type="dataset", expand=True)
    assert [item.path for item in found] == ["a", "a/2.png"]
    assert found[1].lfs.size == len(PNG)


def test_the_card_is_checked_and_told(hub, api, repo):
    card = b"---\nlicense: mit\ntags: [video]\n---\n# Questions\n"
    api.upload_file(path_or_fileobj=card, path_in_repo="README.md", repo_id=repo, repo_type="dataset")
    info = api.dataset_info(repo)
    assert info.card_data.license == "mit"
    assert info.tags == ["video"]
    assert api.dataset_info(repo, expand=["sha"]).siblings is None
    with pytest.raises(ValueError, match="Invalid metadata"):
        api.upload_file(
            path_or_fileobj=b"---\na: [\n---\n", path_in_repo="README.md", repo_id=repo, repo_type="dataset"
        )


def test_repos_are_listed_moved_and_hidden(hub, api, api_for, repo):
    hub.create_repo("user/secret", private=True)
    assert [info.id for info in api.list_datasets(author="user")] == [ID, "user/secret"]
    assert [info.id for info in api_for(False).list_datasets(author="user")] == [ID]
    api.move_repo(ID, "user/answers", repo_type="dataset")
    api.update_repo_settings("user/answers", private=True, repo_type="dataset")
    assert not hub.exists(ID)
    assert list(api_for(False).list_datasets(author="user")) == []


# Who may do what


def test_a_private_repo_looks_missing_to_others(hub, api_for, repo):
    from huggingface_hub.errors import RepositoryNotFoundError

    hub.create_repo("user/secret", private=True)
    hub.commit("user/secret", {"a.png": PNG})
    assert api_for(hub.token("user", role="read")).dataset_info("user/secret").private
    for token, status in [(False, 401), (hub.token("stranger"), 404)]:
        for repo_id in ("user/secret", "user/nothing", "squad"):
            with pytest.raises(RepositoryNotFoundError) as error:
                api_for(token).dataset_info(repo_id)
            assert error.value.response.status_code == status
    oid = hashlib.sha256(PNG).hexdigest()
    assert ask(hub, f"/lfs/datasets/user/secret/{oid}", cdn=True)[0] == 403  # not without the Hub's signature


def test_an_unknown_token_is_refused_everywhere(hub, api_for, repo):
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    with pytest.raises(HfHubHTTPError, match="Invalid") as error:
        api_for("hf_" + "x" * 34).dataset_info(repo)
    assert error.value.response.status_code == 401
    assert not isinstance(error.value, RepositoryNotFoundError)
    assert hub.requests[-1].authorized
    assert hub.requests[-1].user is None


@pytest.mark.parametrize(("user", "role"), [("user", "read"), ("stranger", "write")])
def test_who_may_not_write_gets_403_and_nothing_changes(hub, api_for, repo, user, role):
    from huggingface_hub.errors import HfHubHTTPError

    api, head = api_for(hub.token(user, role=role)), hub.head(repo)
    attempts = [
        lambda: api.upload_file(path_or_fileobj=PNG, path_in_repo="a", repo_id=repo, repo_type="dataset"),
        lambda: api.create_repo("user/new", repo_type="dataset"),
        lambda: api.delete_repo(repo, repo_type="dataset"),
        lambda: api.create_branch(repo, branch="b", repo_type="dataset"),
        lambda: api.create_tag(repo, tag="t", repo_type="dataset"),
    ]
    for attempt in attempts:
        with pytest.raises(HfHubHTTPError) as error:
            attempt()
        assert error.value.response.status_code == 403
    assert (hub.head(repo), hub.branches(repo), hub.tags(repo)) == (head, ["main"], [])


def test_a_gated_repo_shows_itself_but_not_its_files(hub, api_for):
    from huggingface_hub.errors import GatedRepoError

    hub.create_repo(ID, gated=True)
    hub.commit(ID, {"a.txt": b"1"})
    stranger = api_for(hub.token("stranger"))
    assert stranger.dataset_info(ID).gated == "auto"
    for client, status in [(stranger, 403), (api_for(False), 401)]:
        with pytest.raises(GatedRepoError) as error:
            client.auth_check(ID, repo_type="dataset")
        assert error.value.response.status_code == status
    assert ask(hub, f"/datasets/{ID}/resolve/main/a.txt")[1]["X-Error-Code"] == "GatedRepo"
    hub.grant(ID, "stranger")
    assert Path(stranger.hf_hub_download(ID, "a.txt", repo_type="dataset")).read_bytes() == b"1"


def test_a_full_account_is_told_so(hub, api, repo):
    from huggingface_hub.errors import HfHubHTTPError

    hub.limits.storage_limit = 5000
    for path in ("a.png", "a.txt"):
        with pytest.raises(HfHubHTTPError, match="storage limit reached") as error:
            api.upload_file(path_or_fileobj=PNG, path_in_repo=path, repo_id=repo, repo_type="dataset")
        assert error.value.response.status_code == 403


# Conflicts


def test_a_commit_on_a_stale_parent_is_refused(hub, api, repo):
    from huggingface_hub.errors import HfHubHTTPError

    stale = hub.head(repo)
    head = hub.commit(repo, {"a.txt": b"1"})
    options = {"path_in_repo": "b.txt", "repo_id": repo, "repo_type": "dataset"}
    with pytest.raises(HfHubHTTPError, match="A commit has happened since") as error:
        api.upload_file(path_or_fileobj=b"2", parent_commit=stale, **options)
    assert error.value.response.status_code == 412
    assert hub.head(repo) == head
    api.upload_file(path_or_fileobj=b"2", parent_commit=head, **options)
    assert set(hub.files(repo)) == {".gitattributes", "a.txt", "b.txt"}


def test_commits_at_the_same_time_all_happen(hub, api, repo):
    def upload(number):
        api.upload_file(path_or_fileobj=b"1", path_in_repo=f"{number}.txt", repo_id=repo, repo_type="dataset")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(upload, range(24)))
    assert set(hub.files(repo)) == {".gitattributes", *(f"{number}.txt" for number in range(24))}
    assert len(hub.log(repo)) == 25


def lfs_line(oid, path="a.png"):
    return {"key": "lfsFile", "value": {"path": path, "algo": "sha256", "oid": oid, "size": len(PNG)}}


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([lfs_line("0" * 64)], 422),
        ([file_line("../a")], 422),
        ([file_line(".git/config")], 422),
        ([file_line("a.txt/b")], 422),
        ([file_line("b.txt"), {"key": "deletedFile", "value": {"path": "missing"}}], 404),
        ([{"key": "unknown", "value": {"path": "a"}}], 400),
        ([file_line("b", "not base64!")], 400),
    ],
)
def test_a_commit_with_a_fault_changes_nothing(hub, repo, lines, status):
    head = hub.commit(repo, {"a.txt": b"1"})
    answer = ask(hub, f"/api/datasets/{ID}/commit/main", "POST", commit_lines(*lines), hub.token("user"))
    assert answer[0] == status
    assert hub.head(repo) == head


def test_a_large_file_of_another_repo_has_to_be_uploaded_again(hub, repo):
    hub.create_repo("user/other")
    hub.commit("user/other", {"a.png": PNG})
    body = commit_lines(lfs_line(hashlib.sha256(PNG).hexdigest()))
    assert ask(hub, f"/api/datasets/{ID}/commit/main", "POST", body, hub.token("user"))[0] == 422


# The wire


def test_parts_of_files_are_served_from_both_origins(hub, repo):
    hub.commit(repo, {"a.txt": b"0123456789", "a.png": PNG})
    status, headers, body = ask(hub, f"/datasets/{ID}/resolve/main/a.txt", Range="bytes=2-4")
    assert (status, body, headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    assert headers["X-Repo-Commit"] == hub.head(repo)
    assert ask(hub, f"/datasets/{ID}/resolve/main/a.txt", Range="bytes=-3")[2] == b"789"
    status, headers, _ = ask(hub, f"/datasets/{ID}/resolve/main/a.txt", Range="bytes=10-")
    assert (status, headers["Content-Range"]) == (416, "bytes */10")

    status, headers, _ = ask(hub, f"/datasets/{ID}/resolve/main/a.png", "HEAD")
    assert (status, headers["X-Linked-Size"]) == (302, str(len(PNG)))
    assert headers["X-Linked-Etag"] == f'"{hashlib.sha256(PNG).hexdigest()}"'
    location = headers["Location"].removeprefix(hub.cdn_endpoint)
    assert ask(hub, location, cdn=True, Range="bytes=100-")[2] == PNG[100:]
    assert hub.requests[-1].range == "bytes=100-"
    assert hub.requests[-1].response_bytes == len(PNG) - 100
    status, headers, _ = ask(hub, f"/datasets/{ID}/resolve/main/missing", "HEAD")
    assert (status, headers["X-Error-Code"]) == (404, "EntryNotFound")
    assert headers["X-Repo-Commit"] == hub.head(repo)


def test_the_log_has_every_request_with_its_bytes(hub, api, repo):
    hub.commit(repo, {"a.png": PNG})
    hub.clear_log()
    ask(hub, f"/datasets/{ID}/resolve/main/.gitattributes?x=1", token=hub.token("user"))
    size = len(hub.files(repo)[".gitattributes"])
    (request,) = hub.requests
    assert (request.index, request.method, request.status) == (0, "GET", 200)
    assert (request.query, request.response_bytes, request.user) == ("x=1", size, "user")
    hub.clear_log()
    api.upload_file(path_or_fileobj=PNG[1:], path_in_repo="b.png", repo_id=repo, repo_type="dataset")
    (put,) = [request for request in hub.requests if request.cdn]
    assert (put.index, put.method, put.request_bytes) == (2, "PUT", len(PNG) - 1)
    assert not put.authorized  # the token stays with the Hub


def test_a_chunked_body_is_read(hub, repo):
    body = commit_lines(file_line("a.txt"))
    chunks = (body[i : i + 7] for i in range(0, len(body), 7))
    assert ask(hub, f"/api/datasets/{ID}/commit/main", "POST", chunks, hub.token("user"))[0] == 200
    assert hub.requests[-1].request_bytes == len(body)
    assert hub.files(repo)["a.txt"] == b"1"


def test_a_stopped_hub_comes_back_with_everything(hub, api, repo):
    endpoint = hub.endpoint
    hub.stop()
    with pytest.raises(OSError, match="refused"):
        ask(hub, "/api/whoami-v2")
    hub.start()
    assert hub.endpoint == endpoint
    assert api.dataset_info(repo).id == ID


def test_reset_forgets_all_but_the_default_users(hub, api, repo):
    hub.limits.page_size = 1
    hub.latency_seconds = 60
    hub.fault("status", times=None)
    other = hub.token("other")
    hub.reset()
    assert not hub.exists(ID)
    assert hub.limits.page_size == 1000
    assert hub.requests == []
    assert ask(hub, "/api/whoami-v2", token=hub.token("user"))[0] == 200
    assert ask(hub, "/api/whoami-v2", token=other)[0] == 401
    hub.create_repo(ID)
    assert hub.log(ID) == ["initial commit"]


def test_the_hub_needs_no_client_to_be_imported():
    script = "import sys, tests.hub; print(*sorted({'huggingface_hub', 'datasets'} & set(sys.modules)))"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


# Rules, without a server


@pytest.mark.parametrize(
    ("path", "size", "mode"),
    [
        ("data/a.parquet", 1, "lfs"),
        ("a.PNG", 1, "regular"),
        ("deep/clip.mp4", 1, "lfs"),
        ("saved_model/a/b", 1, "lfs"),
        ("x.tar.gz", 1, "lfs"),
        ("README.md", 10_000_000, "regular"),
        ("README.md", 10_000_001, "lfs"),
        ("a.png", 0, "regular"),
    ],
)
def test_upload_mode(path, size, mode):
    assert upload_mode(path, size, default_attributes("dataset")) == mode


@pytest.mark.parametrize(
    ("pattern", "path", "ignored"),
    [
        ("*.log", "a/b.log", True),
        ("/a.log", "b/a.log", False),
        ("build/", "build/x/y", True),
        ("build/", "build", False),
        ("a/**/z", "a/b/c/z", True),
        ("*.txt\n!keep.txt", "keep.txt", False),
        ("x/\n!x/keep", "x/keep", True),
        ("[ab]?.c", "a1.c", True),
        ("[!ab].c", "a.c", False),
        ("# a.c", "a.c", False),
    ],
)
def test_ignored(pattern, path, ignored):
    assert is_ignored(path, pattern) is ignored


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("bytes=0-", (0, 10)),
        ("bytes=3-5", (3, 6)),
        ("bytes=5-99", (5, 10)),
        ("bytes=-20", (0, 10)),
    ],
)
def test_parse_range(header, part):
    assert parse_range(header, 10) == part


@pytest.mark.parametrize("path", ["", "/a", "a//b", "a/../b", "./a", ".git", "a/.GIT/b", "a\\b", None])
def test_a_path_that_no_repo_may_hold(path):
    with pytest.raises(HubError):
        check_path(path)


# The datasets library

DATASETS_SCRIPT = """
import datasets, sys
from huggingface_hub import HfApi
rows = {"id": [f"q_{i}" for i in range(20)], "frame": [bytes([i]) * 5000 for i in range(20)]}
ds = datasets.Dataset.from_dict(rows)
ds.push_to_hub("user/pushed", split="test", private=True)
ds.select(range(5)).push_to_hub("user/pushed", config_name="other", data_dir="other", split="test")
ds.select(range(3)).push_to_hub("user/pushed", split="test", create_pr=True)
assert datasets.get_dataset_config_names("user/pushed") == ["default", "other"]
whole = datasets.load_dataset("user/pushed", split="test")
assert whole.to_dict() == rows
stream = datasets.load_dataset("user/pushed", "other", split="test", streaming=True)
assert [row["id"] for row in stream] == rows["id"][:5]
assert len(datasets.load_dataset("user/pushed", split="test", revision="refs/pr/1")) == 3
"""


def test_datasets_pushes_loads_and_streams(hub, tmp_path):
    environment = os.environ | {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(tmp_path / "home"),
        "HF_TOKEN": hub.token("user"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", DATASETS_SCRIPT], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert {request.status for request in hub.requests} <= {200, 206, 302, 404}
    assert {request.user for request in hub.requests if not request.cdn} == {"user"}
    assert {path.split("/")[0] for path in hub.files("user/pushed")} == {
        ".gitattributes",
        "README.md",
        "data",
        "other",
    }
