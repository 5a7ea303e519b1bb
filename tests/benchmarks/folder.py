"""A question folder of any size in seconds: drawn questions, repeated, each with bytes of its own."""

import base64
import json
import random
import struct
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.benchmarks.pictures import grey_png
from vmeval_hfds.sample import write_sample

DOMAINS = 5
DRAWN_PER_DOMAIN = 12
#: What a question of VMEvalKit's own generators takes on average.
QUESTION_BYTES = 74_000

FRAMES = ("first_frame.png", "final_frame.png")
_HEADER_END = 33  # The signature and IHDR have one length in every PNG.


@dataclass(frozen=True)
class _Drawn:
    """A question as it was drawn."""

    metadata: dict[str, object]
    files: dict[str, bytes]


def write_questions(target: Path, questions: int, seed: int = 0, frame_bytes: int | None = None) -> Path:
    """Write a folder of `questions` questions in five domains, no two files of which are the same.

    Frames are drawn pictures with a tEXt chunk, as matplotlib puts one in too; the chunk makes each distinct and
    brings a question to about `QUESTION_BYTES`. Or they are tiny pictures that the chunk brings to `frame_bytes`,
    and the manifest states no more of a question than its id and domain.
    """
    drawn = _draw(seed)
    if frame_bytes is not None:
        tiny = dict.fromkeys(FRAMES, grey_png(b"\x80"))
        drawn = {
            name: [replace(one, files=one.files | tiny) for one in choices] for name, choices in drawn.items()
        }
    names = sorted(drawn)
    pairs = []
    for number in range(questions):
        domain = names[number % len(names)]
        index = number // len(names)
        generator = random.Random(f"{seed}/{number}")
        pairs.append(_write_question(target, domain, index, drawn[domain], frame_bytes, generator))
    if frame_bytes is not None:
        pairs = [{key: pair[key] for key in ("id", "domain")} for pair in pairs]
    random.Random(seed).shuffle(pairs)
    manifest = {"name": "vmeval_dataset", "total_pairs": len(pairs), "pairs": pairs}
    (target / "vmeval_dataset.json").write_bytes(json.dumps(manifest, indent=2).encode())
    return target


def change_questions(folder: Path, domain: str, count: int) -> None:
    """Give some questions of a domain, evenly spread, other first frames of the same size."""
    tasks = sorted((folder / f"{domain}_task").iterdir())
    for number in range(count):
        frame = tasks[number * len(tasks) // count] / FRAMES[0]
        plain = without_mark(frame.read_bytes())
        padding = frame.stat().st_size - len(plain)
        frame.write_bytes(_marked(plain, padding, random.Random(f"changed/{frame}")))


def without_mark(png: bytes) -> bytes:
    """Give a frame as it was drawn, without the chunk that made it distinct."""
    (length,) = struct.unpack_from(">I", png, _HEADER_END)
    return png[:_HEADER_END] + png[_HEADER_END + 12 + length :]


def _draw(seed: int) -> dict[str, list[_Drawn]]:
    drawn: dict[str, list[_Drawn]] = {}
    with tempfile.TemporaryDirectory(prefix="vmeval-hfds-benchmark-") as name:
        sample = write_sample(Path(name) / "sample", DRAWN_PER_DOMAIN, seed, num_proc=1)
        for folder in sorted(sample.glob("*_task"))[:DOMAINS]:
            domain = folder.name.removesuffix("_task")
            drawn[domain] = [_read(task) for task in sorted(folder.iterdir())]
    return drawn


def _read(task: Path) -> _Drawn:
    files = {file.name: file.read_bytes() for file in task.iterdir()}
    metadata = json.loads(files.pop("question_metadata.json"))
    return _Drawn(metadata, files)


def _write_question(
    target: Path,
    domain: str,
    index: int,
    choices: Sequence[_Drawn],
    frame_bytes: int | None,
    generator: random.Random,
) -> dict[str, object]:
    drawn = choices[index % len(choices)]
    prompt = f"{drawn.files['prompt.txt'].decode()} (Variant {index}.)"
    metadata = drawn.metadata | {"id": f"{domain}_{index:05d}", "prompt": prompt}
    text = json.dumps(metadata, indent=2).encode()
    files = drawn.files | {"prompt.txt": prompt.encode(), "question_metadata.json": text}
    missing = max(0, QUESTION_BYTES - sum(map(len, files.values()))) // len(FRAMES)
    for name in FRAMES:
        added = missing if frame_bytes is None else frame_bytes - len(files[name])
        files[name] = _marked(files[name], added, generator)
    folder = target / f"{domain}_task" / f"{domain}_{index:05d}"
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return metadata


def _marked(png: bytes, added_bytes: int, generator: random.Random) -> bytes:
    """Put a tEXt chunk of random letters behind a PNG's header."""
    keyword = b"tEXtComment\0"
    count = max(32, added_bytes - len(keyword) - 8)
    body = keyword + base64.b64encode(generator.randbytes(count))[:count]
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:_HEADER_END] + chunk + png[_HEADER_END:]
