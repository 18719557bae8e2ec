"""Jobs in processes: each ends with a result, whatever becomes of the processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from cnnlab.grading import workers
from cnnlab.grading.workers import run


def start() -> Executor:
    return ProcessPoolExecutor(2, mp_context=get_context("forkserver"))


def work(job: str) -> str:
    if job == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if job == "sleeps":
        time.sleep(2)
    if job == "raises":
        raise ValueError("not this one")
    return job.upper()


def managers() -> set[threading.Thread]:
    """Threads of pools, which Python before 3.12.8 may trip over when it ends."""
    return {thread for thread in threading.enumerate() if "ExecutorManager" in type(thread).__name__}


def test_every_job_ends_with_its_result_or_its_error() -> None:
    before = managers()  # of other tests in this process
    ended = dict(run(work, {name: name for name in ("a", "raises", "b")}, start))
    assert (ended["a"], ended["b"]) == ("A", "B")
    assert str(ended["raises"]) == "not this one"
    assert managers() <= before


def test_who_is_waited_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "SILENCE", 0.2)
    told: list[list[str]] = []
    assert dict(run(work, {"sleeps": "sleeps"}, start, told.append)) == {"sleeps": "SLEEPS"}
    assert ["sleeps"] in told


def test_a_dead_process_costs_only_its_own_job() -> None:
    before = managers()
    ended = dict(run(work, {name: name for name in ("a", "dies", "b", "c")}, start))
    assert [ended[name] for name in "abc"] == ["A", "B", "C"]
    assert str(ended["dies"]) == "the process that graded it died, twice"
    assert managers() <= before


def test_what_workers_share_is_not_searched_for_garbage() -> None:
    """A search writes to what it looks at, and each would soon have a copy; in a process of its own here."""
    counted = "executor.submit(gc.get_freeze_count).result() > 10_000"
    code = f"import gc; from cnnlab.grading.workers import pool; executor = pool(1, 'none'); print({counted})"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (ended.stdout, ended.returncode) == ("True\n", 0), ended.stderr


def test_a_sandbox_that_does_not_start_leaves_no_worker_behind() -> None:
    code = (
        "import sys, psutil\n"
        "from cnnlab.errors import InputError\n"
        "from cnnlab.grading.workers import pool\n"
        "sys.executable = 'false'\n"  # takes the place of the process that kernels are forked from
        "try: pool(2, 'none')\n"
        "except InputError as error: print(error, psutil.Process().children())"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert ended.stdout == "the sandbox did not start: no reason given. []\n", ended.stderr
