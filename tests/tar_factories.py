"""Tar archives as others write them, whole and damaged, and what is listed of them."""

import gzip
import io
import random
import shutil
import subprocess
import tarfile

from vmeval_builders.choice import Choice
from vmeval_builders.scan import scan_archive
from vmeval_builders.sources.archive import index_archive

PAX, GNU, USTAR = tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT
BLOCK = 512


END = bytes(2 * BLOCK)


AS_IT_IS = Choice(keeps_top_folder=True)


LONG = "/".join(["m" * 80, "n" * 80, "o" * 80])


def gz(content, level=9, mtime=0):
    """Compress without the time of day: some archives are a part of their test's name, which all workers must agree on."""
    return gzip.compress(content, level, mtime=mtime)


# Archives, whole and piece by piece


def member(name, content=b"", kind=tarfile.REGTYPE, **fields):
    """One member; `fields` are those of `TarInfo`."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def folder(name, **fields):
    return member(name, kind=tarfile.DIRTYPE, **fields)


def pack(*members, form=PAX, **options):
    """The bytes of an archive; a pair of name and content is a file."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form, **options) as tar:
        for info, content in members:
            info, content = (info, content) if isinstance(info, tarfile.TarInfo) else member(info, content)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def header(kind=tarfile.REGTYPE, name="a", form=GNU, **fields):
    """One header block, of a member that tarfile itself would not write."""
    return member(name, kind=kind, **fields)[0].tobuf(form)


def padded(content):
    return content + bytes(-len(content) % BLOCK)


def extension(kind, body):
    return header(kind, "extension", size=len(body)) + padded(body)


def record(keyword, value):
    body = b" %s=%s\n" % (keyword.encode(), value)
    digits = next(count for count in range(1, 9) if len(str(len(body) + count)) == count)
    return b"%d%s" % (len(body) + digits, body)


def written(folder, content, name="a.tar"):
    path = folder / name
    path.write_bytes(content)
    return path


def both(content):
    """The archive plain and compressed, with their names."""
    return [("a.tar", content), ("a.tar.gz", gz(content, mtime=0))]


def contents(path):
    """What an archive holds, read in the order of its index."""
    index = index_archive(path)
    return {entry.path: index.source.read(entry) for entry in index.files}


def listing(path):
    """All that an index says, and all bytes."""
    index = index_archive(path)
    return index.files, index.folders, index.problems, [index.source.read(entry) for entry in index.files]


def problems(path):
    return {
        (problem.code, problem.path): problem.message for problem in scan_archive(path, AS_IT_IS).problems
    }


def pack_members(folder, archive, *members, remove=True):
    """Pack members of a folder, and take them out of it; gzip by the archive's name."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["tar", "--format=pax", "-caf", archive, "-C", folder, *members], check=True)
    for member in members if remove else ():
        shutil.rmtree(folder / member)


def noise(size, seed=0):
    return random.Random(seed).randbytes(size)


# Damage

WHOLE = pack(
    folder("d", pax_headers={"mtime": "5.5"}),
    member("d/a", b"1" * 700, pax_headers={"mtime": "1.5"}),
    (LONG, b"22"),
    ("d/empty", b""),
) + bytes(BLOCK)
