"""Names and paths of the question layout: every rule about what a file may be called, in one place.

The layout is VMEvalKit's: ``{domain}_task/{task_id}/`` with the files named below, and a manifest at the root.
Paths are relative to the question folder and ``/``-separated, on every system.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice, pairwise

FIRST_FRAME = "first_frame.png"
FINAL_FRAME = "final_frame.png"
PROMPT = "prompt.txt"
#: The answer in words, where the final state can be said.
GOAL = "goal.txt"
METADATA = "question_metadata.json"
#: What VBVR's generators call it.
VBVR_METADATA = "metadata.json"
GROUND_TRUTH = "ground_truth.mp4"
#: What a model is to go on from, where that is a video.
FIRST_VIDEO = "first_video.mp4"
MANIFEST = "vmeval_dataset.json"

#: A folder that directly holds one of these is a task folder.
QUESTION_FILES = frozenset({FIRST_FRAME, FINAL_FRAME, PROMPT, METADATA, GROUND_TRUTH, FIRST_VIDEO})

TASK_SUFFIX = "_task"

#: Where an export keeps files that are not whole yet; never part of a question folder.
STAGING_FOLDER = ".vmeval-hfds-partial"

#: Linux, macOS and NTFS all stop at 255 (bytes or UTF-16 units) for one name.
NAME_LIMIT_BYTES = 255

#: Linux stops at 4096 for a path, other systems earlier.
PATH_LIMIT_BYTES = 4096

# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_WINDOWS_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{digit}" for port in ("com", "lpt") for digit in "123456789¹²³"}
)
_ARCHIVE_SUFFIXES = (".tar", ".tar.gz", ".tgz")
_WINDOWS_CHARACTERS = frozenset('<>:"|?*')
#: What paths are made of that are sound everywhere, whatever stands where.
_PLAIN_CHARACTERS = bytes(set(range(0x20, 0x7F)) - set(b"\\") - set("".join(_WINDOWS_CHARACTERS).encode()))
#: How many paths are looked at together: their names are texts of their own for that time.
_TOGETHER = 2_000
_CONFIG_CHARACTERS = re.compile(r"[^\w.-]")
# `push_to_hub` refuses "data"; the other two are configs of every dataset.
_RESERVED_CONFIGS = frozenset({"default", "files", "data"})


def names_archive(name: str) -> bool:
    """Say whether a file of this name would be read as an archive: ``.tar``, ``.tar.gz`` or ``.tgz``, in any case."""
    return name.lower().endswith(_ARCHIVE_SUFFIXES)


def domain_of(task_path: str, metadata_domain: str | None = None) -> str:
    """Name the domain of a task folder.

    The nearest folder above the task that is called ``{domain}_task`` names it; without one the parent folder
    does. A task at the root takes the ``domain`` of its metadata, else its own name less a trailing number.

    Args:
        task_path: The task folder, relative to the question folder.
        metadata_domain: ``domain`` in question_metadata.json, where there is one.

    Returns:
        The domain, never empty.
    """
    *parents, name = task_path.split("/")
    for folder in (*reversed(parents), name):
        if folder.endswith(TASK_SUFFIX) and folder != TASK_SUFFIX:
            return folder.removesuffix(TASK_SUFFIX)
    if parents:
        return parents[-1]
    return metadata_domain or re.sub(r"[_-]?\d+$", "", name) or name


def path_problem(path: str) -> str | None:
    """Say why a relative path cannot live on the Hub and on every system, or None where it can.

    Args:
        path: A ``/``-separated path as it stands in a folder, a row or an archive.

    Returns:
        The end of a sentence that starts with the path, such as ``"leads upwards ('..')"``.
    """
    if not path:
        return "is empty"
    # First, because all else looks at every name or folder of it.
    if len(path) > PATH_LIMIT_BYTES // 4 and len(path.encode("utf-8", "surrogatepass")) > PATH_LIMIT_BYTES:
        return f"has more than {PATH_LIMIT_BYTES:,} bytes"
    if path.isascii() and path.isprintable() and not _WINDOWS_CHARACTERS.intersection(path):
        pass
    elif problem := _character_problem(path):
        return problem
    if "\\" in path:
        return "has a backslash, which other systems read as a separator"
    if path.startswith("/"):
        return "is absolute"
    for name in path.split("/"):
        if problem := _name_problem(name):
            return problem
    return None


_one_name_problem = lru_cache(maxsize=4096)(path_problem)


def _character_problem(path: str) -> str | None:
    try:
        path.encode()
    except UnicodeEncodeError:
        return "is not Unicode"
    for character in path:
        if character == "\0":
            return "has a NUL character"
        if unicodedata.category(character) in {"Cc", "Zl", "Zp"}:
            return f"has a control character (U+{ord(character):04X})"
    if re.match("[A-Za-z]:", path):
        return "starts with a drive letter"
    if found := sorted(_WINDOWS_CHARACTERS.intersection(path)):
        return f"has a character that Windows does not allow ({found[0]})"
    return None


@lru_cache(maxsize=4096)
def _name_problem(name: str) -> str | None:
    if name == "":
        return "has an empty name in it"
    if name == "..":
        return "leads upwards ('..')"
    if name == ".":
        return "has a '.' in it"
    if name[-1] in ". ":
        return "has a name that ends in a dot or a space, which Windows drops"
    if name.split(".", 1)[0].rstrip(" ").lower() in _WINDOWS_DEVICES:
        return f"has a name that Windows reserves ({name})"
    if name.lower() in {".git", "git~1"}:
        return "has a .git folder in it, which the Hub refuses"
    if name == STAGING_FOLDER:
        return "is left over from an interrupted export: run that again, or delete it"
    if len(name) > NAME_LIMIT_BYTES // 4 and len(name.encode()) > NAME_LIMIT_BYTES:
        return f"has a name of more than {NAME_LIMIT_BYTES} bytes"
    return None


def collision_key(path: str) -> str:
    """Map a path to what a file system that ignores case and normalisation sees."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


