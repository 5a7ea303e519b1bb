"""Video-reasoning questions between folders and Hugging Face datasets, byte for byte.

Names are imported when they are first used, so that ``import vmeval_hfds`` loads neither `datasets` nor pandas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from vmeval_hfds.version import __version__

if TYPE_CHECKING:
    from vmeval_builders.errors import VmevalError
    from vmeval_builders.hf_builders import EvaluationsBuilder, OutputsBuilder, QuestionsBuilder
    from vmeval_builders.problems import Problem
    from vmeval_hfds.api.build import BuildResult, build
    from vmeval_hfds.api.check import check_folder
    from vmeval_hfds.api.compare import write_comparison
    from vmeval_hfds.api.diff import DiffResult, diff_datasets
    from vmeval_hfds.api.export import export
    from vmeval_hfds.api.exported import ExportResult
    from vmeval_hfds.api.info import InfoResult, info
    from vmeval_hfds.api.leaderboard import leaderboard
    from vmeval_hfds.api.load import load
    from vmeval_hfds.api.metadata_frame import metadata_frame
    from vmeval_hfds.api.mirror import hf_download, hf_list_files, hf_upload
    from vmeval_hfds.api.publication import PushResult
    from vmeval_hfds.api.publish_page import publish_page
    from vmeval_hfds.api.push import push_to_hub
    from vmeval_hfds.api.tasks import tasks
    from vmeval_hfds.api.to_dataset import to_dataset
    from vmeval_hfds.api.verify import VerifyResult, verify
    from vmeval_hfds.gallery.cards import write_gallery
    from vmeval_hfds.sample import write_sample
    from vmeval_hfds.store.repository import open_repo

_HOMES = {
    "BuildResult": "vmeval_hfds.api.build",
    "DiffResult": "vmeval_hfds.api.diff",
    "ExportResult": "vmeval_hfds.api.exported",
    "InfoResult": "vmeval_hfds.api.info",
    "Problem": "vmeval_builders.problems",
    "PushResult": "vmeval_hfds.api.publication",
    "EvaluationsBuilder": "vmeval_builders.hf_builders",
    "OutputsBuilder": "vmeval_builders.hf_builders",
    "QuestionsBuilder": "vmeval_builders.hf_builders",
    "VerifyResult": "vmeval_hfds.api.verify",
    "VmevalError": "vmeval_builders.errors",
    "build": "vmeval_hfds.api.build",
    "check_folder": "vmeval_hfds.api.check",
    "diff_datasets": "vmeval_hfds.api.diff",
    "export": "vmeval_hfds.api.export",
    "hf_download": "vmeval_hfds.api.mirror",
    "hf_list_files": "vmeval_hfds.api.mirror",
    "hf_upload": "vmeval_hfds.api.mirror",
    "info": "vmeval_hfds.api.info",
    "leaderboard": "vmeval_hfds.api.leaderboard",
    "load": "vmeval_hfds.api.load",
    "metadata_frame": "vmeval_hfds.api.metadata_frame",
    "open_repo": "vmeval_hfds.store.repository",
    "publish_page": "vmeval_hfds.api.publish_page",
    "push_to_hub": "vmeval_hfds.api.push",
    "tasks": "vmeval_hfds.api.tasks",
    "to_dataset": "vmeval_hfds.api.to_dataset",
    "verify": "vmeval_hfds.api.verify",
    "write_comparison": "vmeval_hfds.api.compare",
    "write_gallery": "vmeval_hfds.gallery.cards",
    "write_sample": "vmeval_hfds.sample",
}

__all__ = [
    "BuildResult",
    "DiffResult",
    "EvaluationsBuilder",
    "ExportResult",
    "InfoResult",
    "OutputsBuilder",
    "Problem",
    "PushResult",
    "QuestionsBuilder",
    "VerifyResult",
    "VmevalError",
    "__version__",
    "build",
    "check_folder",
    "diff_datasets",
    "export",
    "hf_download",
    "hf_list_files",
    "hf_upload",
    "info",
    "leaderboard",
    "load",
    "metadata_frame",
    "open_repo",
    "publish_page",
    "push_to_hub",
    "tasks",
    "to_dataset",
    "verify",
    "write_comparison",
    "write_gallery",
    "write_sample",
]


def __getattr__(name: str) -> object:
    """Import a public name from the module it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
