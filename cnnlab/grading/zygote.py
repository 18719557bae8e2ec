"""The process that kernels are forked from; it has imported what notebooks import, so they start at once.

    python -m cnnlab.grading.zygote SOCKET walled|open

It listens on a Unix socket. A connection is a kernel: the client sends one line of JSON (`Request`), gets
one when the kernel has ended, `{"exit": code, "reason": text}`, and closing the connection ends the kernel.
Each connection has a supervisor of its own, a forked process that stays on this side of the inner wall,
keeps the limits and takes the kernel down with it.
"""

import contextlib
import importlib
import itertools
import json
import os
import select
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from cnnlab.grading import confine, hugepages, landlock, seccomp
from cnnlab.grading.garbage import importing
from cnnlab.grading.sandbox import CONNECTION, TEMPORARY, WORK, Limits

WATCH_SECONDS = 0.05
LONGEST_REQUEST = 65536
NAME_SIZE = 4096
# What a kernel imports until its first cell has run, each kernel anew unless it is there already.
WHILE_STARTING = (
    "IPython.core.debugger",
    "IPython.core.logger",
    "IPython.extensions.storemagic",
    "encodings.utf_16_be",
    "faulthandler",
    "tornado.platform.asyncio",
    "torch._subclasses.schema_check_mode",  # by whoever prints a tensor
)
CHANNELS = ("shell", "iopub", "stdin", "control", "hb")  # each is a socket, numbered from 1


@dataclass(frozen=True)
class Request:
    """One kernel to start."""

    name: str  # of its folder in the runtime folder
    key: str  # that signs the messages
    limits: dict[str, int]
    cores: list[int]  # it runs where who asked for it runs


def main(address: str, walled: bool) -> None:
    """Import, listen, fork; until the socket's owner is gone."""
    with importing():
        _warm_up(Path(address).parent)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(address)
    listener.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # supervisors are not waited for
    print("ready", flush=True)
    numbers, steps, gathering = itertools.count(), hugepages.gather(), True
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [], 0 if gathering else None)
        if not ready:  # nobody waits
            gathering = next(steps, None) is not None
            continue
        if sys.stdin in ready:  # the owner has closed its end
            return
        connection, _ = listener.accept()
        number = next(numbers)
        if os.fork() == 0:
            listener.close()
            _guarded(_supervise, connection, number, Path(address).parent, walled)
        connection.close()


def _warm_up(folder: Path) -> None:
    """Import what notebooks and kernels import, and make the kernel itself, as far as it needs no sockets.

    Nothing here may start a thread: they do not survive a fork.

    Args:
        folder: where files may be written, which are gone afterwards.
    """
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # which a kernel sets too late now
    import matplotlib.pyplot  # noqa: F401
    import torch
    import torchvision  # noqa: F401

    # No debugger in a graded kernel: each would spend a tenth of a second on importing one.
    sys.modules["debugpy"] = None  # type: ignore[assignment]
    import ipykernel.debugger  # noqa: F401

    for name in WHILE_STARTING:
        importlib.import_module(name)

    from cnnlab.check.assignments import ASSIGNMENTS
    from cnnlab.check.watch import banned_calls
    from cnnlab.grading.student_kernel import prepare

    torch.set_num_threads(1)
    for part in (part for assignment in ASSIGNMENTS.values() for part in assignment.parts):
        with banned_calls(part.ban):  # looks up the operations to watch, the first time
            pass
    prepare(folder)


def _guarded(work: Callable[..., None], connection: socket.socket | None, *args: Any) -> NoReturn:
    """Run a forked process's work; whatever happens, it ends here."""
    code = 0
    try:
        work(connection, *args)
    except BaseException as error:
        code = 1
        if connection is not None:
            _tell(connection, code, f"{type(error).__name__}: {error}")
    finally:
        os._exit(code)


