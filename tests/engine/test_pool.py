"""Processes of this machine, for one run or for several."""

import os

import pytest

from vmeval_hfds.engine.pool import Engine
from vmeval_hfds.errors import WorkerError


def process_of(number):
    return os.getpid()


def fail_at_one(number):
    if number == 1:
        raise OSError("a file that cannot be read")
    return number


def die(number):
    os._exit(1)


def test_workers_that_are_kept_do_all_runs_and_end_afterwards():
    with Engine(2).keeping_workers() as engine:
        first = set(engine.run(process_of, range(20), 1))
        second = set(engine.run(process_of, range(20), 1))
    workers = first | second
    assert os.getpid() not in workers
    assert len(workers) <= 2
    for worker in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)


def test_workers_that_were_ended_are_followed_by_others():
    with Engine(2).keeping_workers() as engine:
        first = set(engine.run(process_of, range(20), 1))
        engine.end_workers()
        assert first.isdisjoint(engine.run(process_of, range(20), 1))


def test_workers_that_are_not_kept_do_one_run():
    engine = Engine(2)
    assert set(engine.run(process_of, range(5), 1)).isdisjoint(engine.run(process_of, range(5), 1))


def test_a_run_that_fails_leaves_the_workers_for_the_next():
    with Engine(2).keeping_workers() as engine:
        with pytest.raises(OSError, match="cannot be read"):
            list(engine.run(fail_at_one, range(50), 1))
        assert list(engine.run(fail_at_one, [0, 2, 3], 1)) == [0, 2, 3]


def test_a_worker_that_is_killed_is_told_of_whether_it_was_kept_or_not():
    for kept in (False, True):
        with Engine(2).keeping_workers() as engine, pytest.raises(WorkerError, match="was killed"):
            list((engine if kept else Engine(2)).run(die, range(9), 1))


def test_one_process_needs_no_worker():
    with Engine(1).keeping_workers() as engine:
        assert set(engine.run(process_of, range(3), 1)) == {os.getpid()}
