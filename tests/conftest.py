"""What every test gets: its own Hugging Face home, no token, no way to the real Hub."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.factories import write_folder
from tests.hub import Hub
from vmeval_hfds import build
from vmeval_hfds.cli.main import main

pytest_plugins = ["tests.dask_cluster", "tests.s3"]

# Both libraries read the environment when they are imported, so this stands before any test does that. Every
# pytest-xdist worker imports this file, and so has a home of its own.
_HOME = tempfile.mkdtemp(prefix="vmeval-hfds-tests-")
# The endpoint too is read when the libraries are imported: each worker has one Hub, which every test finds empty.
_HUB = Hub(Path(_HOME) / "hub")
_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_TOKEN")
_FOREIGN = (
    *_TOKENS,
    "HF_HUB_CACHE",
    "HF_DATASETS_CACHE",
    "HF_HUB_OFFLINE",
    "HF_DATASETS_OFFLINE",
    "HF_TOKEN_PATH",
)
for _name in _FOREIGN:
    os.environ.pop(_name, None)
os.environ.update(
    HF_HOME=_HOME,
    HF_ENDPOINT=_HUB.endpoint,
    HF_HUB_DISABLE_TELEMETRY="1",
    # Chunks as they are, which the tests' store can read, and waits that a person would not notice.
    HF_XET_XORB_COMPRESSION_POLICY="none",
    HF_XET_CLIENT_LEGACY_DIRECT_XORB_UPLOAD="1",
    HF_XET_CLIENT_RETRY_BASE_DELAY="10ms",
    HF_XET_TELEMETRY_ENABLED="false",
    HF_HUB_DISABLE_PROGRESS_BARS="1",
    HF_DATASETS_DISABLE_PROGRESS_BARS="1",
)

# The same examples in every run, so that a red run is the change's doing; `search` looks for new ones.
settings.register_profile(
    "specs",
    max_examples=40,
    derandomize=True,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("search", settings.get_profile("specs"), max_examples=2000, derandomize=False)
settings.load_profile("specs")


@pytest.fixture(autouse=True)
def _no_token(monkeypatch):
    """Whatever a test does to the environment, it starts and ends without a token."""
    for name in _TOKENS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def _running_hub():
    _HUB.start()
    yield _HUB
    _HUB.stop()


def pytest_generate_tests(metafunc):
    """Run what is marked `both_transfers` by way of LFS, and by way of Xet."""
    if metafunc.definition.get_closest_marker("both_transfers"):
        metafunc.parametrize("transfer", ["lfs", "xet"], indirect=True)


@pytest.fixture
def transfer(request, monkeypatch):
    """How large files go: `lfs` as where a user switched Xet off, or `xet` as by default; in children too."""
    from huggingface_hub import constants
    from huggingface_hub.utils import _xet

    way = getattr(request, "param", "lfs")
    monkeypatch.setenv("HF_HUB_DISABLE_XET", str(int(way == "lfs")))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", way == "lfs")
    # What the client remembers of a Hub that was emptied since.
    _xet.XET_CONNECTION_INFO_CACHE.clear()
    return way


@pytest.fixture
def hub(_running_hub, transfer, monkeypatch):
    """Give an empty Hub; the test is its user "user", and waits pass on the Hub's clock alone."""
    _running_hub.start()  # where the test before stopped it
    _running_hub.reset()
    monkeypatch.setenv("HF_TOKEN", _running_hub.token("user"))
    monkeypatch.setattr("vmeval_hfds.hub.retry.pause", _running_hub.rates.pass_time)
    monkeypatch.setattr("vmeval_hfds.hub.retry._said_until", 0.0)  # by the clock of another test
    monkeypatch.setattr("vmeval_hfds.hub.retry.clock", lambda: _running_hub.rates.now)
    monkeypatch.setattr("time.sleep", _running_hub.rates.pass_time)
    return _running_hub


@pytest.fixture
def folder(request, tmp_path):
    """Give a folder: four healthy questions, or what the mark `folder(name, write)` of a file or test says."""
    mark = request.node.get_closest_marker("folder")
    name, write = mark.args if mark else ("questions", write_folder)
    return write(tmp_path / name)


@pytest.fixture
def dataset(tmp_path, folder):
    """Give the dataset directory of `folder`."""
    return build(folder, tmp_path / "dataset").target


@pytest.fixture
def run(capsys):
    """Give a function that runs a command in this process: exit code, stdout and stderr."""

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def pytest_unconfigure():
    """Leave nothing behind."""
    shutil.rmtree(_HOME, ignore_errors=True)
