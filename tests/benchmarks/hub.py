"""Each verb beside what the Hub's own clients do, on the tests' Hub: ``python -m tests.benchmarks.hub``."""

import argparse
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from tests.benchmarks.hub_process import HubProcess, client_environment
from tests.benchmarks.measure import (
    Run,
    megabytes,
    print_table,
    run_call,
    same_trees,
    say,
    yes_no,
)
from tests.hub import Request

EXPORT_TIMES_FASTER = 25
CHANGED_DOMAIN = "maze"
ONE_TASK_IN = 100

TABLE, PLAIN, MIRROR = "user/questions", "user/plain", "user/mirror"
#: What a snapshot has and the uploaded folder has not.
ADDED_BY_SNAPSHOT = (".cache", ".gitattributes")


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
    def to_storage(self) -> int:
        """Requests that transfer large files: the Hub does not count them."""
        return sum(
            one.cdn or one.method == "PUT" or one.brings_content or "/info/lfs/" in one.path
            for one in self.requests
        )

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
        self.source, self.others = work / "questions", work / "others"
        self.exported, self.snapshot = work / "exported", work / "snapshot"
        self.rows: list[tuple[str, Traffic]] = []

    def client(self, title: str, name: str, *arguments: object, **watching: Any) -> Traffic:
        """Run a call in a fresh process with an empty home, and keep what it took under a title.

        Args:
            title: What the table calls it.
            name: The call.
            arguments: Its arguments.
            watching: How its memory is looked at, as `run_call` takes it.
        """
        say(title)
        self.hub.take_requests()
        with tempfile.TemporaryDirectory(prefix="home-", dir=self.work) as home:
            run = run_call(
                name, *arguments, environment=client_environment(self.hub, home, xet=self.xet), **watching
            )
        traffic = Traffic(run, self.hub.take_requests())
        say(f"  {run.seconds:.2f} s, {len(traffic.requests)} requests")
        self.rows.append((title, traffic))
        return traffic


def measure_all(bench: Bench, questions: int) -> None:
    """Measure everything and print the table."""
    run_call("folder", bench.source, questions)
    run_call("folder", bench.others, max(1, questions // ONE_TASK_IN), "other")
    changed = max(1, questions // ONE_TASK_IN)
    first = bench.client("push, to an empty Hub", "push", bench.source, TABLE).run.result
    bench.client("push again, nothing changed", "push", bench.source, TABLE)
    run_call("change", bench.source, CHANGED_DOMAIN, changed)
    second = bench.client(f"push, {changed} of {CHANGED_DOMAIN} changed", "push", bench.source, TABLE)
    paths = bench.hub.paths(TABLE)
    found = bench.client(
        "diff of the two revisions", "diff", f"{TABLE}@{first}", f"{TABLE}@{second.run.result}"
    )
    if found.run.result != {"added": 0, "removed": 0, "changed": changed}:
        raise SystemExit(f"diff found {found.run.result}, expected {changed} changed")
    exported = bench.client("export", "export_repo", TABLE, bench.exported)
    if not same_trees(bench.source, bench.exported):
        raise SystemExit("the exported folder is not the source")
    bench.client("export again, nothing changed", "export_repo", TABLE, bench.exported)
    bench.client("export of one id", "export_id", TABLE, bench.work / "one", f"{CHANGED_DOMAIN}_00000")
    if not bench.client("verify", "verify_repo", bench.source, TABLE).run.result:
        raise SystemExit("verify found differences")
    loaded = bench.client("load_dataset", "load", TABLE).run.result
    if loaded != questions:
        raise SystemExit(f"load_dataset found {loaded} questions")
    bench.client(f"push --add, {changed} of another", "add", bench.others, TABLE)
    bench.client("to_dataset().push_to_hub", "push_plainly", bench.source, PLAIN)
    bench.client("upload_folder", "upload_folder", bench.source, MIRROR)
    mirrored = bench.client("snapshot_download", "snapshot", MIRROR, bench.snapshot)
    if not same_trees(bench.source, bench.snapshot, excluded=ADDED_BY_SNAPSHOT):
        raise SystemExit("the snapshot of the raw mirror is not the source")
    print_table(
        ["what", "seconds", "whole process", "requests", "to storage", "sent MB", "received MB"],
        [
            [
                title,
                f"{traffic.run.seconds:.2f}",
                f"{traffic.run.wall_seconds:.2f}",
                str(len(traffic.requests) - traffic.to_storage),
                str(traffic.to_storage),
                megabytes(traffic.sent_bytes),
                megabytes(traffic.received_bytes),
            ]
            for title, traffic in bench.rows
        ],
    )
    print()
    _print_targets(mirrored.run.seconds, exported.run.seconds, paths, bench.xet, second)


def _print_targets(
    mirrored: float, exported: float, paths: dict[str, str], xet: bool, second: Traffic
) -> None:
    allowed = (f"data/{CHANGED_DOMAIN}/", "files/")
    # By way of Xet no shards are sent, but chunks, and all that are new.
    others = [oid for oid in second.uploads if not xet and not paths.get(oid, "").startswith(allowed)]
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
    parser.add_argument(
        "--latency-ms", type=float, nargs="+", default=[0, 30], help="how long every request waits"
    )
    parser.add_argument("--directory", type=Path, default=Path("/dev/shm"), help="where to work; a tmpfs")
    options = parser.parse_args(arguments)
    for latency_ms, xet in product(options.latency_ms, (False, True)):
        way = "Xet" if xet else "LFS"
        print(
            f"{options.questions:,} questions, {latency_ms:g} ms for each request, large files by way of {way}:\n"
        )
        with (
            tempfile.TemporaryDirectory(prefix="vmeval-hfds-benchmark-", dir=options.directory) as name,
            HubProcess(Path(name) / "hub", latency_ms / 1000) as hub,
        ):
            measure_all(Bench(hub, Path(name), xet), options.questions)
        print()


if __name__ == "__main__":
    main()
