"""Video-reasoning questions between folders and Hugging Face datasets, byte for byte.

Names are imported when they are first used, so that ``import vmeval_hfds`` loads neither `datasets` nor pandas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vmeval_builders.checks import check_folder
    from vmeval_builders.errors import VmevalError
    from vmeval_builders.folder_builders import EvaluationsBuilder, OutputsBuilder, QuestionsBuilder
    from vmeval_builders.problems import Problem
    from vmeval_hfds.dataset_dir import BuildResult, build
    from vmeval_hfds.exporting import ExportResult, export
    from vmeval_hfds.frames_table import metadata_frame
    from vmeval_hfds.gallery import write_gallery
    from vmeval_hfds.hub_dataset import open_repo
    from vmeval_hfds.leaderboard import leaderboard
    from vmeval_hfds.mirror import hf_download, hf_list_files, hf_upload
    from vmeval_hfds.pushing import PushResult, push
    from vmeval_hfds.sample import write_sample
    from vmeval_hfds.summary import InfoResult, info
    from vmeval_hfds.tables import to_dataset
    from vmeval_hfds.verifying import VerifyResult, verify

__version__ = "0.1.0"

_HOMES = {
    "BuildResult": "vmeval_hfds.dataset_dir",
    "ExportResult": "vmeval_hfds.exporting",
    "InfoResult": "vmeval_hfds.summary",
    "Problem": "vmeval_builders.problems",
    "PushResult": "vmeval_hfds.pushing",
    "EvaluationsBuilder": "vmeval_builders.folder_builders",
    "OutputsBuilder": "vmeval_builders.folder_builders",
    "QuestionsBuilder": "vmeval_builders.folder_builders",
    "VerifyResult": "vmeval_hfds.verifying",
    "VmevalError": "vmeval_builders.errors",
    "build": "vmeval_hfds.dataset_dir",
    "check_folder": "vmeval_builders.checks",
    "export": "vmeval_hfds.exporting",
    "hf_download": "vmeval_hfds.mirror",
    "hf_list_files": "vmeval_hfds.mirror",
    "hf_upload": "vmeval_hfds.mirror",
    "info": "vmeval_hfds.summary",
    "leaderboard": "vmeval_hfds.leaderboard",
    "metadata_frame": "vmeval_hfds.frames_table",
    "open_repo": "vmeval_hfds.hub_dataset",
    "push": "vmeval_hfds.pushing",
    "to_dataset": "vmeval_hfds.tables",
    "verify": "vmeval_hfds.verifying",
    "write_gallery": "vmeval_hfds.gallery",
    "write_sample": "vmeval_hfds.sample",
}

__all__ = [
    "BuildResult",
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
    "export",
    "hf_download",
    "hf_list_files",
    "hf_upload",
    "info",
    "leaderboard",
    "metadata_frame",
    "open_repo",
    "push",
    "to_dataset",
    "verify",
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
