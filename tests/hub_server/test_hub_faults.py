"""Faults of the tests' Hub: each is what the real one does when something goes wrong, and can be set exactly."""

import http.client
import os
import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.hub_requests import ID, PNG, ask, commit_lines, file_line


def read_into(received, response):
    while block := response.read1(1 << 16):
        received += block


# Faults


def test_a_busy_hub_answers_409_as_often_as_it_is_told(hub, api, repo):
    from huggingface_hub.errors import HfHubHTTPError

    hub.fault("status", method="POST", path=r"/commit/", after=1, times=2, code=409, body="Another commit")
    codes = []
    for number in range(4):
        try:
            api.upload_file(
                path_or_fileobj=b"1", path_in_repo=f"{number}.txt", repo_id=repo, repo_type="dataset"
            )
            codes.append(200)
        except HfHubHTTPError as error:
            codes.append(error.response.status_code)
    assert codes == [200, 409, 409, 200]
    assert [r.status for r in hub.requests if "/commit/" in r.path] == codes
    assert set(hub.files(repo)) == {".gitattributes", "0.txt", "3.txt"}


def test_the_real_client_tries_a_listing_again(hub, api, repo, monkeypatch):
    from huggingface_hub.utils import _http

    monkeypatch.setattr(_http.time, "sleep", lambda seconds: None)
    hub.fault("status", path="/tree/", code=429, retry_after=0)
    assert api.list_repo_files(repo, repo_type="dataset") == [".gitattributes"]
    assert [request.status for request in hub.requests] == [429, 200]


def test_an_answer_can_be_made_up(hub):
    hub.fault("status", code=503, retry_after=7, error_code="Busy", headers={"X-More": "1"}, body=b"raw")
    status, headers, body = ask(hub, f"/api/datasets/{ID}")
    assert (status, headers["Retry-After"], headers["X-Error-Code"], headers["X-More"], body) == (
        503,
        "7",
        "Busy",
        "1",
        b"raw",
    )


def test_latency_holds_back_one_request_and_not_the_others(hub, repo):
    hub.fault("latency", path="slow", seconds=3600)
    errors = []

    def ask_slowly():
        try:
            ask(hub, "/slow")
        except OSError as error:
            errors.append(error)

    thread = threading.Thread(target=ask_slowly)
    thread.start()
    while not hub.requests:
        pass
    assert ask(hub, f"/api/datasets/{ID}")[0] == 200
    assert hub.requests[0].status is None
    hub.stop()  # does not wait for the hour to pass
    thread.join(timeout=10)
    assert len(errors) == 1


def test_latency_adds_up_with_other_faults(hub, repo):
    hub.latency_seconds = 0.01
    hub.fault("latency", seconds=0.01, times=None)
    hub.fault("status", code=500)
    assert ask(hub, f"/api/datasets/{ID}")[0] == 500
    assert ask(hub, f"/api/datasets/{ID}")[0] == 200
    assert [request.fault for request in hub.requests] == ["status", "latency"]


@pytest.mark.parametrize("path", ["a.txt", "a.png"])
def test_a_body_is_reset_after_exactly_n_bytes(hub, repo, path):
    data = os.urandom(1 << 20)
    hub.commit(repo, {path: data})
    location = urlsplit(ask(hub, f"/datasets/{ID}/resolve/main/{path}")[1].get("Location", ""))
    cdn = bool(location.path)
    target = f"{location.path}?{location.query}" if cdn else f"/datasets/{ID}/resolve/main/{path}"
    hub.fault("reset", path=path if not cdn else "/lfs/", after_bytes=700_001)
    connection = http.client.HTTPConnection(
        urlsplit(hub.cdn_endpoint if cdn else hub.endpoint).netloc, timeout=20
    )
    connection.request("GET", target)
    response = connection.getresponse()
    assert response.headers["Content-Length"] == str(len(data))
    received = bytearray()
    with pytest.raises(ConnectionResetError):
        read_into(received, response)
    connection.close()
    assert received == data[:700_001]
    assert hub.requests[-1].response_bytes == 700_001


def test_a_truncated_body_ends_without_a_reset(hub, repo):
    hub.commit(repo, {"a.txt": b"0123456789"})
    hub.fault("truncate", path="a.txt", after_bytes=4)
    with pytest.raises(http.client.IncompleteRead) as error:
        ask(hub, f"/datasets/{ID}/resolve/main/a.txt")
    assert (error.value.partial, error.value.expected) == (b"0123", 6)
    assert ask(hub, f"/datasets/{ID}/resolve/main/a.txt")[2] == b"0123456789"


