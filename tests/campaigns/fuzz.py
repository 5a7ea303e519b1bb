"""Let atheris look for bytes that a harness does not bear: ``python -m tests.campaigns.fuzz card -max_total_time=60``.

It wants the extra `fuzz`. What it finds is a file ``crash-…``, which given behind the harness's name is tried again.
"""

import sys
from pathlib import Path

SEEDS = {
    "card": [b"---\nlicense: mit\n# note\nvmeval_hfds:\n  schema_version: 2\n  builder: questions\ndataset_info: []\n---\n# A\n"],
    "names": [b"maze_task/maze_0000/prompt.txt", "日本/é ".encode(), b"CON", b"a:b", b"../x", b"\xff"],
    "json_flattening": [b'{"id": "a", "a.b": {"c": [1, 2.5, null]}, "n": 12345678901234567890}'],
    "facts": [
        b'{"version": 2, "builder": "questions", "groups": {"maze": "maze"}, "shards": {"s": {"sha256": "", "size": 1, '
        b'"rows": 1, "table_bytes": 1, "source_bytes": 1}}}'
    ],
    "thrift": [b"\x15\x00\x15\x14\x15\x18\x2c\x15\x02\x15\x00\x00\x00"],
}  # fmt: skip


def main() -> None:
    """Fuzz one harness until libFuzzer's options end it."""
    import atheris

    with atheris.instrument_imports(include=["vmeval_builders", "vmeval_hfds"]):
        from tests.campaigns.harness import HARNESSES
    if len(sys.argv) < 2 or sys.argv[1] not in HARNESSES:
        sys.exit(
            f"usage: python -m tests.campaigns.fuzz ({' | '.join(HARNESSES)}) [CORPUS] [-max_total_time=60 …]"
        )
    name = sys.argv.pop(1)
    corpus = [Path(word) for word in sys.argv[1:] if not word.startswith("-")]
    if corpus and corpus[0].is_dir():
        for number, seed in enumerate(_seeds(name)):
            (corpus[0] / f"seed-{number}").write_bytes(seed)
    atheris.Setup(sys.argv, HARNESSES[name])
    atheris.Fuzz()


def _seeds(name: str) -> list[bytes]:
    if name != "tar_index":
        return SEEDS[name]
    import io
    import tarfile

    found = []
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        written = io.BytesIO()
        with tarfile.open(fileobj=written, mode="w", format=form) as archive:
            for called in ("maze_task/maze_0000/prompt.txt", "é" * 90):
                info = tarfile.TarInfo(called)
                info.size, info.mtime = 3, 1.5
                archive.addfile(info, io.BytesIO(b"Go."))
        found.append(written.getvalue()[:4_096])
    return found


if __name__ == "__main__":
    main()
