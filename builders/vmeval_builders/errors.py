"""The base of every error that this project raises on purpose, and those that a folder itself can cause."""

from __future__ import annotations


class VmevalError(Exception):
    """The base of all; its message names the path, what was expected, what was found and what to do."""

    def __str__(self) -> str:
        """Give the message alone (a KeyError would quote it)."""
        return str(self.args[0]) if self.args else ""


class MissingPathError(VmevalError, FileNotFoundError):
    """There is nothing where a folder, an archive or a dataset directory should be."""


class NotFoundOnWalkError(VmevalError, KeyError):
    """A path is asked for that is none of the folder's that was walked."""


class NotAFolderError(VmevalError, NotADirectoryError):
    """A file is where a folder or an archive should be."""


class FolderChangedError(VmevalError, RuntimeError):
    """A file's size was another when it was read than when the folder was walked."""


class RemoteReadError(VmevalError, OSError):
    """A folder at a URL cannot be read, or what it takes to read it is not installed."""


class LayoutError(VmevalError, ValueError):
    """A layout's declaration contradicts itself or is not complete."""


class LayoutNameError(VmevalError, LookupError):
    """There is no layout of a name, it cannot be loaded, or its name is taken."""


class AmbiguousFolderError(VmevalError, ValueError):
    """Several builders know a folder's layout."""


class ArchiveError(VmevalError, ValueError):
    """An archive is damaged, cut short, or no tar archive at all."""


class FolderTypeError(VmevalError, TypeError):
    """Something is neither the path of a folder nor of an archive."""
