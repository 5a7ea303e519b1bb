"""What a push costs: requests, commits and bytes, counted by the Hub's log."""

import os
import signal
import subprocess
import sys
import tempfile

import pytest

from tests.factories import png, run_python, tree, write, write_question
from vmeval_hfds import export, push_to_hub
from vmeval_hfds.store.repository import open_repo
from vmeval_hfds.table import plan

REPO = "user/many"
pytestmark = pytest.mark.both_transfers
DOMAINS, PER_DOMAIN = 50, 4


@pytest.fixture
def many(tmp_path):
    """A folder of 50 domains, with frames that differ."""
    folder = tmp_path / "many"
    for domain in range(DOMAINS):
        for number in range(PER_DOMAIN):
            frame = png(f"{domain} {number}", (16, 12))
            name = f"domain{domain:02d}"
            write_question(folder, name, f"{name}_{number:04d}", first_frame=frame, final_frame=frame)
    return folder


def api_requests(hub):
    """All requests but those that transfer large files (LFS batch and verify, the CDN, the Xet store)."""
    return [one for one in hub.requests if "/info/lfs/" not in one.path and not one.cdn]


def test_fifty_domains_are_a_handful_of_requests_and_one_commit(hub, many, tmp_path, transfer):
    push_to_hub(many, REPO)
    # One for each batch of shards is for a token of the Xet store.
    assert len(api_requests(hub)) <= (12 if transfer == "xet" else 10), [
        one.path for one in api_requests(hub)
    ]
    assert len(hub.log(REPO, "main")) == 2
    assert list(hub.branches(REPO)) == ["main"]
    export(open_repo(REPO), tmp_path / "exported")
    assert tree(tmp_path / "exported") == tree(many)


def test_pushed_again_nothing_is_sent_and_no_commit_made(hub, many):
    push_to_hub(many, REPO)
    hub.clear_log()
    assert not push_to_hub(many, REPO).changed
    assert len(api_requests(hub)) <= 8, [one.path for one in hub.requests]
    assert hub.sent == []
    assert len(hub.log(REPO, "main")) == 2


def test_pushed_again_from_a_new_machine_nothing_is_sent(hub, many, tmp_path):
    push_to_hub(many, REPO)
    hub.clear_log()
    code = "import sys; from vmeval_hfds import push_to_hub; push_to_hub(*sys.argv[1:])"
    assert run_python(code, many, REPO, HF_HOME=str(tmp_path / "home")).returncode == 0
    assert hub.sent == []
    assert len(hub.log(REPO, "main")) == 2


def test_a_change_in_one_domain_sends_that_shard_and_the_list(hub, many):
    push_to_hub(many, REPO)
    before = hub.files(REPO)
    hub.clear_log()
    for number in range(PER_DOMAIN):
        write(many / f"domain07_task/domain07_{number:04d}/prompt.txt", f"Another prompt {number}.")
    result = push_to_hub(many, REPO)
    assert result.changes.changed == {"domain07": PER_DOMAIN}
    after = hub.files(REPO)
    changed = {path for path in after if path.endswith(".parquet") and before.get(path) != after[path]}
    assert {path.rpartition("/")[0] for path in changed} == {"data/domain07", "files"}
    assert 1 <= len(hub.sent) <= 2


def test_a_push_that_was_killed_sends_no_byte_again(hub, tmp_path):
    folder = tmp_path / "folder"
    for number in range(6):
        frame = png(str(number), (40, 30))
        write_question(folder, f"domain{number}", f"q{number}", first_frame=frame, final_frame=frame)

    environment = {**os.environ, "HF_TOKEN": hub.token("user")}
    process = subprocess.Popen(
        [sys.executable, "-m", "vmeval_hfds", "push", "--path", str(folder), "--repo-id", REPO],
        env=environment,
    )

    def kill(request):
        # The card is looked at when all shards were sent, before the commit.
        if request.path.endswith("/validate-yaml"):
            process.send_signal(signal.SIGKILL)

    hub.on_request = kill
    process.communicate(timeout=120)
    hub.on_request = None
    assert process.returncode == -signal.SIGKILL
    before = {one.path for one in hub.sent}
    assert len(hub.lfs_objects(REPO)) >= 7
    hub.clear_log()
    assert push_to_hub(folder, REPO).changed
    assert not [one for one in hub.sent if one.path in before]
    assert len(hub.sent) <= 1


def test_shards_leave_the_disk_when_they_were_sent(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "SHARD_BYTES", 20_000)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (tmp_path / "tmp").mkdir()
    folder = tmp_path / "folder"
    for number in range(60):
        frame = png(str(number), (60, 40))
        write_question(folder, "maze", f"maze_{number:04d}", first_frame=frame, final_frame=frame)
    most = 0

    def look(request):
        nonlocal most
        files = list((tmp_path / "tmp").rglob("*.parquet"))
        most = max(most, sum(path.stat().st_size for path in files if path.exists()))

    hub.on_request = look
    push_to_hub(folder, REPO, num_proc=1)
    whole = sum(len(content) for path, content in hub.files(REPO).items() if path.startswith("data/"))
    assert 0 < most < whole / 2
    assert list((tmp_path / "tmp").rglob("*.parquet")) == []
