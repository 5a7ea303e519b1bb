"""Random folders: names, bytes, JSON, links and times, by folder, tar and Hub; what is taken comes back exactly."""

import json
import os
import tarfile
from pathlib import Path
from random import Random

from tests.campaigns.run import Campaign, WrongError
from tests.factories import MP4, png, write
from tests.hostile import HOSTILE_PATHS, LEGAL_PATHS
from tests.run_factories import RUN, write_run
from vmeval_hfds import build, check_folder, export, info, push_to_hub, verify
from vmeval_hfds.errors import VmevalError
from vmeval_hfds.store.repository import open_repo

_LEGAL = [part for path in LEGAL_PATHS for part in path.split("/")]
_HOSTILE = [one.path for one in HOSTILE_PATHS if one.on_disk]
_FILES = ["first_frame.png", "final_frame.png", "prompt.txt", "question_metadata.json", "ground_truth.mp4"]
_LETTERS = "abz019 ._-éß日本𝔘\u0301ﬁI\u0130 #%&+=@~{}()[]'!,;"


def name(chosen: Random) -> str:
    """Choose a file's name: mostly one that everything takes, now and then one that nothing should."""
    kind = chosen.random()
    if kind < 0.02:
        return chosen.choice(_HOSTILE).strip("/") or "x"
    if kind < 0.03:
        return os.fsdecode(chosen.randbytes(chosen.randrange(1, 8)).translate(None, b"\0/")) or "x"
    if kind < 0.5:
        return chosen.choice(["maze_0000", "maze_task", "chess_task", "video", "a", "0", "run_1", "question"])
    if kind < 0.6:
        return chosen.choice(_LEGAL)
    return "".join(chosen.choices(_LETTERS, k=chosen.choice([1, 2, 5, 12, 60]))).strip(" .#") or "x"


def value(chosen: Random, depth: int = 0) -> object:
    """Choose a JSON value."""
    kind = chosen.randrange(9 if depth < 4 else 7)
    if kind == 7:
        return [value(chosen, depth + 1) for _ in range(chosen.randrange(4))]
    if kind == 8:
        keys = ["id", "domain", "prompt", "a.b", "", "difficulty", "path", "\ud800", "é"]
        return {chosen.choice(keys): value(chosen, depth + 1) for _ in range(chosen.randrange(4))}
    return [None, True, 10**400, -0.0, float("nan"), "text\0\x1b[31m", "\udc00"][kind]


def json_bytes(chosen: Random) -> bytes:
    """Choose the bytes of a JSON file, or of what only is called so."""
    kind = chosen.random()
    if kind < 0.05:
        return chosen.choice(
            [b"", b"\xff", b"[" * 100_000, b"{" + b'"a":{' * 5_000, b'{"n":' + b"9" * 5_000, b"null"]
        )
    stated = {"id": name(chosen), "domain": "maze"} if chosen.random() < 0.7 else {}
    for _ in range(chosen.randrange(4)):
        stated[chosen.choice(["id", "difficulty", "created_at", "prompt", "x", "a.b"])] = value(chosen)
    text = json.dumps(stated, ensure_ascii=chosen.random() < 0.7, indent=chosen.choice([None, 2]))
    return chosen.choice([b"", b"", b"\xef\xbb\xbf"]) + text.encode("utf-8", "surrogatepass")


def content(chosen: Random, called: str) -> bytes:
    """Choose the bytes of a file that is called so."""
    if called.endswith(".json"):
        return json_bytes(chosen)
    kind = chosen.random()
    if called.endswith(".png") and kind < 0.95:
        return png(chosen.randrange(9), (chosen.randrange(1, 9), chosen.randrange(1, 9)))
    if called.endswith(".mp4") and kind < 0.9:
        return MP4 + chosen.randbytes(chosen.randrange(200))
    return chosen.choice(
        [b"", b"\r\n", "90° — é\n".encode(), b"\xff\xfe", chosen.randbytes(300), bytes(2_000)]
    )


def write_random(chosen: Random, folder: Path) -> str:
    """Write a folder; give the builder that it is meant for."""
    folder.mkdir()
    outputs = chosen.random() < 0.3
    for _ in range(chosen.randrange(1, 5)):
        above = "/".join(name(chosen) for _ in range(chosen.randrange(0, 4)))
        place = folder / above if above else folder
        kind = chosen.random()
        try:
            if outputs and kind < 0.6:
                write_run(folder, RUN.replace("wan", name(chosen)).replace("0000", f"{chosen.randrange(9)}"))
            elif kind < 0.6:
                for called in _FILES[:3] if chosen.random() < 0.7 else chosen.sample(_FILES, 3):
                    write(place / called, content(chosen, called))
            elif kind < 0.8:
                called = name(chosen) + chosen.choice(["", ".txt", ".json", ".png"])
                write(place / called, content(chosen, called))
            elif kind < 0.9:
                place.mkdir(parents=True, exist_ok=True)
            else:
                _link(chosen, folder, place)
        except (OSError, ValueError):
            continue  # A file is where a folder would be, or the name is too long for the disk.
    _set_times(chosen, folder)
    return "outputs" if outputs else chosen.choice(["questions", "questions", "files"])


