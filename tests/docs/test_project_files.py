"""The files beside the code say the same as it: versions, tools, the way CI runs."""

import re
import tomllib

import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from tests.factories import ROOT
from vmeval_hfds import __version__

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def read_yaml(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_one_version_is_stated_everywhere():
    assert PROJECT["project"]["version"] == __version__ == str(read_yaml("CITATION.cff")["version"])


def test_hooks_use_the_versions_of_the_checks():
    [repo] = read_yaml(".pre-commit-config.yaml")["repos"]
    pinned = {pin for hook in repo["hooks"] for pin in hook["additional_dependencies"]}
    assert pinned <= set(PROJECT["project"]["optional-dependencies"]["dev"])


def test_the_workflow_runs_what_everybody_runs_on_every_python_that_is_stated():
    job = read_yaml(".github/workflows/ci.yml")["jobs"]["all"]
    assert ".ci/run" in [step.get("run") for step in job["steps"]]
    stated = [re.search(r":: (3\.\d+)$", one) for one in PROJECT["project"]["classifiers"]]
    assert {match[1] for match in stated if match} <= set(job["strategy"]["matrix"]["python"])


def test_the_locked_versions_are_allowed_ones_of_all_that_is_asked_for():
    lines = (ROOT / "constraints/locked.txt").read_text(encoding="utf-8").splitlines()
    locked = {}
    for one in (Requirement(line) for line in lines if not line.startswith("#")):
        [pin] = one.specifier
        locked.setdefault(one.name.lower().replace("_", "-"), []).append(Version(pin.version))
    extras = PROJECT["project"]["optional-dependencies"]
    for asked in map(Requirement, [*PROJECT["project"]["dependencies"], *extras["dev"], *extras["docs"]]):
        versions = locked[asked.name.lower().replace("_", "-")]
        assert all(asked.specifier.contains(version) for version in versions), asked
