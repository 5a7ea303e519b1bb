"""Branches on which a killed push worked are removed by a later one; those of a push at work are not."""

import time

from tests.factories import write_folder
from vmeval_hfds import push_to_hub
from vmeval_hfds.hub.commit import SCRATCH_PREFIX, scratch_branch, stale_scratch_branches

ID = "user/questions"


def begun(seconds_ago):
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(time.time() - seconds_ago))
    return f"{SCRATCH_PREFIX}{stamp}-0123abcd"


def test_only_branches_that_were_begun_long_ago_are_stale():
    names = ["main", "v1", scratch_branch(), begun(60), begun(4000), f"{SCRATCH_PREFIX}of-a-person"]
    assert stale_scratch_branches(names, time.time()) == [names[4]]


def test_a_push_that_makes_a_branch_removes_what_killed_ones_left(hub, tmp_path):
    folder = write_folder(tmp_path / "questions")
    push_to_hub(folder, ID)
    left, at_work = begun(4000), begun(60)
    for name in (left, at_work):
        hub.create_branch(ID, name)
    push_to_hub(folder, ID, revision="next")
    assert set(hub.branches(ID)) == {"main", "next", at_work}