def _link(chosen: Random, folder: Path, place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    inside = [path for path in folder.rglob("*") if path.is_file()]
    target = chosen.choice([*inside, folder, Path("/etc"), Path("nowhere"), place])
    (place / name(chosen)).symlink_to(
        os.path.relpath(target, place) if target.is_absolute() and chosen.random() < 0.8 else target
    )


def _set_times(chosen: Random, folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        if not path.is_symlink():
            ns = chosen.choice([0, 1, -1_500_000_000, 2**31 * 10**9, 1_763_923_281_068_030_123])
            os.utime(path, ns=(ns, ns + chosen.randrange(10**9)))


def contents(folder: Path) -> dict[str, bytes | None]:
    """Map what is in a folder to its bytes, empty folders too; links are what they lead to."""
    found: dict[str, bytes | None] = {}
    for above, folders, files in os.walk(folder, followlinks=True):
        relative = os.path.relpath(above, folder)
        prefix = "" if relative == "." else f"{relative}/"
        if not folders and not files and prefix:
            found[prefix] = None
        found.update((f"{prefix}{one}", Path(above, one).read_bytes()) for one in files)
    return found


def times(folder: Path) -> dict[str, int]:
    """Map what is in a folder to its modification time; not what links lead to."""
    return {
        os.path.relpath(path, folder): path.lstat().st_mtime_ns
        for path in [folder, *folder.rglob("*")]
        if not path.is_symlink()
    }


def pack(chosen: Random, folder: Path, target: Path) -> Path:
    """Pack a folder in any order."""
    form = chosen.choice([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
    paths = sorted(folder.rglob("*"))
    chosen.shuffle(paths)
    gz = chosen.random() < 0.3
    archive = target / ("a.tar.gz" if gz else "a.tar")
    with tarfile.open(archive, "w:gz" if gz else "w", format=form, dereference=True) as packed:
        for path in [folder, *paths]:
            packed.add(path, os.path.relpath(path, folder), recursive=False)
    return archive


def case(chosen: Random, work: Path, hub: str | None) -> str:
    """Take a folder by one of the ways to a dataset and back."""
    folder = work / "folder"
    builder = write_random(chosen, folder)
    way = chosen.choice(["folder", "folder", "tar", "hub"] if hub else ["folder", "folder", "tar"])
    source = folder
    if way == "tar":
        if any(path.is_symlink() and path.is_dir() for path in folder.rglob("*")):
            return "refused"  # tarfile packs such a link as an empty folder.
        try:
            source = pack(chosen, folder, work)
        except (OSError, ValueError):
            return "refused"  # tarfile's own: a link that leads nowhere.
    check_folder(source, builder=builder)
    loose = {"keep_incomplete": chosen.random() < 0.8}
    try:
        if way == "hub":
            repo = f"user/{work.parent.name}-{chosen.randrange(10**9)}"
            push_to_hub(source, repo, builder=builder, **loose)
            dataset = open_repo(repo)
        else:
            dataset = build(source, work / "dataset", builder=builder, num_proc=1, **loose).target
    except VmevalError:
        if (work / "dataset").exists() or any(one.name.startswith(".") for one in work.iterdir()):
            raise WrongError(f"a refusal left something behind: {os.listdir(work)}") from None
        raise
    info(dataset)
    export(dataset, work / "out", num_proc=1)
    _compare(folder, work / "out", builder == "outputs" and way != "tar")
    if not verify(source, dataset, builder=builder if chosen.random() < 0.5 else None).same:
        raise WrongError("verify says that the folder differs")
    return "exact"


def _compare(folder: Path, out: Path, with_times: bool) -> None:
    one, other = contents(folder), contents(out)
    if one != other:
        differing = sorted(path for path in {*one, *other} if one.get(path, "") != other.get(path, ""))
        raise WrongError(f"came back otherwise: {differing[:5]!r}")
    if with_times:
        before, after = times(folder), times(out)
        differing = [path for path, time in before.items() if after.get(path, time) != time]
        if differing:
            raise WrongError(f"came back with other times: {differing[:5]!r}")


def prepare(chosen: Random, work: Path) -> str | None:
    """Give the Hub's address, where there is one."""
    return os.environ.get("HF_ENDPOINT")


CAMPAIGN = Campaign("folders", prepare, case)
