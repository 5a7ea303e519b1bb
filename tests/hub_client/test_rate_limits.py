"""Where the Hub limits the rate of requests: waited for where that is minutes, visibly; else told with the wait."""

import re

import pytest

from tests.factories import png, tree, write, write_question
from vmeval_hfds import export, hf_download, hf_upload, push_to_hub
from vmeval_hfds.cli.main import main
from vmeval_hfds.errors import HubRateLimitError
from vmeval_hfds.hub.repo import HubRepo
from vmeval_hfds.hub.transfer import fetch
from vmeval_hfds.store.repository import open_repo

REPO = "user/questions"


@pytest.fixture
def folder(tmp_path):
    write_question(tmp_path / "questions", "maze", "maze_0000")
    return tmp_path / "questions"


@pytest.fixture
def many(tmp_path):
    """60 domains, with frames that differ."""
    for number in range(60):
        name = f"domain{number:02d}"
        first, final = png(name, (16, 12)), png(f"{name} solved", (16, 12))
        write_question(tmp_path / "many", name, f"{name}_0000", first_frame=first, final_frame=final)
    return tmp_path / "many"


def refused(hub):
    return [one for one in hub.requests if one.status == 429]


def sent(hub):
    """The large files that arrived, each as often as it did."""
    return [one.path for one in hub.requests if one.method == "PUT" and one.status == 200]


@pytest.mark.both_transfers
@pytest.mark.parametrize(("requests", "states_retry_after"), [(100, True), (9, False), (9, True)])
def test_sixty_domains_are_pushed_under_so_few_requests_in_five_seconds(
    hub, many, tmp_path, requests, states_retry_after
):
    hub.rates.allow("api", requests, 5)
    hub.rates.allow("resolvers", requests, 5)
    hub.rates.states_retry_after = states_retry_after
    push_to_hub(many, REPO)
    assert bool(refused(hub)) == (requests == 9)
    hub.rates.allow("resolvers", 20, 5)
    export(open_repo(REPO), tmp_path / "exported")
    assert tree(tmp_path / "exported") == tree(many)
    assert refused(hub)
    assert len(hub.log(REPO)) == 2
    assert len(sent(hub)) == len(set(sent(hub)))
    assert hub.rates.now >= 5


@pytest.mark.parametrize("requests", [8, 11])
def test_an_upload_and_a_download_go_on_where_they_were(hub, many, tmp_path, requests):
    hub.rates.allow("api", requests, 300)
    hub.rates.allow("resolvers", requests, 300)
    hf_upload(many / "domain00_task", REPO)
    assert len(sent(hub)) == len(set(sent(hub))) == 2
    for number in range(1, 4):
        hf_upload(many / f"domain{number:02d}_task", REPO, path_in_repo=f"domain{number:02d}")
    hf_download(REPO, tmp_path / "back")
    assert tree(tmp_path / "back" / "domain03") == tree(many / "domain03_task")
    assert refused(hub)


