"""A tar of a folder is as good as the folder: check, build and push read it as a stream, and export writes folders."""

import io
import os
import random
import subprocess
import tarfile

import pytest

from tests.factories import run_command, tree, write_rich_folder
from tests.run_factories import scatter_times, times, write_results, write_run, write_runs
from vmeval_builders.rows import read_unit
from vmeval_builders.scan import scan_rows
from vmeval_hfds import build, check_folder, export, hf_upload, info, push_to_hub, to_dataset, verify
from vmeval_hfds.errors import FolderError
from vmeval_hfds.store.repository import open_repo

KINDS = {"questions": write_rich_folder, "outputs": write_runs, "evaluations": write_results}
FORMS = {"tar": "w", "tar.gz": "w:gz", "tgz": "w:gz"}


@pytest.fixture(params=KINDS)
def any_folder(request, tmp_path):
    made = tmp_path / "source" / request.param
    made.mkdir(parents=True)
    KINDS[request.param](made)
    scatter_times(made)
    return made


def pack(folder, target, mode="w", seed=None):
    """Pack a folder; with a seed, its members come in another order."""
    paths = sorted(folder.rglob("*"))
    if seed is not None:
        random.Random(seed).shuffle(paths)
    with tarfile.open(target, mode, format=tarfile.PAX_FORMAT) as archive:
        for path in [folder, *paths]:
            name = path.relative_to(folder).as_posix()
            member = archive.gettarinfo(path, name)
            member.pax_headers["mtime"] = _seconds(path.stat().st_mtime_ns)
            with path.open("rb") if path.is_file() else io.BytesIO() as content:
                archive.addfile(member, content if path.is_file() else None)
    return target


def _seconds(time_ns):
    whole, rest = divmod(time_ns, 10**9)
    return f"{whole}.{rest:09d}" if whole >= 0 else str(whole)


def test_a_rows_files_are_read_in_the_archives_order(tmp_path, any_folder):
    scan = scan_rows(pack(any_folder, tmp_path / "packed.tar.gz", "w:gz", seed=1))
    read = []

    class Recorded:
        def read(self, entry):
            read.append(entry.offset)
            return scan.source.read(entry)

    for unit in scan.units:
        read.clear()
        read_unit(Recorded(), scan.layout, unit)
        assert read == sorted(entry.offset for entry in unit.files.values())


@pytest.mark.parametrize("form", FORMS)
def test_verify_tells_what_an_archive_has_otherwise(tmp_path, form):
    folder = write_rich_folder(tmp_path / "questions")
    build(folder, tmp_path / "dataset", keep_incomplete=True)
    lost, changed = sorted(path for path in tree(folder) if path.endswith("prompt.txt"))[:2]
    (folder / lost).rename(folder / "new.txt")
    (folder / changed).write_bytes(b"other")
    archive = pack(folder, tmp_path / f"packed.{form}", FORMS[form])
    found = verify(archive, tmp_path / "dataset")
    assert (found.missing, found.extra, found.different) == ([lost], ["new.txt"], [changed])


def test_verify_takes_no_name_that_comes_twice(tmp_path):
    folder = write_rich_folder(tmp_path / "questions")
    build(folder, tmp_path / "dataset", keep_incomplete=True)
    archive = pack(folder, tmp_path / "packed.tar")
    twice = min(path for path in tree(folder) if path.endswith("prompt.txt"))
    with tarfile.open(archive, "a") as packed:
        packed.add(folder / twice, twice)
    assert verify(archive, tmp_path / "dataset").different == [twice]


