"""Runs jobs side by side in processes; a process that dies costs its job another try, and no job is lost."""

import gc
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from typing import Any

from cnnlab.errors import InputError
from cnnlab.grading import confine, cores, sandbox
from cnnlab.grading.launch import start_zygote, sweep
from cnnlab.grading.sandbox import Mode

SILENCE = 30  # seconds without a result, after which it is told who is waited for


def default_workers() -> int:
    """A process per core that this one may use."""
    return len(os.sched_getaffinity(0))


def pool(workers: int, mode: Mode) -> ProcessPoolExecutor:
    """Processes that have everything imported and share one warm process for their kernels.

    They are forked here, before any thread of ours runs, so that all share the memory of the packages. When
    this process is killed, so are they: each holds open what the others would notice it by.
    """
    warm = start_zygote(sandbox.choose(mode))
    gc.freeze()  # what has been read since the imports: see `importing`
    executor = ProcessPoolExecutor(workers, mp_context=get_context("fork"), initializer=_begin)
    try:
        with _interrupts_held():
            executor.submit(os.getpid).result()
        warm.wait()
    except BaseException:
        executor.shutdown()
        raise
    return executor


def _begin() -> None:
    confine.end_with_parent()
    cores.claim()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Around a fork: Ctrl-C reaches every process of a terminal, and the new ones leave it to this one."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def stop() -> None:
    """End the processes at once, whatever they are at; those of a pool would finish their jobs first."""
    children = active_children()
    for process in children:
        process.kill()
    for process in children:
        process.join()
    sweep()


def run(
    work: Callable[[Any], Any],
    jobs: Mapping[str, Any],
    start: Callable[[], Executor],
    silent: Callable[[list[str]], None] = lambda names: None,
) -> Iterator[tuple[str, Any]]:
    """Do the jobs; yields the name and the result of each, or the exception it raised, as they end.

    Args:
        work: what to do with a job, a function that can be pickled.
        jobs: by name.
        start: makes the executor, again when its processes have died.
        silent: is told the names of those that run, whenever none has ended for a while.
    """
    waiting = dict(jobs)
    for name, result in _together(work, jobs, start, silent):
        del waiting[name]
        yield name, result
    # A process has died and nobody knows over which job: those that are left go one by one.
    for name, job in waiting.items():
        died = RuntimeError("the process that graded it died, twice")
        yield name, dict(_together(work, {name: job}, start, silent)).get(name, died)


def _together(
    work: Callable[[Any], Any],
    jobs: Mapping[str, Any],
    start: Callable[[], Executor],
    silent: Callable[[list[str]], None],
) -> Iterator[tuple[str, Any]]:
    """Do the jobs side by side until all are done or a process dies."""
    if not jobs:
        return
    executor, over = start(), False
    try:
        running = {executor.submit(work, job): name for name, job in jobs.items()}
        while running:
            ended, _ = wait(running, SILENCE, return_when=FIRST_COMPLETED)
            if not ended:
                silent([name for future, name in running.items() if future.running()])
            for future in ended:
                name = running.pop(future)
                if future.cancelled():  # by a cluster whose scheduler is gone
                    yield name, InputError("the cluster let go of it; run the command again.")
                    continue
                error = future.exception()
                if isinstance(error, BrokenExecutor):
                    over = True
                    return
                yield name, error or future.result()
        over = True
    finally:
        # Waited for where nothing runs any more: ending, Python before 3.12.8 writes into the pool's pipe
        # while the pool may be closing it, see https://github.com/python/cpython/pull/125492.
        executor.shutdown(wait=over, cancel_futures=not over)
