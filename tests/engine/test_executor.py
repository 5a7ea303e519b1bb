"""Work on somebody else's machines, by Python's own interface: a real Dask scheduler, and workers of their own."""

import os
import shutil
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.factories import MP4, png, tree, write_question
from tests.run_factories import write_runs
from tests.s3 import objects
from vmeval_builders.sources.urls import Url
from vmeval_hfds import (
    build,
    check_folder,
    diff_datasets,
    export,
    push_to_hub,
    verify,
    write_comparison,
    write_gallery,
)
from vmeval_hfds.engine.pool import Engine
from vmeval_hfds.errors import WorkerError


def write_domains(folder):
    for domain in range(6):
        for number in range(3):
            frame = png(f"{domain} {number}", (16, 12))
            name = f"domain{domain}"
            write_question(folder, name, f"{name}_{number}", first_frame=frame, ground_truth=MP4)
    return folder


pytestmark = pytest.mark.folder("questions", write_domains)


def test_a_build_is_byte_for_byte_the_local_one(executor, folder, tmp_path, monkeypatch):
    build(folder, tmp_path / "here")
    monkeypatch.setattr("vmeval_builders.sources.walk.SPREAD_ENTRIES", 1)
    build(folder, tmp_path / "there", executor=executor)
    assert tree(tmp_path / "there") == tree(tmp_path / "here")
    assert verify(folder, tmp_path / "there", executor=executor).same


def test_a_folder_of_archives_is_built_as_here(executor, folder, dataset, tmp_path):
    (tmp_path / "packed").mkdir()
    for number, task in enumerate(sorted(folder.glob("*_task"))):
        form = ("tar", "gztar")[number % 2]
        shutil.make_archive(str(tmp_path / "packed" / task.name), form, folder, task.name)
    build(tmp_path / "packed", tmp_path / "there", executor=executor)
    assert tree(tmp_path / "there") == tree(dataset)
    assert verify(tmp_path / "packed", dataset, executor=executor).same
    assert check_folder(tmp_path / "packed", executor=executor) == check_folder(tmp_path / "packed")


def test_an_export_is_byte_for_byte_the_folder(executor, folder, dataset, tmp_path):
    result = export(dataset, tmp_path / "rebuilt", executor=executor)
    assert tree(tmp_path / "rebuilt") == tree(folder)
    assert result.rows == 18
    assert export(dataset, tmp_path / "rebuilt", executor=executor).written == 0