def test_the_time_of_a_folder_that_is_no_member_is_not_compared(tmp_path):
    folder = write_runs(tmp_path / "outputs")
    build(folder, tmp_path / "dataset", builder="outputs")
    with tarfile.open(tmp_path / "packed.tar", "w", format=tarfile.PAX_FORMAT) as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file() or not any(path.iterdir()):
                member = packed.gettarinfo(path, path.relative_to(folder).as_posix())
                member.pax_headers["mtime"] = _seconds(path.stat().st_mtime_ns)
                with path.open("rb") if path.is_file() else io.BytesIO() as content:
                    packed.addfile(member, content if path.is_file() else None)
    assert verify(tmp_path / "packed.tar", tmp_path / "dataset").same


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", [None, 1])
def test_it_comes_back_as_the_folder(any_folder, tmp_path, form, seed):
    archive = pack(any_folder, tmp_path / f"packed.{form}", FORMS[form], seed)
    of_folder, of_archive = (
        build(source, tmp_path / name, keep_incomplete=True)
        for source, name in ((any_folder, "a"), (archive, "b"))
    )
    assert (of_archive.builder, of_archive.rows, of_archive.configs) == (
        *(of_folder.builder, of_folder.rows, of_folder.configs),
    )
    assert {path: content for path, content in tree(tmp_path / "b").items() if path.startswith("data/")} == {
        path: content for path, content in tree(tmp_path / "a").items() if path.startswith("data/")
    }
    export(tmp_path / "b", tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(any_folder)
    for one in (any_folder, archive):
        assert verify(one, tmp_path / "a").same
        assert verify(one, tmp_path / "b").same
    if of_archive.builder == "outputs":
        assert times(tmp_path / "rebuilt") == times(any_folder)
    assert [*check_folder(archive)] == [*check_folder(any_folder)]
    assert info(archive).rows == info(any_folder).rows


def test_it_can_be_pushed(any_folder, tmp_path, hub):
    archive = pack(any_folder, tmp_path / "packed.tar.gz", "w:gz", seed=2)
    push_to_hub(archive, "user/packed", keep_incomplete=True)
    export(open_repo("user/packed"), tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(any_folder)


def test_it_becomes_a_dataset(tmp_path):
    write_results(tmp_path / "evaluations")
    archive = pack(tmp_path / "evaluations", tmp_path / "packed.tar")
    dataset = to_dataset(archive, cache_dir=tmp_path / "cache")
    assert dataset["path"][:] == to_dataset(tmp_path / "evaluations", cache_dir=tmp_path / "c2")["path"][:]


@pytest.mark.skipif(not os.path.exists("/bin/tar"), reason="there is no tar")
def test_the_command_takes_what_tar_packs(tmp_path):
    write_runs(tmp_path / "outputs")
    subprocess.run(["/bin/tar", "-czf", tmp_path / "o.tar.gz", "-C", tmp_path / "outputs", "."], check=True)
    done = run_command("build", "--path", tmp_path / "o.tar.gz", "--target", tmp_path / "dataset")
    assert done.returncode == 0, done.stderr
    assert "Detected: outputs" in done.stderr
    export(tmp_path / "dataset", tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(tmp_path / "outputs")


def hostile(name, **changes):
    member = tarfile.TarInfo(name)
    for key, value in changes.items():
        setattr(member, key, value)
    return member


HOSTILE = {
    "link": hostile("maze_task/link", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "hard-link": hostile("maze_task/link", type=tarfile.LNKTYPE, linkname="notes.md"),
    "device": hostile("maze_task/null", type=tarfile.CHRTYPE),
    "pipe": hostile("maze_task/pipe", type=tarfile.FIFOTYPE),
    "upwards": hostile("../evil"),
    "absolute": hostile("/tmp/evil"),
    "twice": hostile("notes.md"),
    "case": hostile("NOTES.md"),
}


@pytest.mark.parametrize("member", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_member_is_refused_before_anything_is_written(tmp_path, member):
    archive = pack(write_rich_folder(tmp_path / "questions"), tmp_path / "packed.tar")
    with tarfile.open(archive, "a") as more:
        more.addfile(member, io.BytesIO())
    with pytest.raises(FolderError) as refused:
        build(archive, tmp_path / "dataset", keep_incomplete=True)
    assert any(problem.path.strip("/") == member.name.strip("/") for problem in refused.value.problems)
    assert not (tmp_path / "dataset").exists()


def test_a_mirror_takes_folders_only(tmp_path, hub):
    archive = pack(write_rich_folder(tmp_path / "questions"), tmp_path / "packed.tar")
    with pytest.raises(NotADirectoryError):
        hf_upload(archive, "user/mirror")


def test_outputs_whose_archive_does_not_name_the_folder_itself_come_back(tmp_path):
    folder = tmp_path / "outputs"
    for experiment in ("first", "second"):
        write_run(folder, f"{experiment}/wan/maze_task/maze_0000/run")
    archive = tmp_path / "outputs.tar"
    with tarfile.open(archive, "w") as tar:
        for top in sorted(folder.iterdir()):
            tar.add(top, top.name)
    dataset = build(archive, tmp_path / "dataset").target
    export(dataset, tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(folder)
