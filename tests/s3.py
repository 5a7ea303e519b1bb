"""A real S3 server on loopback (moto's), reached by s3fs over HTTP."""

import os
import socket
import subprocess
import sys
import time
import uuid
from contextlib import closing

import pytest

from tests.factories import tree
from vmeval_builders.sources import urls

real_sleep = time.sleep


@pytest.fixture(scope="session")
def s3_endpoint():
    """Give the address of an S3 server on loopback."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            real_sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    server.kill()
    server.wait()


def new_bucket():
    """Make a bucket of its own, and give its file system and URL."""
    import s3fs

    urls._system.cache_clear()
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem()
    name = f"bucket-{uuid.uuid4().hex}"
    system.mkdir(name)
    return system, f"s3://{name}"


def environment(endpoint):
    """Give where the server is and who asks, as the store's own tools take it."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


@pytest.fixture
def bucket(s3_endpoint, monkeypatch):
    """Give an empty bucket's file system and URL; credentials come from the environment."""
    for name, value in environment(s3_endpoint).items():
        monkeypatch.setenv(name, value)
    yield new_bucket()
    urls._system.cache_clear()
    urls.fetched.clear()


def send(system, folder, url):
    """Put the files of a folder below a URL, several at once; an object store has no empty folders."""
    files = {path: one for path, one in tree(folder).items() if not path.endswith("/")}
    system.pipe({f"{url}/{path}": content for path, content in files.items()})
    return url


def objects(system, url):
    """Give what lies below a URL, as `tree` gives what lies in a folder."""
    system.invalidate_cache()
    root = url.removeprefix("s3://")
    found = system.find(root)
    contents = system.cat_ranges(found, None, None)
    return {os.path.relpath(name, root): content for name, content in zip(found, contents, strict=True)}