def _supervise(connection: socket.socket, number: int, runtime: Path, walled: bool) -> None:
    """Start one kernel, keep its limits, end it, tell how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with connection.makefile("r") as lines:
        request = Request(**json.loads(lines.readline(LONGEST_REQUEST)))
    limits = Limits(**request.limits)
    with contextlib.suppress(OSError):  # of which none may be left to this process
        os.sched_setaffinity(0, request.cores)
    if walled:
        confine.own_namespaces()
    else:
        confine.adopt_orphans()
    # Before the fork: afterwards /proc shows the kernel, and this process is not to be seen there.
    watched = Watched(limits, Path(CONNECTION) if walled else runtime / request.name / "connection", walled)
    settled, settling = os.pipe()
    kernel = os.fork()
    if kernel == 0:
        connection.close()
        _guarded(_settle, None, request, number, limits, runtime, walled, settling)
    os.close(settling)
    os.read(settled, 1)  # it is only closed; until then /proc shows the processes of all kernels
    os.close(settled)
    code, reason = _watch(connection, kernel, watched)
    if not walled:
        confine.kill_descendants()
    _tell(connection, code, reason)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(kernel, 0)


def _settle(
    _: None, request: Request, number: int, limits: Limits, runtime: Path, walled: bool, settling: int
) -> None:
    """Become a kernel; behind the wall it is process 1, and all that it sees ends with it."""
    if walled:
        confine.settle(request.name, limits, number)
        work, connection = WORK, CONNECTION
    else:
        confine.set_limits(limits)
        os.setsid()
        work, connection = (str(runtime / request.name / name) for name in ("files", "connection"))
    confine.end_with_parent()  # a change of user, above, would take this back
    os.close(settling)
    _become_kernel(work, connection, request.key)


def _watch(connection: socket.socket, kernel: int, watched: "Watched") -> tuple[int, str]:
    """Wait for the end of the kernel, or bring it about; its exit code and why it was ended."""
    handle, reason = os.pidfd_open(kernel), ""
    while True:
        ready = select.select([connection.fileno(), handle], [], [], WATCH_SECONDS)[0]
        if handle in ready:
            _, status = os.waitpid(kernel, 0)
            return os.waitstatus_to_exitcode(status), reason
        if connection.fileno() in ready:
            if _receive(connection) == b"interrupt\n":
                os.kill(kernel, signal.SIGINT)
                continue
            os.kill(kernel, signal.SIGKILL)  # the client is gone, or has had enough
            # To take its memory and namespaces down takes the system a while, and nobody need wait for that.
            return -signal.SIGKILL, reason
        if not reason and (reason := watched.excess()):
            os.kill(kernel, signal.SIGKILL)


def _receive(connection: socket.socket) -> bytes:
    try:
        return connection.recv(64)
    except OSError:
        return b""


def _tell(connection: socket.socket, code: int, reason: str) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(json.dumps({"exit": code, "reason": reason}).encode() + b"\n")


class Watched:
    """What a kernel and its children use; asked many times a second, so cheap as long as all is well.

    Args:
        limits: what they may use.
        connection: the folder of the sockets.
        walled: whether all that /proc shows is theirs.
    """

    def __init__(self, limits: Limits, connection: Path, walled: bool) -> None:
        self.limits, self.connection, self.walled = limits, connection, walled
        self.shared = resident("self")

    def excess(self) -> str:
        """Which limit is broken, in words; empty when none is."""
        try:
            return self._excess()
        except (OSError, ValueError):  # a process ended while it was looked at
            return ""

    def _excess(self) -> str:
        processes = self._processes()
        if any(map(_is_stopped, processes)):
            return "it stopped itself, and would not have gone on"
        threads = sum(len(os.listdir(f"/proc/{pid}/task")) for pid in processes)
        if threads > self.limits.processes:
            return f"it had more than {self.limits.processes} processes and threads"
        # Resident pages count what is shared with the parent. Only when that could be too much, ask for the
        # exact figure, which takes the system some milliseconds.
        pages = sum(map(resident, processes))
        if pages > self.limits.memory + self.shared and self._exact(processes) > self.limits.memory:
            return f"it used more than {self.limits.memory / 2**30:.1f} GiB of memory"
        if _size(self.connection) > self.limits.connection:
            return "it filled the folder of its sockets"
        return ""

    def _processes(self) -> list[str]:
        if self.walled:
            return [name for name in os.listdir("/proc") if name.isdecimal()]
        return [str(pid) for pid in confine.descendants(os.getpid())[1:]]

    def _exact(self, processes: list[str]) -> int:
        """Bytes that are theirs: shared pages are divided among those that share them."""
        total = 0
        for pid in processes:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith(("Pss_Anon:", "Pss_Shmem:")):
                    total += int(line.split()[1]) * 1024
        return total


def _is_stopped(pid: str) -> bool:
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state in "Tt"


def resident(pid: str | int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _size(folder: Path) -> int:
    paths = (Path(where, name) for where, _, names in os.walk(folder) for name in names)
    # A name counts as well: a socket has no blocks, but a disk does not have room for any number of them.
    return sum(max(path.lstat().st_blocks * 512, NAME_SIZE) for path in paths)


def _become_kernel(work: str, connection: str, key: str) -> NoReturn:
    """Run an IPython kernel in this process until it ends."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.closerange(3, 4096)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    os.chdir(work)
    if work == WORK:
        os.environ["TMPDIR"] = tempfile.tempdir = TEMPORARY  # an import may have settled on /tmp before
        landlock.write_only_in((WORK, TEMPORARY, "/tmp", "/dev"))
    home = tempfile.mkdtemp(prefix="home-")
    os.environ |= {"HOME": home, "IPYTHONDIR": home, "MPLCONFIGDIR": home}
    _seed()
    seccomp.one_process_only()
    code = 1
    try:
        _run_kernel(connection, key, Path(home))
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 0
    finally:
        os._exit(code & 255)


def _seed() -> None:
    """Start every kernel's random generators alike, so that grading twice gives the same."""
    import random

    import numpy as np
    import torch

    seed = 2**31  # none that a notebook would set, which shows only as a change
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)


def _run_kernel(connection: str, key: str, home: Path) -> None:
    from cnnlab.grading.student_kernel import StudentKernelApp

    ports = {f"{name}_port": number for number, name in enumerate(CHANNELS, start=1)}
    info = {"transport": "ipc", "ip": f"{connection}/k", "key": key, "signature_scheme": "hmac-sha256"}
    file = home / "connection.json"
    file.write_text(json.dumps(info | ports))
    app = StudentKernelApp.instance()
    app.connection_file = str(file)
    app.initialize([])
    # A module beside the notebook can be imported, as in Jupyter: after Python's own, before the packages.
    places = [number for number, path in enumerate(sys.path) if "site-packages" in path]
    sys.path.insert(places[0] if places else len(sys.path), "")
    app.start()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] == "walled")
