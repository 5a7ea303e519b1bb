"""What is read where Xet, the Hub's store, fails: the sentence that plain HTTP has for the same, and no token in it."""

import errno
import random

import pytest

from tests.factories import png, write
from vmeval_hfds import hf_upload
from vmeval_hfds.cli.main import main
from vmeval_hfds.errors import (
    HubAccessError,
    HubError,
    HubFullError,
    HubNotFoundError,
    HubRateLimitError,
    HubUnreachableError,
)
from vmeval_hfds.hub.repo import HubRepo
from vmeval_hfds.hub.transfer import fetch
from vmeval_hfds.hub.xet_errors import StoreError, store_failure

REPO = "user/mirror"
TOKEN = "/xet-write-token/"


def write_picture(folder):
    write(folder / "frame.png", png("a", (40, 30)))
    return folder


pytestmark = [
    pytest.mark.folder("mirror", write_picture),
    pytest.mark.parametrize("transfer", ["xet"], indirect=True),
]


@pytest.fixture
def repo(hub):
    hub.create_repo(REPO)
    return REPO


def failure(folder):
    """What an upload ends with."""
    with pytest.raises(HubError) as caught:
        hf_upload(folder, REPO)
    return caught.value


def uploads(hub):
    """How often a token was asked for, by hf_xet and by us."""
    return sum(TOKEN in one.path for one in hub.requests)


ANSWERS = {
    "bad token": (
        TOKEN,
        401,
        "",
        HubAccessError,
        "the Hub does not accept the token: set HF_TOKEN, or run hf auth login",
    ),
    "may not write": (
        TOKEN,
        403,
        "No rights",
        HubAccessError,
        "this token may not do that (No rights); use one that may",
    ),
    "full": (
        TOKEN,
        403,
        "Public repository storage limit reached",
        HubFullError,
        "the account's storage is full (Public",
    ),
    "store denies": (
        "/xorbs/",
        403,
        "",
        HubAccessError,
        "this token may not do that in the Hub's store (403), or the acc",
    ),
    "store's token": (
        "/xorbs/",
        401,
        "",
        HubAccessError,
        "this token may not do that in the Hub's store (401), or the",
    ),
    "store is full": (
        "/shards",
        507,
        "",
        HubFullError,
        "the account's storage is full (507); free some, or use another",
    ),
    "too large": ("/xorbs/", 413, "", HubFullError, "the account's storage is full (413)"),
    "unknown": (
        "/shards",
        404,
        "",
        HubNotFoundError,
        "a file is not there (the Hub's store does not know it)",
    ),
    "damaged": ("/shards", 400, "", HubError, "the Hub's store refused what was sent (400); run again"),
    "store away": (
        "/xorbs/",
        503,
        "",
        HubUnreachableError,
        "the Hub's store answers with status 503; try again later",
    ),
    "store limits": (
        "/xorbs/",
        429,
        "",
        HubRateLimitError,
        "limit is reached, and it does not say for how long; try",
    ),
    "token away": (
        TOKEN,
        502,
        "",
        HubUnreachableError,
        "the Hub's store answers with status 502; try again later",
    ),
}


