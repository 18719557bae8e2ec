"""Grading on a Dask cluster: submissions travel to the workers as bytes, executed notebooks travel back.

No disk is shared, and the gradebook stays here. A worker needs this version of the package, and bubblewrap
unless the class is trusted. Start one process per core, with one thread: `dask worker ADDRESS --nworkers auto
--nthreads 1`. The scheduler and its workers run whatever they are sent: keep them on a network of your own.
"""

import asyncio
import threading
from typing import Any

from distributed import Client
from distributed.cfexecutor import ClientExecutor
from distributed.comm import connect

from cnnlab.errors import InputError

SECONDS = 10  # to find the scheduler, and a worker
_alone = threading.Lock()


class ClusterExecutor(ClientExecutor):  # type: ignore[misc]
    """Dask's executor with the standard library's `shutdown`, which also ends its client."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait and not cancel_futures)
        self._client.close()

    def submit(self, fn: Any, *args: Any, **keywords: Any) -> Any:
        return super().submit(alone, fn, *args, **keywords)


def alone(work: Any, job: Any) -> Any:
    """Do a job, one at a time in this process, which may have been given several threads."""
    with _alone:
        return work(job)


def cluster(address: str) -> ClusterExecutor:
    """An executor on the cluster of the scheduler at `address`, such as tcp://10.0.0.1:8786.

    Raises:
        InputError: there is no scheduler, or no worker has joined it.
    """
    try:
        # First by hand: a `Client` that could not start says so again, with a traceback, when it is deleted.
        asyncio.run(_reach(address))
        client = Client(address, timeout=SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no Dask scheduler answers at {address}; start one with `dask scheduler` and give the address "
            "that it prints, such as tcp://10.0.0.1:8786."
        ) from error
    try:
        client.wait_for_workers(1, timeout=SECONDS)
    except TimeoutError as error:
        client.close()
        raise InputError(
            f"no worker has joined the scheduler at {address}; start some with "
            f"`dask worker {address} --nworkers auto --nthreads 1`."
        ) from error
    # Two students' equal notebooks are two jobs.
    return ClusterExecutor(client, pure=False)


async def _reach(address: str) -> None:
    comm = await connect(address, timeout=SECONDS)
    await comm.close()
