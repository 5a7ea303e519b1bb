"""Large files come from Xet, from where an earlier try stopped; small ones are one request each."""

import random

import pytest

from tests.factories import tree, write
from tests.mirror_factories import ID, PARTIAL
from vmeval_hfds.api.mirror import hf_download, hf_upload
from vmeval_hfds.errors import HubError

LARGE = random.Random(1).randbytes(6_000_000)
SMALL = random.Random(2).randbytes(20_000)


@pytest.fixture
def mirror(hub, tmp_path, monkeypatch):
    """A folder on the Hub with one file that counts as large."""
    monkeypatch.setattr("vmeval_hfds.hub.xet.LARGE_BYTES", 100_000)
    write(tmp_path / "folder/large.mp4", LARGE)
    write(tmp_path / "folder/small.mp4", SMALL)
    hf_upload(tmp_path / "folder", ID)
    hub.clear_log()
    return tmp_path / "folder"


def asked(hub, *parts):
    return [one for one in hub.requests if any(part in one.path for part in parts)]


def staged(target):
    return [path for path in (target / PARTIAL).iterdir() if path.stat().st_size]


@pytest.mark.parametrize("transfer", ["xet"], indirect=True)
def test_a_large_file_comes_from_xet_and_a_small_one_with_one_request(hub, mirror, tmp_path):
    assert tree(hf_download(ID, tmp_path / "target")) == tree(mirror)
    assert len(asked(hub, "/reconstructions/")) >= 1
    assert [one.path.rpartition("/")[2] for one in asked(hub, "/resolve/")] == ["small.mp4"]
    assert len(asked(hub, "/xet-read-token/")) == 1


@pytest.mark.parametrize("transfer", ["lfs"], indirect=True)
def test_where_xet_is_switched_off_all_comes_over_http(hub, mirror, tmp_path):
    assert tree(hf_download(ID, tmp_path / "target")) == tree(mirror)
    assert not asked(hub, "/cas/", "/xet-read-token/")
    assert len(asked(hub, "/resolve/")) == 2


@pytest.mark.parametrize("transfer", ["xet"], indirect=True)
def test_what_is_there_of_a_large_file_is_not_fetched_again(hub, mirror, tmp_path):
    hub.fault("status", path="/reconstructions/", code=404, times=None)
    with pytest.raises(HubError):
        hf_download(ID, tmp_path / "target")
    hub.clear_faults()
    (small,) = staged(tmp_path / "target")
    (large,) = [path for path in (tmp_path / "target" / PARTIAL).iterdir() if path != small]
    large.write_bytes(LARGE[:5_000_000])
    hub.clear_log()
    assert tree(hf_download(ID, tmp_path / "target")) == tree(mirror)
    assert sum(one.response_bytes for one in asked(hub, "/xorb/")) < 1_300_000


@pytest.mark.parametrize("transfer", ["xet"], indirect=True)
def test_a_damaged_part_is_fetched_again_from_the_start(hub, mirror, tmp_path):
    hub.fault("status", path="/reconstructions/", code=404, times=None)
    with pytest.raises(HubError):
        hf_download(ID, tmp_path / "target")
    hub.clear_faults()
    for path in (tmp_path / "target" / PARTIAL).iterdir():
        if not path.stat().st_size:
            path.write_bytes(b"?" * 5_000_000)
    assert tree(hf_download(ID, tmp_path / "target")) == tree(mirror)


@pytest.mark.parametrize("transfer", ["xet"], indirect=True)
@pytest.mark.parametrize(
    ("fault", "path"),
    [
        ({"kind": "status", "code": 503}, "/xet-read-token/"),
        ({"kind": "reset"}, "/xet-read-token/"),
        ({"kind": "status", "code": 503}, "/reconstructions/"),
        ({"kind": "lost_answer"}, "/reconstructions/"),
        ({"kind": "status", "code": 403}, "/xorb/"),
        ({"kind": "status", "code": 500}, "/xorb/"),
        ({"kind": "reset", "after_bytes": 1_000_000}, "/xorb/"),
        ({"kind": "truncate", "after_bytes": 1_000_000}, "/xorb/"),
    ],
)
def test_a_fault_of_the_store_is_got_over(hub, mirror, tmp_path, fault, path):
    hub.fault(path=path, **fault)
    assert tree(hf_download(ID, tmp_path / "target")) == tree(mirror)


@pytest.mark.parametrize("transfer", ["xet"], indirect=True)
@pytest.mark.parametrize("path", ["/xet-read-token/", "/reconstructions/", "/xorb/"])
def test_a_store_that_stays_away_is_said_and_the_target_is_untouched(hub, mirror, tmp_path, path):
    hub.fault("status", path=path, code=503, times=None)
    with pytest.raises(HubError, match=r"large\.mp4") as caught:
        hf_download(ID, tmp_path / "target")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "target/small.mp4").exists()
    hub.clear_faults()
    assert tree(hf_download(ID, tmp_path / "target")) == tree(mirror)
