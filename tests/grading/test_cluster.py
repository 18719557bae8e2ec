"""A class graded by a real Dask scheduler with worker processes gets the grades that this machine gives."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import servers

from cnnlab.errors import InputError
from cnnlab.grading.workers import run as together


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """The address of a scheduler of its own, without workers."""
    with servers.dask_scheduler(tmp_path) as address:
        yield address


@pytest.fixture
def workers(scheduler: str, tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two worker processes, with more threads than may be used."""
    with servers.dask_workers(scheduler, tmp_path, threads=2) as processes:
        yield processes


def test_the_cluster_gives_the_same_grades(
    root: Path, run: Any, submit: Any, answered: Any, scheduler: str, workers: Any
) -> None:
    submit("ada", answered())
    submit("twin", answered())
    submit("bob", answered(square="def square(x):\n    return 0"))
    submit("exits", answered(double="import os\nos._exit(1)"))
    submit("cut", answered()).write_bytes(b"{")
    (root / "course/submitted/ada/tiny/helper.py").write_text("VALUE = 1")
    options = ("--seed", 1)
    there = run("cnnlab", "grade", "tiny", *options, "--executor", "dask", "--scheduler", scheduler, cwd=root)
    assert there.returncode == 1, there.stdout + there.stderr
    assert there.stdout.count("needs attention") >= 1
    marks = (root / "course/grades.csv").read_text()
    assert "Traceback" not in there.stdout + there.stderr

    here = run("cnnlab", "grade", "tiny", *options, "--force", cwd=root)
    assert here.returncode == 1
    assert (root / "course/grades.csv").read_text() == marks
    assert [line for line in marks.splitlines() if "ada" in line or "twin" in line]


def test_a_worker_that_dies_costs_nobody_a_grade(
    root: Path, run: Any, submit: Any, answered: Any, scheduler: str, workers: Any
) -> None:
    for number in range(6):
        submit(f"s{number}", answered(square="import time\ntime.sleep(1)\ndef square(x):\n    return x * x"))
    command = [str(Path(sys.executable).parent / "cnnlab"), "grade", "tiny", "--executor", "dask"]
    running = subprocess.Popen(
        [*command, "--scheduler", scheduler], cwd=root, stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    first = running.stdout.readline() + running.stdout.readline()
    workers[0].kill()
    rest = running.communicate(timeout=120)[0]
    assert running.returncode == 0, first + rest
    assert all(f"s{number}  5/7" in first + rest for number in range(6)), first + rest


def test_bad_addresses_are_a_sentence(root: Path, run: Any, submit: Any, answered: Any) -> None:
    submit("ada", answered())
    for options, said in (
        (("--executor", "dask"), "go together"),
        (("--scheduler", "tcp://127.0.0.1:1"), "go together"),
        (("--executor", "slurm"), "Known: dask, processes"),
        (("--executor", "dask", "--scheduler", "nonsense://x"), "no Dask scheduler answers"),
        (("--executor", "dask", "--scheduler", "tcp://127.0.0.1:1"), "no Dask scheduler answers"),
    ):
        result = run("cnnlab", "grade", "tiny", *options, cwd=root)
        assert result.returncode == 2, result.stdout + result.stderr
        assert said in result.stderr
        assert "Traceback" not in result.stderr


def test_a_scheduler_without_workers_is_a_sentence(scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = pytest.importorskip("cnnlab.grading.cluster")
    monkeypatch.setattr(cluster, "SECONDS", 2)
    with pytest.raises(InputError, match="no worker has joined"):
        cluster.cluster(scheduler)


def test_what_the_cluster_lets_go_of_is_said() -> None:
    class Gone:
        def submit(self, work: Any, job: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

        def shutdown(self, **keywords: Any) -> None:
            pass

    results = dict(together(len, {"ada": "x"}, Gone))  # type: ignore[arg-type]
    assert "run the command again" in str(results["ada"])
