"""Which files of a folder are meant: all but what tools leave behind, or what globs say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

# git's own folder (or file, in a worktree), the Finder's, Python's, Jupyter's, Vim's and Emacs' files.
_TOOLS = re.compile(
    r"(?:^|/)(\.git|\.DS_Store|__pycache__|\.ipynb_checkpoints|\.(?:[^/]*\.)?sw[a-p]|\.#[^/]*|#[^/]+#)(?=/|$)"
)
_SHOWN_NAMES = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """Which files of a folder are meant.

    In a glob ``*`` stands for any characters, ``/`` too, as in the Hub client's own ``--include`` and
    ``--exclude``; a glob that is about a folder is about all that lies below it.

    Attributes:
        include: Globs of what is meant; empty for all.
        exclude: Globs of what is not, even where it is included.
        drops_tools: Whether what tools leave behind (`tool_name`) is not meant either.
        keeps_top_folder: Whether the one folder at the root of an archive is a part of paths; else it stands for
            the folder that was packed.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    drops_tools: bool = True
    keeps_top_folder: bool = False

    @property
    def has_globs(self) -> bool:
        """Whether a person said what is meant."""
        return bool(self.include or self.exclude)

    def takes(self, path: str) -> bool:
        """Whether a path is meant."""
        return not (self.drops_tools and tool_name(path)) and self.globs_take(path)

    def globs_take(self, path: str) -> bool:
        """Whether the globs let a path through."""
        return (not self.include or matches(path, self.include)) and not matches(path, self.exclude)


ALL_BUT_TOOLS = Choice()


def matches(path: str, globs: Iterable[str]) -> bool:
    """Whether one of the globs is about a path, or about a folder above it."""
    if not globs:
        return False
    folders = [path[: at + 1].rstrip("/") for at, character in enumerate(path) if character == "/"]
    return any(fnmatchcase(one, glob.rstrip("/")) for glob in globs for one in (path.rstrip("/"), *folders))


def tool_name(path: str) -> str | None:
    """Give the name in a path that only a tool gives (``.git``, ``.DS_Store``, …), or None where there is none."""
    # A million paths are looked at, and hardly one has such a name.
    if path[:1] not in ("._#") and "/." not in path and "/_" not in path and "/#" not in path:
        return None
    found = _TOOLS.search(path)
    return found.group(1) if found else None


def left_out_sentence(left_out: Sequence[str]) -> str:
    """Say in one line how many paths were left out, and which."""
    tools = Counter(name for path in left_out if (name := tool_name(path)))
    by_globs = len(left_out) - tools.total()
    parts = [f"{name} ({count:,})" for name, count in tools.most_common(_SHOWN_NAMES)]
    if len(tools) > _SHOWN_NAMES:
        parts.append(f"{len(tools) - _SHOWN_NAMES} more names")
    if by_globs:
        parts.append(f"{by_globs:,} by --include and --exclude")
    return f"Left out {len(left_out):,} of the files and empty folders: {', '.join(parts)}."