def path_problems(files: Iterable[str], folders: Iterable[str] = ()) -> Iterator[tuple[str, str]]:
    """Find every path that could not be written beside the others, on some system.

    Args:
        files: Paths of files; a path that comes twice is a problem.
        folders: Paths of folders that must exist although no file lies in them.

    Yields:
        The path, and the end of a sentence that says what is wrong with it.
    """
    files, folders = list(files), list(folders)
    if not _all_plain(files, folders):
        yield from _each_problem(files, folders)


def _all_plain(files: Sequence[str], folders: Sequence[str]) -> bool:
    """Whether many paths are sound, as most are; what is not plain must be looked at one by one.

    Many are looked at together: hardly a name is looked at twice, and no character by itself.
    """
    if not all(map(are_plain, chain(_portions(files), _portions(folders)))):
        return False
    there = _with_above({*folders, *(path.rpartition("/")[0] for path in files)})
    # A hash takes a third of its text's memory; where two texts share one by chance, each is looked at by itself.
    keys = set(map(hash, map(str.lower, chain(files, there))))
    return len(keys) == len(files) + len(there)


def tree_is_plain(
    folders: Collection[str], names: Collection[tuple[str, ...]], names_in: Callable[[str], Sequence[str]]
) -> bool:
    """Whether all paths of a folder are sound, told by its folders and the few sets of names in them.

    Where this is not so, `path_problems` says why, if there is a reason.

    Args:
        folders: All folders, by path order.
        names: The names of the files in each folder, once where they are the same.
        names_in: Gives the names of the files in a folder.
    """
    if not all(map(are_plain, chain(_portions(filter(None, folders)), names))):
        return False
    if any(len(set(map(str.lower, some))) < len(some) for some in names) or _come_twice(folders):
        return False
    longest = max(map(len, folders), default=0) + max(map(len, chain.from_iterable(names)), default=0)
    return longest < PATH_LIMIT_BYTES // 4 and not _are_files_too(folders, names_in)


def _come_twice(folders: Collection[str]) -> bool:
    """Whether some folders are one where case does not count."""
    if all(one < other for one, other in pairwise(map(str.lower, folders))):
        return False
    return len(set(map(hash, map(str.lower, folders)))) < len(folders)


def _are_files_too(folders: Iterable[str], names_in: Callable[[str], Sequence[str]]) -> bool:
    """Whether a file lies beside a folder that is called as it is, where case does not count."""
    above, beside = None, frozenset[str]()
    for folder in folders:
        its_above, _, name = folder.rpartition("/")
        if its_above != above:
            above, beside = its_above, frozenset(map(str.lower, names_in(its_above)))
        if name.lower() in beside:
            return True
    return False


