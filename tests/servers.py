"""Real servers for the time of a block: PostgreSQL, and Dask's scheduler with its workers."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

_INITDB = [Path(found) for found in [shutil.which("initdb")] if found]
# The folders of PostgreSQL's programs, the newest last; none where it is not installed.
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [path.parent for path in _INITDB]
NOT_INSTALLED = "the PostgreSQL server is not installed: apt-get install postgresql"
SCHEDULER = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
WORKER = [sys.executable, "-m", "distributed.cli.dask_worker", "--no-dashboard"]


@contextmanager
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server, run by a user without rights, with its usual database alone."""
    folder = Path(tempfile.mkdtemp(prefix="cnnlab-postgres-"))
    # The server refuses to run as root.
    user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    if user:
        shutil.chown(folder, "nobody")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def do(name: str, *arguments: object) -> None:
        command = [str(PROGRAMS[-1] / name), *map(str, arguments)]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, **user)  # type: ignore[call-overload]

    data = folder / "data"
    do("initdb", "--pgdata", data, "--username", "teacher", "--auth", "trust", "--no-sync")
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
    do("pg_ctl", "--pgdata", data, "--wait", "--log", folder / "log", "--options", options, "start")
    try:
        yield f"postgresql://teacher@127.0.0.1:{port}"
    finally:
        do("pg_ctl", "--pgdata", data, "--mode", "immediate", "stop")
        shutil.rmtree(folder)


@contextmanager
def dask_scheduler(folder: Path) -> Iterator[str]:
    """The address of a scheduler without workers."""
    command = [*SCHEDULER, "--no-dashboard", "--scheduler-file", str(folder / "scheduler.json")]
    log = folder / "scheduler.log"
    with _running(command, folder, log) as process:
        yield _address(process, log)


@contextmanager
def dask_workers(
    scheduler: str, folder: Path, number: int = 2, threads: int = 1
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Worker processes in folders of their own, which see nothing of a course."""
    with ExitStack() as running:
        processes = []
        for name in map(str, range(number)):
            own = folder / f"worker{name}"
            own.mkdir()
            options = ("--nthreads", str(threads), "--name", name, "--local-directory", str(own))
            command = [*WORKER, scheduler, *options]
            processes.append(running.enter_context(_running(command, own, own / "log", HOME=str(own))))
        yield processes


@contextmanager
def _running(
    command: list[str], folder: Path, log: Path, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("w") as file:
        variables = os.environ | {"OMP_NUM_THREADS": "1"} | environment
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=file, stderr=file)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """What the scheduler says it listens on."""
    for _ in range(300):
        for word in log.read_text().split():
            if word.startswith("tcp://"):
                return word
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(log.read_text())