CALLS = {
    "push": lambda folder, **more: push_to_hub(folder, REPO, **more),
    "upload": lambda folder, **more: hf_upload(folder, REPO, **more),
    "download": lambda folder, **more: hf_download(REPO, folder.parent / "back", **more),
    "open": lambda folder, **more: open_repo(REPO, **more),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_window_of_ten_minutes_or_more_is_told_and_not_waited_for(hub, folder, call):
    push_to_hub(folder, REPO)
    hub.rates.allow("api", 1000, 900, used=1000)
    with pytest.raises(
        HubRateLimitError, match=r"reached \(1,000 API requests in 15 minutes\); try again in 15 minutes"
    ) as caught:
        call(folder)
    assert caught.value.seconds == 900
    assert (len(refused(hub)), hub.rates.now) == (1, 0)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_who_does_not_want_to_wait_is_told_at_once_how_long_it_is(hub, folder, call):
    push_to_hub(folder, REPO)
    hub.rates.allow("api", 1000, 55, used=1000)
    with pytest.raises(HubRateLimitError, match="try again in 55 seconds") as caught:
        call(folder, wait=False)
    assert caught.value.seconds == 55
    assert (len(refused(hub)), hub.rates.now) == (1, 0)


def test_files_have_a_limit_of_their_own(hub, folder, tmp_path):
    hf_upload(folder, REPO)
    hub.rates.allow("resolvers", 5000, 900, used=5000)
    with pytest.raises(HubRateLimitError, match="5,000 requests for files in 15 minutes") as caught:
        hf_download(REPO, tmp_path / "back")
    assert caught.value.seconds == 900
    with pytest.raises(HubRateLimitError, match="try again in 15 minutes"):
        fetch(HubRepo(REPO), "maze_task/maze_0000/prompt.txt", hub.head(REPO))
    assert hub.rates.now == 0


def test_a_listing_that_is_limited_is_not_awaited_by_the_client_unseen(hub, folder):
    hf_upload(folder, REPO)
    hub.rates.allow("api", 1, 400)
    repo = HubRepo(REPO, wait=False)
    repo.head()
    with pytest.raises(HubRateLimitError, match="7 minutes"):
        repo.files("main")
    assert hub.rates.now == 0


def test_the_hubs_limit_on_commits_is_read_from_its_words(hub, folder, caplog):
    hub.create_repo(REPO)
    hub.rates.allow("api", 1000, 300)
    hub.rates.allow_commits(0)
    hub.rates.pass_time(1)
    with pytest.raises(
        HubRateLimitError, match=r"\(0 repository commits per hour\); try again in 60 minutes"
    ) as caught:
        push_to_hub(folder, REPO)
    assert caught.value.seconds == 3600
    assert caplog.messages == []
    hub.rates.pass_time(3600 - 7 * 60)
    hub.on_request = lambda request: hub.rates.allow_commits(128) if hub.rates.now > 3600 else None
    push_to_hub(folder, REPO)
    assert caplog.messages == [
        "The Hub's limit is reached (0 repository commits per hour); going on in 8 minutes."
    ]
    assert len(hub.log(REPO)) == 2


def test_a_limit_without_a_time_is_tried_for_a_while_and_then_told_so(hub, folder):
    hub.create_repo(REPO)
    hub.fault("status", code=429, path="/refs$|/revision/|/commit/", times=None, body="Slow down")
    with pytest.raises(HubRateLimitError, match="does not say for how long; try again in some minutes"):
        push_to_hub(folder, REPO)
    assert 3 <= len(refused(hub)) <= 10


def test_what_is_awaited_is_one_line_on_stderr(hub, folder, tmp_path, capsys):
    push_to_hub(folder, REPO)
    hub.rates.allow("api", 1, 55)
    assert main(["download", REPO, str(tmp_path / "back"), "--format", "json"]) == 0
    err = capsys.readouterr().err
    line = "The Hub's limit is reached (1 API requests in 55 seconds); going on in 56 seconds."
    assert set(err.splitlines()) == {line}


@pytest.mark.parametrize(
    "arguments",
    [
        ["push", "questions", REPO],
        ["upload", "questions", REPO],
        ["download", REPO, "back"],
        ["export", REPO, "back"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_every_command_can_be_told_not_to_wait(hub, folder, tmp_path, capsys, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    push_to_hub(folder, REPO)
    hub.rates.allow("api", 1000, 55, used=1000)
    assert main([*arguments, "--no-wait"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert re.search(
        r"^Error: user/questions: the Hub's limit is reached .*; try again in 55 seconds$", err, re.M
    )
    assert not (tmp_path / "back").exists()


def test_others_who_use_the_client_in_this_process_are_left_alone(hub, folder):
    from huggingface_hub import HfApi

    hf_upload(folder, REPO)
    hub.rates.allow("api", 1000, 55, used=1000)
    assert HfApi(endpoint=hub.endpoint, token=hub.token("user")).list_repo_files(REPO, repo_type="dataset")
    assert hub.rates.now == 56


def test_files_that_went_in_an_earlier_batch_are_not_asked_about_again(hub, tmp_path):
    for number in range(600):
        write(tmp_path / "notes" / f"{number:03d}.txt", f"Note {number}.")
    hub.create_repo(REPO)
    hub.rates.allow("api", 5, 300)
    hf_upload(tmp_path / "notes", REPO)
    answered = [one for one in hub.requests if "/preupload/" in one.path and one.status == 200]
    assert len(answered) == 3
    assert refused(hub)
