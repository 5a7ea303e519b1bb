"""Push and export beside a raw mirror, on the tests' Hub: ``python -m tests.benchmarks.hub``."""

import argparse
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.hub_process import HubProcess
from tests.benchmarks.measure import (
    Run,
    megabytes,
    print_table,
    remove,
    run_call,
    same_trees,
    say,
    yes_no,
)
from tests.hub import Request

EXPORT_TIMES_FASTER = 25
CHANGED_DOMAIN = "maze"
ONE_TASK_IN = 100

TABLE, MIRROR = "user/questions", "user/mirror"
#: What a snapshot has and the uploaded folder has not.
ADDED_BY_SNAPSHOT = (".cache", ".gitattributes")
#: Variables that would lead clients elsewhere than to the tests' Hub and an empty home.
FOREIGN = re.compile(r"(HF|HUGGING_?FACE)_.*")


@dataclass(frozen=True)
class Traffic:
    """One run of a client, and what it asked of the Hub."""

    run: Run
    requests: list[Request]

    @property
    def sent_bytes(self) -> int:
        """Bytes of all requests' bodies."""
        return sum(request.request_bytes for request in self.requests)

    @property
    def received_bytes(self) -> int:
        """Bytes of all answers' bodies."""
        return sum(request.response_bytes for request in self.requests)

    @property
    def uploads(self) -> dict[str, int]:
        """Map what was sent of large files to the bytes that took: a file's sha256, or a xorb's hash."""
        sent: dict[str, int] = {}
        for request in self.requests:
            if request.brings_content and (oid := re.search(r"[0-9a-f]{64}", request.path)):
                sent[oid[0]] = sent.get(oid[0], 0) + request.request_bytes
        return sent


class Bench:
    """A Hub, a folder, and clients that each start with an empty home.

    Args:
        hub: The Hub.
        work: An empty directory.
        xet: Whether the clients send and fetch large files by way of Xet, or of LFS.
    """

    def __init__(self, hub: HubProcess, work: Path, xet: bool):
        self.hub, self.work, self.xet = hub, work, xet
        self.source, self.exported, self.snapshot = work / "questions", work / "exported", work / "snapshot"

    def client(self, name: str, *arguments: object) -> Traffic:
        """Run a call in a fresh process with an empty home."""
        say(name)
        self.hub.take_requests()
        with tempfile.TemporaryDirectory(prefix="home-", dir=self.work) as home:
            run = run_call(name, *arguments, environment=self._environment(home))
        traffic = Traffic(run, self.hub.take_requests())
        say(f"  {run.seconds:.2f} s, {len(traffic.requests)} requests")
        return traffic

    def export(self) -> Traffic:
        """Export the table to an absent folder."""
        remove(self.exported)
        traffic = self.client("export_repo", TABLE, self.exported)
        if not same_trees(self.source, self.exported):
            raise SystemExit("the exported folder is not the source")
        return traffic

    def fetch_mirror(self) -> Traffic:
        """Fetch the raw mirror to an absent folder, with huggingface_hub alone."""
        remove(self.snapshot)
        traffic = self.client("snapshot", MIRROR, self.snapshot)
        if not same_trees(self.source, self.snapshot, excluded=ADDED_BY_SNAPSHOT):
            raise SystemExit("the snapshot of the raw mirror is not the source")
        return traffic

    def _environment(self, home: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not FOREIGN.fullmatch(name)}
        return kept | {
            "HF_HOME": home,
            "HF_ENDPOINT": self.hub.endpoint,
            "HF_TOKEN": self.hub.token,
            "HF_HUB_DISABLE_XET": str(int(not self.xet)),
            # What the tests' store can read.
            "HF_XET_XORB_COMPRESSION_POLICY": "none",
            "HF_XET_CLIENT_LEGACY_DIRECT_XORB_UPLOAD": "1",
            "HF_XET_TELEMETRY_ENABLED": "false",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        }


