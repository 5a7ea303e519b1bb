"""What a push sends by way of Xet after a small change: what is new, not the shard that it is in."""

import random
from statistics import median

import pytest

from tests.factories import png, write, write_question
from vmeval_hfds import push_to_hub

REPO = "user/many"
QUESTIONS = 2_000
#: Xet cuts at contents, into chunks of 64 KiB on average, and of 128 KiB at most.
CHUNK_BYTES = 128 * 1024
FRAME = (60, 60)
WORDS = [f"{one:05x}" for one in random.Random(0).sample(range(0x10000, 0xFFFFF), 2_000)]
pytestmark = pytest.mark.parametrize("transfer", ["xet"], indirect=True)


def prompt(number):
    return " ".join(random.Random(number).choices(WORDS, k=60))


def write_many(folder):
    """One domain, whose frames are 11 kB each and differ."""
    for number in range(QUESTIONS):
        write_question(
            folder,
            "maze",
            f"maze_{number:04d}",
            first_frame=png(f"a{number}", FRAME),
            final_frame=png(f"b{number}", FRAME),
            prompt=prompt(number),
        )
    return folder


@pytest.fixture
def pushed(hub, tmp_path):
    """A folder that was pushed; the log is empty."""
    folder = write_many(tmp_path / "folder")
    push_to_hub(folder, REPO, decode=False)
    hub.clear_log()
    return folder


def new_bytes(hub):
    """How much of the shards of rows is new to the Hub."""
    return sum(hub.new_bytes(REPO, path) for path in hub.files(REPO) if path.startswith("data/"))


def row_bytes(hub):
    return sum(len(content) for path, content in hub.files(REPO).items() if path.startswith("data/"))


def test_after_one_prompt_of_2000_changed(hub, pushed):
    found = []
    for number in (3, 250, 1200):
        hub.clear_log()
        write(pushed / f"maze_task/maze_{number:04d}/prompt.txt", prompt(number) + " Another word.")
        assert push_to_hub(pushed, REPO, decode=False).changed
        found.append(new_bytes(hub))
    # The chunk that the prompt is in and those with the shard's footer; how much that is, is luck.
    assert 0 < median(found) <= 200_000, found
    assert max(found) <= 3 * CHUNK_BYTES, found


def test_after_one_frame_changed(hub, pushed):
    write(pushed / "maze_task/maze_0777/first_frame.png", png("another", FRAME))
    assert push_to_hub(pushed, REPO, decode=False).changed
    assert 0 < new_bytes(hub) <= 2 * CHUNK_BYTES


def test_after_a_row_was_inserted_at_the_front(hub, pushed):
    frames = {name: png(name, FRAME) for name in ("first_frame", "final_frame")}
    write_question(pushed, "maze", "maze", prompt="New.", **frames)
    assert push_to_hub(pushed, REPO, decode=False).changed
    # A chunk or two for each column of each row group of 100, as rows move from one group to the next.
    assert 0 < new_bytes(hub) <= row_bytes(hub) / 6
