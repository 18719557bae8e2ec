"""Runs jobs side by side in processes; a process that dies costs its job another try, and no job is lost."""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from typing import Any

from cnnlab.errors import InputError
from cnnlab.grading import sandbox
from cnnlab.grading.kernels import zygote
from cnnlab.grading.sandbox import Mode

ANSWER_SECONDS = 10  # that a Dask scheduler and its first worker may take to answer


def default_workers() -> int:
    """A process per core that this one may use."""
    return len(os.sched_getaffinity(0))


def pool(workers: int, mode: Mode) -> ProcessPoolExecutor:
    """Processes that have everything imported and share one warm process for their kernels.

    They are forked here, before any thread of ours runs, so that all share the memory of the packages.
    """
    zygote(sandbox.choose(mode))
    executor = ProcessPoolExecutor(workers, mp_context=get_context("fork"))
    executor.submit(os.getpid).result()
    return executor


def cluster(scheduler: str) -> Executor:
    """The workers of a Dask cluster; submissions and results travel, no folder has to be shared.

    Each worker machine needs this package and, for the sandbox, bubblewrap; its workers should be processes
    with one thread each (`dask worker ADDRESS --nworkers auto --nthreads 1 --no-nanny`).

    Args:
        scheduler: such as `tcp://127.0.0.1:8786`.

    Raises:
        InputError: Dask is not installed, nobody answers at the address, or nobody works there.
    """
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise InputError(
            'dask is not installed; run pip install "cnnlab[cluster]" for --executor dask.'
        ) from error
    try:
        client = Client(scheduler, timeout=f"{ANSWER_SECONDS}s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no Dask scheduler answers at {scheduler!r}; start one with `dask scheduler`, and name the address "
            "that it prints, such as tcp://127.0.0.1:8786."
        ) from error
    try:
        client.wait_for_workers(1, timeout=ANSWER_SECONDS)
    except TimeoutError as error:
        client.close()
        raise InputError(
            f"the Dask scheduler at {scheduler} has no workers; start one with "
            f"`dask worker {scheduler} --nthreads 1`."
        ) from error
    return _Cluster(client)


class _Cluster(Executor):
    """Dask's executor; a job whose worker was lost three times ends as a broken executor does."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.executor = client.get_executor(pure=False, retries=0)

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = self.executor.submit(work, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.executor.shutdown(wait=wait, cancel_futures=cancel_futures)
        self.client.close()


def run(
    work: Callable[[Any], Any], jobs: Mapping[str, Any], start: Callable[[], Executor]
) -> Iterator[tuple[str, Any]]:
    """Do the jobs; yields the name and the result of each, or the exception it raised, as they end.

    Args:
        work: what to do with a job, a function that can be pickled.
        jobs: by name.
        start: makes the executor, again when its processes have died.
    """
    waiting = dict(jobs)
    for name, result in _together(work, jobs, start):
        del waiting[name]
        yield name, result
    # A process has died and nobody knows over which job: those that are left go one by one.
    for name, job in waiting.items():
        died = RuntimeError("the process that graded it died, twice")
        yield name, dict(_together(work, {name: job}, start)).get(name, died)


def _together(
    work: Callable[[Any], Any], jobs: Mapping[str, Any], start: Callable[[], Executor]
) -> Iterator[tuple[str, Any]]:
    """Do the jobs side by side until all are done or a process dies."""
    if not jobs:
        return
    executor = start()
    try:
        running = {executor.submit(work, job): name for name, job in jobs.items()}
        while running:
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                name, error = running.pop(future), future.exception()
                if isinstance(error, BrokenExecutor):
                    return
                yield name, error or future.result()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
