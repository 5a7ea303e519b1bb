"""Which files go to LFS and which are ignored: .gitattributes and .gitignore. Pure functions."""

import re
from functools import lru_cache

MAX_REGULAR_BYTES = 10_000_000
"""Above this a file goes to LFS whatever its name."""

_BINARY = (
    "*.7z *.arrow *.bin *.bz2 *.ckpt *.ftz *.gz *.h5 *.joblib *.lfs.* *.mlmodel *.model *.msgpack *.npy "
    "*.npz *.onnx *.ot *.parquet *.pb *.pickle *.pkl *.pt *.pth *.rar *.safetensors saved_model/**/* *.tar.* "
    "*.tar *.tflite *.tgz *.wasm *.xz *.zip *.zst *tfevents*"
)
_MEDIA = (
    "*.avro *.lz4 *.mds *.pcm *.sam *.raw *.aac *.flac *.mp3 *.ogg *.wav *.bmp *.gif *.png *.tiff *.jpg "
    "*.jpeg *.webp *.mp4 *.webm"
)


def default_attributes(repo_type: str) -> str:
    """The .gitattributes a new repo starts with: datasets send media to LFS too."""
    patterns = f"{_BINARY} {_MEDIA}" if repo_type == "dataset" else _BINARY
    return "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in patterns.split())


def upload_mode(path: str, size: int, attributes: str) -> str:
    """``lfs`` or ``regular``, for a file of that size; an empty file is always regular."""
    if size == 0:
        return "regular"
    return "lfs" if size > MAX_REGULAR_BYTES or is_lfs_path(path, attributes) else "regular"


def is_lfs_path(path: str, attributes: str) -> bool:
    """Whether .gitattributes sends the path to LFS: the last line that says something about it counts."""
    answer = False
    for regex, is_lfs in _attribute_rules(attributes):
        if regex.fullmatch(path):
            answer = is_lfs
    return answer


def is_ignored(path: str, ignore: str) -> bool:
    """Whether .gitignore hides the path: by itself, or a folder above it."""
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        if _is_hidden("/".join(parts[:depth]), depth < len(parts), ignore):
            return True  # what is below a hidden folder cannot come back
    return False


def _is_hidden(path: str, is_folder: bool, ignore: str) -> bool:
    hidden = False
    for regex, negated, folders_only in _ignore_rules(ignore):
        if (is_folder or not folders_only) and regex.fullmatch(path):
            hidden = not negated
    return hidden


@lru_cache(maxsize=64)
def _attribute_rules(text: str) -> tuple[tuple[re.Pattern[str], bool], ...]:
    rules = []
    for line in text.splitlines():
        pattern, *attributes = line.split() or [""]
        if not pattern or pattern.startswith("#"):
            continue
        filters = [item for item in attributes if item.lstrip("-!").partition("=")[0] == "filter"]
        if filters:
            rules.append((_compile(pattern), filters[-1] == "filter=lfs"))
    return tuple(rules)


@lru_cache(maxsize=64)
def _ignore_rules(text: str) -> tuple[tuple[re.Pattern[str], bool, bool], ...]:
    rules = []
    for raw in text.splitlines():
        line = raw if raw.endswith("\\ ") else raw.rstrip()
        if not line or line.startswith("#"):
            continue
        negated = line.startswith("!")
        line = line.removeprefix("!")
        rules.append((_compile(line.rstrip("/")), negated, line.endswith("/")))
    return tuple(rules)


def _compile(pattern: str) -> re.Pattern[str]:
    """A git pattern as a regex over the whole path: without a slash it may stand in any folder."""
    anchored = "/" in pattern
    body = _glob(pattern.removeprefix("/"))
    return re.compile(body if anchored else "(?:.*/)?" + body, re.DOTALL)


def _glob(pattern: str) -> str:
    out = []
    position = 0
    while position < len(pattern):
        rest = pattern[position:]
        text, length = _glob_token(rest, position == 0 or pattern[position - 1] == "/")
        out.append(text)
        position += length
    return "".join(out)


def _glob_token(rest: str, at_start: bool) -> tuple[str, int]:
    """The regex of the token a pattern's rest starts with, and the token's length."""
    if at_start and rest.startswith("**/"):
        return "(?:.*/)?", 3
    if at_start and rest == "**":
        return ".+", 2
    if rest[0] == "*":
        return "[^/]*", len(rest) - len(rest.lstrip("*"))
    if rest[0] == "?":
        return "[^/]", 1
    if rest[0] == "\\" and len(rest) > 1:
        return re.escape(rest[1]), 2
    closing = rest.find("]", 2)
    if rest[0] == "[" and closing > 0:
        inside = rest[1:closing].replace("\\", "\\\\").replace("[", "\\[")
        return f"(?!/)[{'^' + inside[1:] if inside[0] in '!^' else inside}]", closing + 1
    return re.escape(rest[0]), 1
