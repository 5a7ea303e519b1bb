"""What the tests of uploads and downloads share: a folder, and what of it is on the Hub."""

import random
import string

from tests.factories import MP4, tree, write, write_folder

ID = "user/mirror"


TOKEN = "hf_" + "".join(random.Random(7).choices(string.ascii_letters + string.digits, k=34))


PARTIAL = ".vmeval-hfds-partial"


def write_some(folder):
    write_folder(folder)
    write(folder / "maze_task/maze_0000/ground_truth.mp4", MP4)
    write(folder / "notes.md", "# Notes\n")
    write(folder / "maze_task/maze_0001/empty.txt")
    return folder


def writes(hub):
    """Requests that change something on the Hub."""
    reads = ("GET", "HEAD")
    return [one for one in hub.requests if one.method not in reads and "preupload" not in one.path]


def files_of(folder):
    return {path: content for path, content in tree(folder).items() if content is not None}
