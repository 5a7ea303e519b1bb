"""A Dask cluster as the place where work is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vmeval_hfds.errors import MissingExtraError, WorkerError

if TYPE_CHECKING:
    from concurrent.futures import Executor

_CONNECT_SECONDS = 20


@contextmanager
def dask_executor(scheduler: str) -> Iterator[Executor]:
    """Reach a Dask scheduler, and give its cluster as an executor.

    Args:
        scheduler: Its address, such as ``tcp://10.0.0.1:8786``, or the path of its scheduler file.

    Raises:
        MissingExtraError: Dask is not installed.
        WorkerError: There is no such scheduler, or it has no workers.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingExtraError(
            "--dask needs Dask; install it with: pip install 'vmeval-hfds[dask]'"
        ) from error

    is_file = Path(scheduler).is_file()
    if not is_file and scheduler.endswith(".json"):
        raise WorkerError(
            f"{scheduler}: there is no such scheduler file; give the one that the scheduler wrote"
        )
    where = {"scheduler_file" if is_file else "address": scheduler}
    try:
        client = Client(**where, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise WorkerError(
            f"{scheduler}: no Dask scheduler answers there; start one, or mend the address"
        ) from error
    with client:
        if not client.nthreads():
            raise WorkerError(f"{scheduler}: the Dask scheduler has no workers; start some")
        yield client.get_executor(pure=False)
