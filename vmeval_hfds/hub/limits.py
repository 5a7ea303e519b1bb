"""What the Hub takes at most in a folder, a repository, a commit and a file. No request is made here.

https://huggingface.co/docs/hub/storage-limits
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from vmeval_builders.problems import Problem

FOLDER_ENTRIES = 10_000
REPOSITORY_FILES = 100_000
COMMIT_LARGE_FILES = 25_000
COMMIT_REGULAR_BYTES = 1_000_000_000
FILE_BYTES = 50_000_000_000


def limit_problems(
    before: Collection[str], after: Collection[str], sent: Mapping[str, int], large: Collection[str]
) -> Iterator[Problem]:
    """List what of a commit the Hub would refuse, where the commit is what makes it so.

    Args:
        before: The files of the branch.
        after: Its files afterwards.
        sent: Path to size of the files that are sent.
        large: Those of them that do not go in the commit itself.
    """
    for path, size in sent.items():
        if size > FILE_BYTES:
            message = (
                f"The file has {size / 1e9:,.1f} GB, and the Hub takes {FILE_BYTES / 1e9:,.0f}; split it, or "
                "leave it out with --exclude."
            )
            yield Problem("too-large-for-hub", "error", path, message)
    entries, known = _entries(after), _entries(before)
    for folder, count in sorted(entries.items()):
        if count > FOLDER_ENTRIES and count > known[folder]:
            message = (
                f"The folder would have {count:,} entries, and the Hub takes {FOLDER_ENTRIES:,}; spread them over "
                "folders, or publish fewer groups, files or rows at a time."
            )
            yield Problem("too-many-entries", "error", folder, message)
    if len(after) > REPOSITORY_FILES and len(after) > len(before):
        message = (
            f"The repository would have {len(after):,} files, and the Hub takes {REPOSITORY_FILES:,}; publish the "
            "folder with vmeval-hfds push, which makes few files of many, or use several repositories."
        )
        yield Problem("too-many-files", "error", "", message)
    if len(large) > COMMIT_LARGE_FILES:
        message = (
            f"The commit would have {len(large):,} large files, and the Hub takes {COMMIT_LARGE_FILES:,}; send them in "
            "parts, with --include, or publish the folder with vmeval-hfds push."
        )
        yield Problem("too-many-large-files", "error", "", message)
    regular_bytes = sum(size for path, size in sent.items() if path not in large)
    if regular_bytes > COMMIT_REGULAR_BYTES:
        message = (
            f"The commit would have {regular_bytes / 1e9:,.2f} GB of files that are not large, and the Hub takes "
            f"{COMMIT_REGULAR_BYTES / 1e9:,.2f}; send them in parts, with --include, or publish the folder with "
            "vmeval-hfds push."
        )
        yield Problem("too-large-commit", "error", "", message)


def _entries(paths: Iterable[str]) -> Counter[str]:
    """Count what is directly in each folder, files and folders."""
    seen = set(paths)
    for path in tuple(seen):
        while path := path.rpartition("/")[0]:
            if path in seen:
                break
            seen.add(path)
    return Counter(path.rpartition("/")[0] for path in seen)