def test_the_real_client_resumes_a_truncated_download(hub, api, repo, monkeypatch):
    from huggingface_hub import constants, file_download

    monkeypatch.setattr(file_download.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 10_000)  # it resumes after the last whole one
    data = os.urandom(100_000)
    hub.commit(repo, {"a.mp4": data})
    hub.fault("truncate", path="^/lfs/", after_bytes=30_000)
    assert Path(api.hf_hub_download(repo, "a.mp4", repo_type="dataset")).read_bytes() == data
    downloads = [request for request in hub.requests if request.cdn]
    assert [(request.range, request.response_bytes) for request in downloads] == [
        (None, 30_000),
        ("bytes=30000-", 70_000),
    ]


def commit_by_hand(hub):
    body = commit_lines(file_line("a.txt"))
    return ask(hub, f"/api/datasets/{ID}/commit/main", "POST", body, hub.token("user"))


@pytest.mark.parametrize(("kind", "carried_out"), [("reset", False), ("lost_answer", True)])
def test_a_lost_answer_was_carried_out_and_a_reset_request_was_not(hub, repo, kind, carried_out):
    hub.fault(kind, path="/commit/")
    with pytest.raises(ConnectionResetError):
        commit_by_hand(hub)
    assert ("a.txt" in hub.files(repo)) is carried_out
    assert hub.requests[-1].status == (200 if carried_out else None)
    assert hub.requests[-1].response_bytes == 0


def test_a_gateway_can_lose_patience_after_the_work_is_done(hub, repo):
    hub.fault("status", path="/commit/", code=504, carried_out=True)
    assert commit_by_hand(hub)[0] == 504
    assert "a.txt" in hub.files(repo)


def test_half_a_request_is_not_carried_out(hub, repo):
    body = commit_lines(file_line("a.txt"))
    head = f"POST /api/datasets/{ID}/commit/main HTTP/1.1\r\nAuthorization: Bearer {hub.token('user')}\r\n"
    head += f"Content-Length: {len(body) + 1}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", urlsplit(hub.endpoint).port), timeout=20) as connection:
        connection.sendall(head.encode() + body)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert "a.txt" not in hub.files(repo)
    assert hub.requests[-1].status is None


def test_an_upload_is_reset_after_n_bytes_and_nothing_is_kept(hub, api, repo, monkeypatch):
    from huggingface_hub.utils import _http

    monkeypatch.setattr(_http.time, "sleep", lambda seconds: None)
    hub.fault("reset_upload", method="PUT", after_bytes=5000)
    seen = []
    hub.on_request = lambda request: seen.append(set(hub.lfs_objects(repo))) if request.cdn else None
    api.upload_file(path_or_fileobj=PNG, path_in_repo="a.png", repo_id=repo, repo_type="dataset")
    puts = [request for request in hub.requests if request.cdn]
    assert [request.request_bytes for request in puts] == [5000, len(PNG)]
    assert seen == [set()]  # asked before the second one, and not at all in the first
    assert hub.files(repo)["a.png"] == PNG


def test_every_request_of_a_sequence_can_be_hit(hub, api, repo):
    def upload():
        hub.clear_log()
        api.upload_file(path_or_fileobj=b"1", path_in_repo="a.txt", repo_id=repo, repo_type="dataset")
        return len(hub.requests)

    total = upload()
    hub.commit(repo, {"a.txt": None})
    for k in range(total):
        hub.fault("status", at=k, code=418)
        with pytest.raises(Exception, match="418"):
            upload()
        assert [request.index for request in hub.requests if request.status == 418] == [k]
        assert "a.txt" not in hub.files(repo)
    assert upload() == total


def test_the_callback_sees_each_request_before_it_is_carried_out(hub, repo):
    heads = []
    hub.on_request = lambda request: heads.append((request.method, request.status, hub.head(repo)))
    before = hub.head(repo)
    commit_by_hand(hub)
    assert heads == [("POST", None, before)]
    assert hub.head(repo) != before


def test_a_fault_of_no_known_kind_is_refused(hub):
    with pytest.raises(ValueError, match="unknown kind"):
        hub.fault("meteor")
