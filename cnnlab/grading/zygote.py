"""The process that kernels are forked from; it has imported what notebooks import, so they start at once.

    python -m cnnlab.grading.zygote SOCKET walled|open

It listens on a Unix socket. A connection is a kernel: the client sends one line of JSON (`Request`), gets
one when the kernel has ended, `{"exit": code, "reason": text}`, and closing the connection ends the kernel.
What signs a kernel's messages lies in a file beside its sockets and never comes here, where all are forked.
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
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from cnnlab.grading import confine, hugepages, landlock, seccomp
from cnnlab.grading.garbage import importing
from cnnlab.grading.sandbox import CONNECTION, TEMPORARY, WORK, Limits
from cnnlab.grading.watchdog import WATCH_SECONDS, Watched

LONGEST_REQUEST = 1 << 15  # bytes; sent at once, and so read at once
CONNECTION_FILE = "kernel.json"  # beside the sockets; of Jupyter
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
    limits: dict[str, int]
    cores: list[int]  # it runs where who asked for it runs


def main(address: str, walled: bool) -> None:
    """Import, listen, fork, watch; until the socket's owner is gone."""
    if walled:
        confine.own_processes()
    with importing():
        _warm_up(Path(address).parent)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(address)
    listener.listen(64)
    print("ready", flush=True)
    numbers, kernels, asking, looked = itertools.count(), list[Kernel](), list[socket.socket](), 0.0
    steps, gathering = hugepages.gather(), True
    while True:
        sources = [
            listener,
            sys.stdin,
            *asking,
            *(source for kernel in kernels for source in kernel.sources()),
        ]
        patience = 0 if gathering else WATCH_SECONDS if kernels else None
        ready = set(select.select(sources, [], [], patience)[0])
        if sys.stdin in ready:  # the owner has closed its end
            return
        for kernel in kernels:
            kernel.attend(ready)
        if time.monotonic() > looked + WATCH_SECONDS:
            looked = time.monotonic()
            for kernel in kernels:
                kernel.look()
        kernels = [kernel for kernel in kernels if not kernel.ended]
        for connection in [connection for connection in asking if connection in ready]:
            asking.remove(connection)
            if started := _start(connection, next(numbers), Path(address).parent, walled):
                kernels.append(started)
        if listener in ready:  # nobody is waited for here: all kernels are watched meanwhile
            asking.append(listener.accept()[0])
        if not ready:  # nobody waits
            gathering = next(steps, None) is not None


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


def _start(connection: socket.socket, number: int, runtime: Path, walled: bool) -> "Kernel | None":
    """Fork the kernel that is asked for; None where that cannot be done, which is then told."""
    connection.setblocking(False)
    try:
        request = Request(**json.loads(connection.recv(LONGEST_REQUEST)))
        limits = Limits(**{name: int(most) for name, most in request.limits.items()})
        folder = runtime / request.name
        pid = confine.fork_apart() if walled else os.fork()
        if pid == 0:
            _settle(connection, request, limits, number, folder, walled)
        return Kernel(pid, connection, Watched(pid, limits, folder / "connection"))
    except Exception as error:  # whatever is asked for, the other kernels go on
        _tell(connection, 1, f"{type(error).__name__}: {error}")
        connection.close()
        return None


class Kernel:
    """A kernel that runs, and the connection to who asked for it."""

    def __init__(self, pid: int, connection: socket.socket, watched: Watched) -> None:
        self.pid, self.watched, self.reason = pid, watched, ""
        self.connection: socket.socket | None = connection
        self.handle = os.pidfd_open(pid)
        self.ended = False

    def sources(self) -> list[Any]:
        """What there may be to read from."""
        return [self.handle] if self.connection is None else [self.handle, self.connection]

    def attend(self, ready: set[Any]) -> None:
        """Do what is asked, and notice the end."""
        if self.handle in ready:
            _, status = os.waitpid(self.pid, 0)
            os.close(self.handle)
            self._let_go(os.waitstatus_to_exitcode(status))
            self.ended = True
        elif self.connection in ready:
            asked = set(_receive(self.connection).split())
            if asked == {b"interrupt"}:
                signal.pidfd_send_signal(self.handle, signal.SIGINT)
            else:  # the client is gone, or has had enough
                self._kill()
                # To take its memory and namespaces down takes the system a while; nobody need wait for that.
                self._let_go(-signal.SIGKILL)

    def look(self) -> None:
        """End it if it uses too much."""
        if self.connection is not None and not self.reason and (reason := self.watched.excess()):
            self.reason = reason
            self._kill()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):  # its end is to be read next
            signal.pidfd_send_signal(self.handle, signal.SIGKILL)

    def _let_go(self, code: int) -> None:
        if self.connection is not None:
            _tell(self.connection, code, self.reason)
            self.connection.close()
            self.connection = None


def _receive(connection: socket.socket | None) -> bytes:
    try:
        return connection.recv(64) if connection else b""
    except OSError:
        return b""


def _tell(connection: socket.socket, code: int, reason: str) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(json.dumps({"exit": code, "reason": reason}).encode() + b"\n")


def _settle(
    connection: socket.socket, request: Request, limits: Limits, number: int, folder: Path, walled: bool
) -> NoReturn:
    """Become a kernel; behind the wall it is process 1, and all that it sees ends with it."""
    try:
        with contextlib.suppress(OSError):  # of which none may be left to this process
            os.sched_setaffinity(0, request.cores)
        os.setsid()  # a signal to one's own group reaches all in it, whether in sight or not
        if walled:
            confine.settle(request.name, limits, number)
            work, sockets = WORK, CONNECTION
        else:
            confine.set_limits(limits)
            work, sockets = str(folder / "files"), str(folder / "connection")
        confine.end_with_parent()  # a change of user, above, would take this back
        _become_kernel(work, sockets)
    except Exception as error:
        _tell(connection, 1, f"{type(error).__name__}: {error}")  # and closed in what becomes a kernel
    finally:
        os._exit(1)


def _become_kernel(work: str, connection: str) -> NoReturn:
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
        _run_kernel(connection)
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


def _run_kernel(connection: str) -> None:
    from cnnlab.grading.student_kernel import StudentKernelApp

    app = StudentKernelApp.instance()
    app.connection_file = f"{connection}/{CONNECTION_FILE}"
    app.initialize([])
    # A module beside the notebook can be imported, as in Jupyter: after Python's own, before the packages.
    places = [number for number, path in enumerate(sys.path) if "site-packages" in path]
    sys.path.insert(places[0] if places else len(sys.path), "")
    app.start()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] == "walled")