def measure_all(bench: Bench, questions: int, repeats: int) -> None:
    """Measure everything and print the tables."""
    run_call("folder", bench.source, questions)
    files = bench.hub.mirror(MIRROR, bench.source)
    say(f"{questions} questions, {files} files")

    rows: list[tuple[str, Traffic]] = [("push, to an empty Hub", bench.client("push", bench.source, TABLE))]
    rows.append(("push again, nothing changed", bench.client("push", bench.source, TABLE)))
    exports = [bench.export() for _ in range(repeats)]
    exports.sort(key=lambda one: one.run.seconds)
    rows.append(("load_dataset", bench.client("load", TABLE)))
    if rows[-1][1].run.result != questions:
        raise SystemExit(f"load_dataset found {rows[-1][1].run.result} questions")
    rows.append((f"export, median of {repeats}", exports[(repeats - 1) // 2]))
    rows.append(("verify", bench.client("verify_repo", bench.source, TABLE)))
    if not rows[-1][1].run.result:
        raise SystemExit("verify found differences")
    rows.append(("snapshot_download of the raw mirror", bench.fetch_mirror()))
    mirrored = rows[-1][1].run.seconds

    changed = max(1, questions // ONE_TASK_IN)
    run_call("change", bench.source, CHANGED_DOMAIN, changed)
    second = bench.client("push", bench.source, TABLE)
    rows.insert(2, (f"push, {changed} questions of {CHANGED_DOMAIN} changed", second))
    bench.export()

    print_table(
        ["what", "seconds", "whole process", "requests", "sent MB", "received MB"],
        [
            [
                title,
                f"{traffic.run.seconds:.2f}",
                f"{traffic.run.wall_seconds:.2f}",
                str(len(traffic.requests)),
                megabytes(traffic.sent_bytes),
                megabytes(traffic.received_bytes),
            ]
            for title, traffic in rows
        ],
    )
    print()
    _print_uploads(bench.hub.paths(TABLE), second)
    _print_targets(mirrored, median(one.run.seconds for one in exports), bench, second)


def _print_uploads(paths: dict[str, str], second: Traffic) -> None:
    uploads = second.uploads
    print(f"Sent after {CHANGED_DOMAIN} changed:")
    for oid, size in sorted(uploads.items(), key=lambda one: paths.get(one[0], one[0])):
        print(f"  {megabytes(size)} MB  {paths.get(oid, 'chunks that are new')}")
    print(
        f"  {megabytes(second.sent_bytes - sum(uploads.values()))} MB  in requests: card, commits, questions to the Hub\n"
    )


def _print_targets(mirrored: float, exported: float, bench: Bench, second: Traffic) -> None:
    paths = bench.hub.paths(TABLE)
    allowed = (f"data/{CHANGED_DOMAIN}/", "files/")
    # By way of Xet no shards are sent, but chunks, and all that are new.
    others = [oid for oid in second.uploads if not bench.xet and not paths.get(oid, "").startswith(allowed)]
    faster = mirrored / exported
    print_table(
        ["target", "measured", "wanted", "reached"],
        [
            [
                "export beside a snapshot of the raw mirror",
                f"{faster:.1f} × faster",
                f"≥ {EXPORT_TIMES_FASTER} ×",
                yes_no(faster >= EXPORT_TIMES_FASTER),
            ],
            [
                "shards, or lots of chunks, sent after a change in one domain of five",
                f"{len(second.uploads)}, {len(others)} others'",
                "its own and files only",
                yes_no(bool(second.uploads) and not others),
            ],
        ],
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.hub", description=__doc__)
    parser.add_argument("--questions", type=int, default=2000)
    parser.add_argument("--latency-ms", type=float, default=30, help="how long every request waits")
    parser.add_argument("--repeats", type=int, default=3, help="how many exports")
    parser.add_argument("--directory", type=Path, default=Path("/dev/shm"), help="where to work; a tmpfs")
    options = parser.parse_args(arguments)
    for xet in (False, True):
        with (
            tempfile.TemporaryDirectory(prefix="vmeval-hfds-benchmark-", dir=options.directory) as name,
            HubProcess(Path(name) / "hub", options.latency_ms / 1000) as hub,
        ):
            print(f"Large files by way of {'Xet' if xet else 'LFS'}:\n")
            measure_all(Bench(hub, Path(name), xet), options.questions, options.repeats)
            print()


if __name__ == "__main__":
    main()
