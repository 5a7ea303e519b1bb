"""The tests' own Hub: buckets, as the real client lists and reads them."""

import pytest
from huggingface_hub import HfFileSystem
from huggingface_hub.errors import BucketNotFoundError

FILES = {"a/b/1.txt": b"one", "a/b/2.txt": b"two", "a/3.txt": b"three", "ab.txt": b"four"}


@pytest.fixture
def system(hub):
    hub.fill_bucket("user/bucket", FILES)
    return HfFileSystem(skip_instance_cache=True)


def test_a_bucket_is_told_by_its_files(api, system):
    about = api.bucket_info("user/bucket")
    assert (about.total_files, about.size, about.private) == (4, sum(map(len, FILES.values())), False)


def test_all_files_are_listed_page_by_page(hub, api, system):
    hub.limits.page_size = 1
    found = api.list_bucket_tree("user/bucket", recursive=True)
    assert [(one.path, one.size) for one in found] == sorted((path, len(one)) for path, one in FILES.items())


@pytest.mark.parametrize(
    ("folder", "inside"),
    {"": ["a", "ab.txt"], "/a": ["a/3.txt", "a/b"], "/a/b": ["a/b/1.txt", "a/b/2.txt"]}.items(),
)
def test_a_folder_is_what_lies_directly_in_it(system, folder, inside):
    found = system.ls(f"buckets/user/bucket{folder}", detail=False)
    assert sorted(name.removeprefix("buckets/user/bucket/") for name in found) == inside


def test_a_file_is_read_whole_and_in_part(system):
    name = "buckets/user/bucket/a/3.txt"
    assert system.cat_file(name) == b"three"
    assert system.cat_file(name, start=1, end=3) == b"hr"


def test_a_private_bucket_looks_missing_to_others(hub, api_for):
    hub.fill_bucket("user/private", FILES, private=True)
    for token, bucket in ((hub.token("stranger"), "user/private"), (hub.token("user"), "user/none")):
        with pytest.raises(BucketNotFoundError):
            api_for(token).bucket_info(bucket)
