"""Work that a thread does while jobs are done."""

import os
import threading

import pytest

from vmeval_hfds.engine.beside import Beside
from vmeval_hfds.engine.pool import run


@pytest.mark.parametrize("num_proc", [1, 2])
def test_the_work_is_done_once_beside_the_jobs_in_a_thread_of_this_process(num_proc):
    done = []
    beside = Beside(lambda: done.append((os.getpid(), threading.current_thread())) or "drawn")
    assert list(run(str, beside.begin_with(range(5)), num_proc)) == ["0", "1", "2", "3", "4"]
    assert (beside.result(), beside.result()) == ("drawn", "drawn")
    [(process, thread)] = done
    assert process == os.getpid()
    assert thread is not threading.main_thread()


def test_without_a_job_it_is_done_when_its_result_is_asked_for():
    beside = Beside(lambda: threading.current_thread())
    assert list(run(str, beside.begin_with([]), 1)) == []
    beside.wait()
    assert beside.result() is threading.main_thread()


def test_what_it_raises_is_raised_where_the_result_is_asked_for_and_not_before():
    def work():
        raise OSError("a frame that cannot be read")

    beside = Beside(work)
    assert list(run(str, beside.begin_with([1]), 1)) == ["1"]
    beside.wait()
    with pytest.raises(OSError, match="cannot be read"):
        beside.result()