def _with_above(folders: set[str]) -> set[str]:
    """Add all folders above to some folders; the root is none of them."""
    there, above = set(folders), {path.rpartition("/")[0] for path in folders}
    while above := above - there:
        there |= above
        above = {path.rpartition("/")[0] for path in above}
    return there - {""}


def _portions(paths: Iterable[str]) -> Iterator[Sequence[str]]:
    paths = iter(paths)
    while portion := list(islice(paths, _TOGETHER)):
        yield portion


def are_plain(paths: Sequence[str]) -> bool:
    """Whether paths are sound, each by itself, as most are; what is not plain must be looked at one by one."""
    whole = "/".join(paths)
    if not whole.isascii() or whole.encode().translate(None, _PLAIN_CHARACTERS):
        return False
    return not any(map(_name_problem, set(whole.split("/"))))


def _each_problem(files: Iterable[str], folders: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Find what `path_problems` finds, one path after the other."""
    seen_files: dict[str, str] = {}
    seen_folders: dict[str, str] = {}
    known: set[str] = set()

    def enter(folder: str) -> Iterator[tuple[str, str]]:
        while folder and folder not in known:
            known.add(folder)
            key = collision_key(folder)
            other = seen_folders.setdefault(key, folder)
            if other != folder:
                yield folder, f"differs from {other} only by case or Unicode normalisation"
            folder = folder.rpartition("/")[0]

    for path in files:
        folder, _, name = path.rpartition("/")
        # Most files lie in a folder that is known to be sound, and have a name that many others have.
        problem = _one_name_problem(name) if folder in known else path_problem(path)
        if problem:
            yield path, problem
            continue
        key = collision_key(path)
        if key in seen_files:
            yield path, _clash(path, seen_files[key])
        seen_files.setdefault(key, path)
        if folder not in known:
            yield from enter(folder)
    for path in folders:
        if problem := path_problem(path):
            yield path, problem
        else:
            yield from enter(path)
    for key in seen_files.keys() & seen_folders.keys():
        yield seen_files[key], f"is a file, and {seen_folders[key]} is a folder"


def _clash(path: str, other: str) -> str:
    if path == other:
        return "comes twice"
    return f"differs from {other} only by case or Unicode normalisation"


def is_text(path: str) -> bool:
    """Whether a name is Unicode, so that a list of files can have it; on disk it need not be."""
    if path.isascii():
        return True
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def config_names(domains: Iterable[str]) -> dict[str, str]:
    """Give every domain a config name that `datasets` and every file system accept.

    A plain name stays as it is. One with other characters, a reserved one and those that differ only by case
    get a few digits of their hash, so that no two meet and a name does not depend on the other domains' order.

    Args:
        domains: The domains of one dataset.

    Returns:
        Domain to config name, in the order of the domains' names.
    """
    ordered = sorted(set(domains))
    keys = Counter(collision_key(domain) for domain in ordered)
    names = {
        domain: domain for domain in ordered if keys[collision_key(domain)] == 1 and _is_plain_config(domain)
    }
    taken = {collision_key(name) for name in names.values()}
    for domain in ordered:
        if domain not in names:
            name, salt = _hashed_config(domain, ""), 0
            while collision_key(name) in taken:
                salt += 1
                name = _hashed_config(domain, str(salt))
            names[domain] = name
            taken.add(collision_key(name))
    return {domain: names[domain] for domain in ordered}


def _hashed_config(domain: str, salt: str) -> str:
    import hashlib

    digest = hashlib.sha256(f"{salt}{domain}".encode("utf-8", "surrogatepass")).hexdigest()[:8]
    readable = _CONFIG_CHARACTERS.sub("-", domain).replace(".", "-").strip("_-")
    readable = readable.encode("utf-8", "ignore")[:64].decode("utf-8", "ignore")
    return f"{readable}-{digest}" if readable else f"domain-{digest}"


def _is_plain_config(name: str) -> bool:
    # `datasets` passes over folders that start with "." or "__" when it looks for data files.
    hidden = name.startswith((".", "__", "-"))
    plain = not hidden and name not in _RESERVED_CONFIGS and not _CONFIG_CHARACTERS.search(name)
    return plain and len(name.encode("utf-8", "surrogatepass")) <= 80 and path_problem(name) is None
