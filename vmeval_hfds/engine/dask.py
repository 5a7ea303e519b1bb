"""A Dask cluster as the place where work is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmeval_hfds.errors import MissingExtraError, WorkerError

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

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


def submit_of(executor: Executor) -> Callable[..., Future[Any]]:
    """Give what takes the jobs of any executor.

    Where a worker dies while its result is brought, a future of Dask's executor never ends, or takes the result for
    an error (seen with distributed 2026.8). Those of the executor's client wait until another worker has it.
    """
    if type(executor).__module__.startswith("distributed."):
        of_dask: Any = executor
        return partial(of_dask._client.submit, **of_dask._kwargs)
    return executor.submit
