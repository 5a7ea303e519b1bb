"""A real Dask cluster on loopback: a scheduler and two workers, each a process of its own."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

import pytest

WORKERS = 2
_WAIT_SECONDS = 60


@contextmanager
def running_cluster(folder, environment):
    """Run a cluster; give the scheduler's file, and the processes' numbers, the scheduler's first.

    Args:
        folder: Where its files and its log are; made.
        environment: The processes' environment.
    """
    from distributed import Client

    folder.mkdir(exist_ok=True)
    scheduler_file = folder / "scheduler.json"
    usual = ["--no-dashboard", "--host", "127.0.0.1", "--scheduler-file", str(scheduler_file)]
    worker = ["distributed.cli.dask_worker", *usual, "--nthreads", "1", "--memory-limit", "0"]
    commands = [["distributed.cli.dask_scheduler", *usual, "--port", "0"], *[worker] * WORKERS]
    started = []
    try:
        with (folder / "log").open("w") as log:
            for command in commands:
                started.append(
                    subprocess.Popen(
                        [sys.executable, "-m", *command],
                        env=environment | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                        cwd=folder,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                )
        with Client(scheduler_file=str(scheduler_file), timeout=_WAIT_SECONDS) as client:
            client.wait_for_workers(WORKERS, timeout=_WAIT_SECONDS)
        yield scheduler_file, [process.pid for process in started]
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def cluster_environment():
    """Give what the workers' environment has beside this process's; a module may say something else."""
    return {}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, cluster_environment):
    """Give the scheduler file of a Dask cluster."""
    environment = os.environ | cluster_environment
    with running_cluster(tmp_path_factory.mktemp("dask"), environment) as (scheduler_file, _):
        yield scheduler_file


@pytest.fixture
def client(cluster):
    """Give a client of the cluster, whose workers are there again where a test before killed them."""
    from distributed import Client

    with Client(scheduler_file=str(cluster)) as client:
        client.wait_for_workers(WORKERS, timeout=_WAIT_SECONDS)
        yield client


@pytest.fixture(params=["processes", "dask"])
def executor(request):
    """Give any executor: Python's own, and Dask's."""
    if request.param == "dask":
        yield request.getfixturevalue("client").get_executor()
        return
    with ProcessPoolExecutor(2) as pool:
        yield pool
