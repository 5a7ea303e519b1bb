"""The tests' own Hub and its Xet store, as the real huggingface_hub and hf_xet see them."""

import json
import random
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.hub.cas_formats import make_xorb, parse_xorb

ID = "user/questions"
pytestmark = pytest.mark.parametrize("transfer", ["xet"], indirect=True)


@pytest.fixture
def api(hub):
    from huggingface_hub import HfApi

    hub.create_repo(ID)
    hub.clear_log()
    return HfApi(endpoint=hub.endpoint, token=hub.token("user"))


def content(size, seed=0):
    return random.Random(seed).randbytes(size)


def put(api, files):
    from huggingface_hub import CommitOperationAdd

    operations = [CommitOperationAdd(path, data) for path, data in files.items()]
    return api.create_commit(ID, operations, commit_message="put", repo_type="dataset")


def get(api, path, cache):
    """The content that the client downloads."""
    return Path(api.hf_hub_download(ID, path, repo_type="dataset", cache_dir=cache)).read_bytes()


def asked(hub, *parts):
    return [one for one in hub.requests if any(part in one.path for part in parts)]


def sent_bytes(hub):
    return sum(one.request_bytes for one in asked(hub, "/xorbs/"))


@pytest.fixture
def ask(hub):
    """Ask the store for something with a token of it."""

    def ask(method, path, kind="read", token=None, headers=(), body=None):
        route = f"{hub.endpoint}/api/datasets/{ID}/xet-{kind}-token/main"
        request = urllib.request.Request(
            route, headers={"Authorization": f"Bearer {token or hub.token('user')}"}
        )
        with urllib.request.urlopen(request) as answer:
            access = json.load(answer)
        request = urllib.request.Request(
            access["casUrl"] + path,
            body,
            {"Authorization": f"Bearer {access['accessToken']}", **dict(headers)},
            method=method,
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    return ask


def test_large_files_go_to_the_store_and_come_back(hub, api, tmp_path):
    files = {"a.bin": content(700_000), "few.bin": content(9, 1), "text.txt": b"text", "none.bin": b""}
    put(api, files)
    assert not asked(hub, "/info/lfs/")
    assert len(asked(hub, "/xet-write-token/")) == 1
    assert hub.files(ID).items() >= files.items()
    hub.clear_log()
    for path, data in files.items():
        assert get(api, path, tmp_path) == data
    assert len(asked(hub, "/reconstructions/")) == 2
    assert not asked(hub, "/lfs/")


def test_a_client_without_xet_gets_the_same_files(hub, api, tmp_path, monkeypatch):
    from huggingface_hub import constants

    put(api, {"a.bin": content(300_000)})
    hub.clear_log()
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    assert get(api, "a.bin", tmp_path) == content(300_000)
    assert not asked(hub, "/cas/")
    assert len(asked(hub, "/lfs/")) == 1


def test_what_came_without_xet_is_in_the_store_as_well(hub, api, tmp_path):
    hub.commit(ID, {"a.bin": content(300_000)})
    assert get(api, "a.bin", tmp_path) == content(300_000)
    assert len(asked(hub, "/reconstructions/")) == 1


def test_what_the_store_has_is_not_sent_again(hub, api):
    put(api, {"a.bin": content(700_000)})
    first = sent_bytes(hub)
    put(api, {"b.bin": content(700_000), "c.bin": content(300_000, 1) + content(700_000)})
    assert 700_000 <= first <= 705_000
    assert 300_000 <= sent_bytes(hub) - first <= 600_000  # the chunks at the seam are new
    assert hub.files(ID)["c.bin"] == content(300_000, 1) + content(700_000)


def test_an_emptied_store_has_another_address_so_that_clients_send_again(hub, api):
    put(api, {"a.bin": content(700_000)})
    hub.reset()
    hub.create_repo(ID)
    from huggingface_hub.utils import _xet

    _xet.XET_CONNECTION_INFO_CACHE.clear()
    put(api, {"a.bin": content(700_000)})
    assert sent_bytes(hub) >= 700_000
    assert hub.files(ID)["a.bin"] == content(700_000)


def test_a_listing_names_the_file_in_the_store(hub, api):
    put(api, {"a.bin": content(300_000), "text.txt": b"text"})
    names = {one.path: one.xet_hash for one in api.list_repo_tree(ID, repo_type="dataset")}
    assert len(names["a.bin"]) == 64
    assert names["text.txt"] is None


def test_a_file_whose_shard_did_not_arrive_is_refused_at_the_commit(hub, api):
    from huggingface_hub.errors import HfHubHTTPError

    hub.fault("status", path="/v2/shards", code=200, times=None, body=b'{"type":"result","result":1}\n')
    with pytest.raises(HfHubHTTPError, match="was not uploaded"):
        put(api, {"a.bin": content(300_000)})
    assert "a.bin" not in hub.files(ID)


def test_a_shard_whose_chunks_did_not_arrive_is_refused(hub, api):
    hub.fault("status", path="/xorbs/", code=200, times=None, body=b'{"was_inserted":true}')
    with pytest.raises((ConnectionError, RuntimeError)):
        put(api, {"a.bin": content(300_000)})
    assert hub.lfs_objects(ID) == set()


@pytest.mark.parametrize("role", ["read", "stranger"])
def test_who_may_not_write_gets_no_token_to_write(hub, api, role):
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    token = hub.token("user", role="read") if role == "read" else hub.token("stranger")
    with pytest.raises((HfHubHTTPError, ConnectionError, PermissionError)) as caught:
        put(HfApi(endpoint=hub.endpoint, token=token), {"a.bin": content(300_000)})
    assert "403" in str(caught.value)
    assert not asked(hub, "/cas/")


def test_a_token_to_read_does_not_write(hub, api, ask):
    xorb = make_xorb([b"content"])
    assert ask("POST", f"/v1/xorbs/default/{'0' * 64}", "read", body=xorb)[0] == 403
    assert ask("POST", f"/v1/xorbs/default/{'0' * 64}", "write", body=xorb)[0] == 200
    assert ask("POST", f"/v1/xorbs/default/{'1' * 64}", "write", body=xorb[:-1])[0] == 400


def test_a_token_that_has_expired_is_refused(hub, api, ask):
    hub.limits.xet_token_seconds = -1
    assert ask("GET", f"/v2/reconstructions/{'0' * 64}")[0] == 401


def test_a_file_of_another_repo_is_not_told(hub, api, ask):
    hub.create_repo("stranger/private", private=True)
    hub.commit("stranger/private", {"a.bin": content(300_000)})
    from huggingface_hub import HfApi

    stranger = HfApi(endpoint=hub.endpoint, token=hub.token("stranger"))
    listing = stranger.list_repo_tree("stranger/private", repo_type="dataset")
    (name,) = [one.xet_hash for one in listing if one.path == "a.bin"]
    assert ask("GET", f"/v2/reconstructions/{name}")[0] == 404


def test_a_full_account_is_told_so_at_the_shard_at_the_latest(hub, api):
    hub.limits.storage_limit = 100_000
    with pytest.raises((ConnectionError, PermissionError, RuntimeError), match="403"):
        put(api, {"a.bin": content(300_000)})
    assert hub.lfs_objects(ID) == set()


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("span", [(0, 0), (0, 299_999), (70_000, 140_000), (299_999, 400_000)])
def test_a_part_of_a_file_is_told_by_the_chunks_that_hold_it(hub, api, ask, span, version):
    data = content(300_000)
    hub.commit(ID, {"a.bin": data})
    (name,) = [one.xet_hash for one in api.list_repo_tree(ID, repo_type="dataset") if one.path == "a.bin"]
    header = {"Range": f"bytes={span[0]}-{span[1]}"}
    status, body = ask("GET", f"/v{version}/reconstructions/{name}", headers=header)
    plan = json.loads(body)
    found = b""
    for term in plan["terms"]:
        if version == 2:
            (entry,) = plan["xorbs"][term["hash"]]
            url, (ranges,) = entry["url"], entry["ranges"]
            start, end = ranges["bytes"]["start"], ranges["bytes"]["end"]
        else:
            (entry,) = plan["fetch_info"][term["hash"]]
            url, start, end = entry["url"], entry["url_range"]["start"], entry["url_range"]["end"]
        request = urllib.request.Request(url, headers={"Range": f"bytes={start}-{end}"})
        with urllib.request.urlopen(request) as answer:
            stored = answer.read()
        xorb = parse_xorb(stored)
        found += b"".join(xorb.content(stored, 0, len(xorb.sizes)))
    skip, wanted = plan["offset_into_first_range"], data[span[0] : span[1] + 1]
    assert status == 200
    assert found[skip : skip + len(wanted)] == wanted
    assert len(found) <= len(wanted) + 2 * 65536


def test_a_part_past_the_end_is_not_there(hub, api, ask):
    hub.commit(ID, {"a.bin": content(3_000)})
    (name,) = [one.xet_hash for one in api.list_repo_tree(ID, repo_type="dataset") if one.path == "a.bin"]
    header = {"Range": "bytes=3000-4000"}
    assert ask("GET", f"/v2/reconstructions/{name}", headers=header)[0] == 416
    assert ask("GET", f"/v2/reconstructions/{'0' * 64}")[0] == 404


@pytest.mark.parametrize(
    ("fault", "path"),
    [
        ({"kind": "status", "code": 503}, "/xorbs/"),
        ({"kind": "reset_upload", "after_bytes": 100_000}, "/xorbs/"),
        ({"kind": "lost_answer"}, "/xorbs/"),
        ({"kind": "status", "code": 500}, "/shards"),
        ({"kind": "lost_answer"}, "/shards"),
        ({"kind": "status", "code": 503}, "xet-write-token"),
    ],
)
def test_the_real_client_gets_over_a_fault_of_an_upload(hub, api, fault, path):
    hub.fault(path=path, **fault)
    put(api, {"a.bin": content(300_000)})
    assert hub.files(ID)["a.bin"] == content(300_000)


@pytest.mark.parametrize(
    ("fault", "path"),
    [
        ({"kind": "status", "code": 503}, "/reconstructions/"),
        ({"kind": "status", "code": 403}, "/xorb/"),
        ({"kind": "reset", "after_bytes": 100_000}, "/xorb/"),
        ({"kind": "truncate", "after_bytes": 100_000}, "/xorb/"),
        ({"kind": "status", "code": 503}, "xet-read-token"),
    ],
)
def test_the_real_client_gets_over_a_fault_of_a_download(hub, api, fault, path, tmp_path):
    put(api, {"a.bin": content(300_000)})
    hub.fault(path=path, **fault)
    assert get(api, "a.bin", tmp_path) == content(300_000)


def test_a_file_of_chunks_from_all_over_comes_back(hub, api, tmp_path):
    put(api, {"a.bin": content(3_000_000)})
    pieces = [content(3_000_000)[start : start + 400_000] for start in (2_000_000, 100_000, 1_000_000)]
    put(api, {"b.bin": b"".join(pieces)})
    assert get(api, "b.bin", tmp_path) == b"".join(pieces)
