"""An export is also a pull: only what is missing or changed is fetched, and only what was exported is replaced."""

import os

import pytest

from tests.factories import png, tree, write, write_question
from vmeval_hfds import export, push_to_hub
from vmeval_hfds.api.export import plan_export
from vmeval_hfds.errors import TargetExistsError
from vmeval_hfds.store.repository import open_repo

REPO = "user/questions"
DOMAINS, PER_DOMAIN = 20, 4


def write_domains(folder):
    for domain in range(DOMAINS):
        for number in range(PER_DOMAIN):
            frame = png(f"{domain} {number}", (16, 12))
            name = f"domain{domain:02d}"
            write_question(folder, name, f"{name}_{number:04d}", first_frame=frame, final_frame=frame)
    write(folder / "notes.md", "notes")
    return folder


pytestmark = [pytest.mark.folder("questions", write_domains), pytest.mark.both_transfers]


@pytest.fixture
def published(hub, folder, monkeypatch, tmp_path):
    push_to_hub(folder, REPO)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    hub.clear_log()
    return hub


def test_one_id_is_a_handful_of_requests(published, folder, tmp_path):
    export(open_repo(REPO), tmp_path / "one", ids=["domain07_0002"])
    assert len(published.requests) <= 12, [one.path for one in published.requests]
    task = "domain07_task/domain07_0002"
    files = {path: content for path, content in tree(folder).items() if path.startswith(f"{task}/")}
    assert {path: content for path, content in tree(tmp_path / "one").items() if not path.endswith("/")} == {
        path: content for path, content in files.items() if not path.endswith("/")
    }


def test_exported_again_only_the_list_is_looked_at(published, folder, tmp_path):
    export(open_repo(REPO), tmp_path / "target")
    published.clear_log()
    result = export(open_repo(REPO), tmp_path / "target")
    assert (result.written, len(published.requests) <= 6) == (0, True), [
        one.path for one in published.requests
    ]


def test_what_changed_is_fetched_and_what_an_export_wrote_is_replaced(published, folder, tmp_path):
    target = tmp_path / "target"
    export(open_repo(REPO), target)
    for number in range(PER_DOMAIN):
        write(folder / f"domain07_task/domain07_{number:04d}/prompt.txt", f"Another prompt {number}.")
    push_to_hub(folder, REPO)
    published.clear_log()
    with pytest.raises(TargetExistsError, match="4 files have other bytes"):
        export(open_repo(REPO), target)
    published.clear_log()
    plan = plan_export(open_repo(REPO), target, update=True)
    assert plan.write == plan.replace
    assert len(plan.write) == PER_DOMAIN
    assert 0 < plan.read_bytes < 100_000
    published.clear_log()
    result = export(open_repo(REPO), target, update=True)
    assert result.written == PER_DOMAIN
    assert len(published.requests) <= 12, [one.path for one in published.requests]
    assert tree(target) == tree(folder)


def test_what_somebody_changed_is_not_replaced_by_an_update(published, folder, tmp_path):
    target = tmp_path / "target"
    export(open_repo(REPO), target)
    write(target / "domain07_task/domain07_0000/prompt.txt", "Mine.")
    write(folder / "domain07_task/domain07_0000/prompt.txt", "Theirs.")
    push_to_hub(folder, REPO)
    with pytest.raises(TargetExistsError, match="no earlier export wrote them as they are"):
        export(open_repo(REPO), target, update=True)
    assert (target / "domain07_task/domain07_0000/prompt.txt").read_text() == "Mine."


def test_prune_removes_only_what_an_export_wrote_and_the_dataset_has_no_more(published, folder, tmp_path):
    target = tmp_path / "target"
    export(open_repo(REPO), target)
    write(target / "mine.txt", "mine")
    for path in (folder / "domain07_task/domain07_0003").iterdir():
        os.unlink(path)
    (folder / "domain07_task/domain07_0003").rmdir()
    push_to_hub(folder, REPO)
    result = export(open_repo(REPO), target, update=True, prune=True)
    assert {path.rpartition("/")[0] for path in result.pruned} == {"domain07_task/domain07_0003"}
    assert tree(target) == {**tree(folder), "mine.txt": b"mine"}