@pytest.mark.parametrize(("path", "code", "body", "kind", "words"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_of_the_store_is_one_sentence(hub, repo, folder, path, code, body, kind, words):
    before = hub.head(REPO)
    hub.fault("status", path=path, code=code, body=body, times=None)
    error = failure(folder)
    assert type(error) is kind
    assert words in str(error)
    assert str(error).startswith(f"{REPO}: ")
    assert "\n" not in str(error)
    assert hub.token("user") not in str(error)
    assert hub.head(REPO) == before


@pytest.mark.parametrize("code", [401, 403])
def test_who_has_no_right_is_not_tried_five_times(hub, repo, folder, code):
    hub.fault("status", path=TOKEN, code=code, times=None)
    failure(folder)
    assert uploads(hub) == 2  # hf_xet's request, and ours for the words
    hub.clear_faults()
    hub.clear_log()
    hub.fault("status", path="/xorbs/", code=code, times=None)
    failure(folder)
    assert sum("/xorbs/" in one.path for one in hub.requests) == 1


def test_a_token_that_only_reads_is_told_so_with_the_hubs_words(hub, repo, folder, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", hub.token("user", role="read"))
    error = failure(folder)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    assert (type(error), str(error)) == (HubAccessError, str(failure(folder)))


def test_a_full_account_is_told_as_over_plain_http(hub, repo, folder, monkeypatch):
    hub.commit(REPO, {"large.bin": b"x" * 2000})
    hub.limits.storage_limit = 1000
    error = failure(folder)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    assert (type(error), str(error)) == (HubFullError, str(failure(folder)))


def test_a_rate_limit_of_the_token_address_is_waited_out_and_told(hub, repo, folder):
    hub.rates.allow("api", 3, 55)
    hf_upload(folder, REPO)
    assert hub.rates.now >= 55
    write(folder / "other.png", png("b", (40, 30)))
    headers = {"RateLimit": '"api";r=0;t=900'}
    hub.fault("status", path=TOKEN, code=429, headers=headers, times=None)
    hub.rates.clear()
    error = failure(folder)
    assert (type(error), error.seconds) == (HubRateLimitError, 900)


def test_a_transfer_that_is_cut_is_tried_again_and_then_said(hub, repo, folder):
    hub.fault("reset_upload", path="/xorbs/", after_bytes=20, times=7)
    hf_upload(folder, REPO)
    write(folder / "other.png", png("b", (40, 30)))
    hub.fault("reset_upload", path="/xorbs/", after_bytes=20, times=None)
    error = failure(folder)
    assert isinstance(error, HubUnreachableError)
    assert "the Hub's store cannot be reached (" in str(error)


def test_damaged_parts_of_a_file_are_told_as_such(hub, repo):
    hub.commit(REPO, {"a.bin": random.Random(0).randbytes(200_000)})
    hub.fault("status", path="/xorb/", code=206, body=b"damaged" * 30_000, times=None)
    with pytest.raises(HubUnreachableError, match=r"from the Hub's store.* damaged \(.*\); run again"):
        fetch(HubRepo(REPO), "a.bin", hub.head(REPO))


def test_the_command_line_shows_no_traceback_and_no_token(hub, repo, folder, capsys):
    hub.fault("status", path="/xorbs/", code=403, times=None)
    assert main(["upload", str(folder), REPO]) == 1
    err = capsys.readouterr().err
    assert err.splitlines()[-1].startswith(
        f"Error: {REPO}: this token may not do that in the Hub's store (403)"
    )
    assert "Traceback" not in err
    assert hub.token("user") not in err


def test_a_full_disk_has_its_number_again(hub, transfer):
    told = store_failure(OSError("I/O error: No space left on device (os error 28)"))
    assert (type(told), told.errno) == (OSError, errno.ENOSPC)
    assert store_failure(OSError(errno.ENOSPC, "No space left on device")) is None
    assert store_failure(OSError("Consistency check failed")) is None
    assert store_failure(RuntimeError("not of hf_xet")) is None


def test_a_signature_is_not_repeated(hub, transfer):
    error = StoreError("error sending request for url (https://cas.example/xorb/1?sig=secret&x=1)")
    assert "secret" not in str(error)
    assert "cas.example/xorb/1" in str(error)


def test_the_token_is_sent_to_nobody_but_the_hub(hub, transfer):
    other = StoreError(
        "HTTP status client error (403 Forbidden), domain: https://evil.example/api/xet-read-token/x"
    )
    assert other.token_address == "https://evil.example/api/xet-read-token/x"

    def fail():
        raise other

    with pytest.raises(HubAccessError, match="in the Hub's store"):
        HubRepo(REPO).call(fail)
    assert hub.requests == []