def test_a_push_is_the_local_one_and_its_shards_are_sent_by_the_workers(executor, hub, folder, tmp_path):
    push_to_hub(folder, "user/here")
    push_to_hub(folder, "user/there", executor=executor)
    here, there = hub.files("user/here"), hub.files("user/there")
    assert {path: one for path, one in here.items() if path.endswith(".parquet")} == {
        path: one for path, one in there.items() if path.endswith(".parquet")
    }
    export("user/there", tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(folder)
    assert not push_to_hub(folder, "user/there", executor=executor).changed


def test_what_is_exported_from_the_hub_is_brought_by_the_workers(
    executor, hub, folder, tmp_path, monkeypatch
):
    """They have no token of their own, and the repository is private."""
    push_to_hub(folder, "user/there", private=True)
    monkeypatch.setattr("vmeval_hfds.hub.transfer.fetch", None)
    export("user/there", tmp_path / "rebuilt", executor=executor)
    assert tree(tmp_path / "rebuilt") == tree(folder)


def spoil(folder):
    """Break one frame, change a prompt, and leave a file with a token; give the folder."""
    (folder / "domain0_task/domain0_0/first_frame.png").write_bytes(b"no picture")
    (folder / "domain1_task/domain1_1/prompt.txt").write_text("Another prompt.")
    (folder / "notes.txt").write_text(f"hf_{'a' * 34}")
    return folder


def test_a_check_finds_what_the_local_one_finds(executor, folder):
    found = check_folder(spoil(folder), executor=executor)
    assert {"token", "bad-frame"} <= {problem.code for problem in found}
    assert found == check_folder(folder)


def test_a_diff_tells_what_the_local_one_tells(executor, folder, dataset, tmp_path):
    shutil.copytree(folder, tmp_path / "old")
    spoil(folder)
    for old in (tmp_path / "old", dataset):
        found = diff_datasets(old, folder, executor=executor)
        assert len(found.changed) == 2
        assert found == diff_datasets(old, folder)


def test_a_gallery_is_the_local_page(executor, folder, dataset, tmp_path):
    for source in (spoil(folder), dataset):
        here, there = write_gallery(source, tmp_path / "here"), tmp_path / "there"
        assert replace(write_gallery(source, there, executor=executor), target=here.target) == here
        assert there.read_bytes() == here.target.read_bytes()


def test_a_comparison_is_the_local_page(executor, folder, tmp_path):
    pages = tmp_path / "here", tmp_path / "there"
    outputs = write_runs(tmp_path / "outputs")
    write_comparison(outputs, pages[0], questions=folder)
    write_comparison(outputs, pages[1], questions=folder, executor=executor)
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_the_token_stands_in_no_name_and_no_log_of_the_scheduler(client, hub, folder, tmp_path):
    push_to_hub(folder, "user/there", executor=client.get_executor())
    export("user/there", tmp_path / "rebuilt", executor=client.get_executor())
    token = os.environ["HF_TOKEN"]
    told = repr(client.run_on_scheduler(lambda dask_scheduler: [*dask_scheduler.tasks]))
    logs = repr(client.get_scheduler_logs()) + repr(client.get_worker_logs())
    assert token not in told + logs


def fail(job):
    raise OSError("no room")


def test_what_a_job_holds_stands_in_no_log_where_it_fails(client):
    with pytest.raises(OSError, match="no room"):
        [*Engine(executor=client.get_executor()).run(fail, ["what it holds"], 1)]
    logs = repr(client.get_scheduler_logs()) + repr(client.get_worker_logs())
    assert "no room" in logs
    assert "what it holds" not in logs


def test_a_worker_that_does_not_see_a_folder_is_named_before_work_begins(executor, tmp_path):
    with pytest.raises(WorkerError, match="does not see it"):
        Engine(executor=executor).require(tmp_path / "nowhere")


def test_a_worker_that_does_not_see_a_url_is_named_before_work_begins(executor, tmp_path):
    (tmp_path / "there").mkdir()
    Engine(executor=executor).require(Url(f"file://{tmp_path}/there"))
    with pytest.raises(WorkerError, match=r"nowhere: the worker on .* does not see it"):
        Engine(executor=executor).require(Url(f"file://{tmp_path}/nowhere"))


def test_workers_that_do_not_reach_a_target_are_named_before_anything_is_there(
    client, bucket, folder, dataset
):
    """They were not told where S3 is, and this process was."""
    system, url = bucket
    for make, source in ((build, folder), (export, dataset)):
        with pytest.raises(WorkerError, match=f"{url}: the worker on .* does not see it"):
            make(source, f"{url}/data/new", executor=client.get_executor())
    assert not objects(system, url)


def test_times_of_outputs_come_back_too(executor, tmp_path):
    folder = write_runs(tmp_path / "outputs")
    build(folder, tmp_path / "dataset", executor=executor)
    export(tmp_path / "dataset", tmp_path / "rebuilt", executor=executor)
    assert verify(tmp_path / "rebuilt", tmp_path / "dataset", executor=executor).same


def die_once(job):
    """Kill this worker, the first time."""
    marker, number = job
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_worker_that_dies_is_replaced_by_the_engines_own_retry(client, tmp_path):
    jobs = [(str(tmp_path / "died"), number) for number in range(10)]
    assert [*Engine(executor=client.get_executor()).run(die_once, jobs, 1)] == [*range(10)]


def test_results_that_a_dead_worker_did_not_give_yet_are_made_again(client):
    def jobs():
        yield from range(10)
        while set(client.run_on_scheduler(states).values()) != {"memory"}:
            pass
        for pid in client.run(os.getpid).values():
            os.kill(pid, signal.SIGKILL)

    def states(dask_scheduler):
        return {key: task.state for key, task in dask_scheduler.tasks.items()}

    assert [*Engine(executor=client.get_executor()).run(str, jobs(), 1)] == [*map(str, range(10))]


def wait_for_release(job):
    folder, number = job
    (folder / f"started-{number}").touch()
    while not (folder / "release").exists():
        threading.Event().wait(0.01)


def test_ctrl_c_cancels_what_is_under_way(client, tmp_path):
    def jobs():
        yield from ((tmp_path, number) for number in range(20))
        # Dask's cancelling can overtake a job that the scheduler does not know yet.
        while len(tasks()) < 20 and time.monotonic() < deadline:
            pass
        raise KeyboardInterrupt

    def tasks():
        return client.run_on_scheduler(lambda dask_scheduler: [*dask_scheduler.tasks])

    deadline = time.monotonic() + 30
    try:
        with pytest.raises(KeyboardInterrupt):
            [*Engine(executor=client.get_executor()).run(wait_for_release, jobs(), 1)]
        while tasks() and time.monotonic() < deadline:
            pass
        assert not tasks()
    finally:
        (tmp_path / "release").touch()
    assert len([*tmp_path.glob("started-*")]) <= 4


def test_workers_that_do_not_answer_are_one_sentence(client, tmp_path, monkeypatch):
    monkeypatch.setattr("vmeval_hfds.engine.pool._ANSWER_SECONDS", 0.5)
    busy = [client.submit(wait_for_release, (tmp_path, number)) for number in range(2)]
    with pytest.raises(WorkerError, match="no worker answered"):
        Engine(executor=client.get_executor()).require(tmp_path)
    (tmp_path / "release").touch()
    client.gather(busy)


def always_die(job):
    os.kill(os.getpid(), signal.SIGKILL)


def test_an_executor_that_is_broken_is_one_sentence():
    with ProcessPoolExecutor(1) as pool, pytest.raises(WorkerError, match="was killed"):
        [*Engine(executor=pool).run(always_die, [1], 1)]


def test_a_build_whose_worker_is_killed_in_the_middle_is_the_local_one(client, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("vmeval_hfds.table.plan.SHARD_BYTES", 1000)
    build(folder, tmp_path / "here")
    [*pids] = client.run(os.getpid).values()
    killed = []

    def kill_one(done, rows):
        if not killed and done < rows:
            killed.append(pids[0])
            os.kill(pids[0], signal.SIGKILL)

    build(folder, tmp_path / "there", executor=client.get_executor(), progress=kill_one)
    assert killed
    assert tree(tmp_path / "there") == tree(tmp_path / "here")


def test_the_commands_take_a_schedulers_file_or_address(run, client, cluster, folder, tmp_path):
    build(folder, tmp_path / "here")
    for name, scheduler in (("file", cluster), ("address", client.scheduler.address)):
        assert run("build", folder, tmp_path / name, "--dask", scheduler)[0] == 0
        assert tree(tmp_path / name) == tree(tmp_path / "here")
    assert run("export", tmp_path / "here", tmp_path / "rebuilt", "--dask", cluster)[0] == 0
    assert run("verify", tmp_path / "rebuilt", tmp_path / "here", "--dask", cluster)[0] == 0
    assert run("check", folder, "--dask", cluster)[0] == 0
    assert run("diff", folder, tmp_path / "here", "--dask", cluster)[0] == 0
    assert run("gallery", folder, tmp_path / "page.html", "--dask", cluster)[0] == 0


@pytest.mark.parametrize("scheduler", ["tcp://127.0.0.1:1", "nowhere.json", "no address"])
def test_a_scheduler_that_is_not_there_is_one_sentence(run, folder, tmp_path, scheduler, monkeypatch):
    monkeypatch.setattr("vmeval_hfds.engine.dask._CONNECT_SECONDS", 1)
    code, out, err = run("build", folder, tmp_path / "dataset", "--dask", scheduler)
    assert (code, out) == (1, "")
    assert len(err.strip().splitlines()) == 1
    assert scheduler in err
    assert not (tmp_path / "dataset").exists()
