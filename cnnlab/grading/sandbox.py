"""The wall around students' code: bubblewrap for all kernels of a run, namespaces of its own for each.

Two layers. The outer one is bubblewrap: it starts the process that forks and watches the kernels (`zygote`)
with a read-only system, no network and nothing of the instructor's. The inner one is made for every kernel by
`confine`: own process, file, network and IPC namespaces, an unprivileged user, limits; and `seccomp` takes
the system calls away that start processes and programs, `landlock` files outside of a kernel's own folders.

Covered, each claim with an attack in `tests/grading/test_sandbox.py`: no network; no sight of home, course
folder, gradebook, solutions or other submissions; system and packages cannot be written; the submission's
copy, /tmp and /dev/shm are memory that is gone with the kernel and limited in size, and nothing there can be
loaded as machine code; other kernels and the process they are forked from are out of sight and of reach;
memory, processes, size and number of files and of what lies beside the sockets are limited, and no file can
be made there; memory that the system holds for a kernel is none of the process's own, so what takes much of
it is refused (shared memory without a file, semaphores) or limited (open files, tables of pages); a kernel
starts no other process and becomes no other program, and cannot stop itself for good; it runs on the cores of
whoever started it, one where a class is graded, and not on others; no kernel outlives its grader.

Not covered: faults of the Linux kernel; how long a kernel computes (the client sets time limits and kills);
what is readable in the system and in the installed packages, which students have as well; measuring time;
signs that kernels give each other while both run, such as a lock on a file of the system.
Before Linux 5.13 files can be made beside the sockets; those without a name are not counted then.
GPUs are not in the sandbox. Run by an ordinary user, all kernels share that user, and so the system's limit
on its processes; before Linux 5.14 the watchdog alone then keeps each kernel to its own. The attack tests
pass that way too, but CI runs them as root.
"""

import functools
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cnnlab
from cnnlab.errors import InputError
from cnnlab.grading import seccomp

Mode = Literal["require", "auto", "none"]
MODES: tuple[Mode, ...] = ("require", "auto", "none")

# Where the sandbox's own folders lie inside it.
RUNTIME = "/run/cnnlab"
WORK, CONNECTION, TEMPORARY = (f"{RUNTIME}-{name}" for name in ("work", "connection", "tmp"))
# Of a kernel, besides PATH. A thread of OpenBLAS would not survive the fork that makes it.
ENVIRONMENT = {"LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
# Of /etc only what programs need to find libraries, fonts, time zone and names.
SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin")
ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "fonts", "localtime", "nsswitch.conf")


@dataclass(frozen=True)
class Limits:
    """What one kernel may use, beyond what it starts with."""

    memory: int = 2 << 30  # bytes
    processes: int = 64  # threads count as well
    disk: int = 256 << 20  # bytes, each of the submission's folder, /tmp and /dev/shm
    files: int = 1 << 15  # and folders, in each of these
    connection: int = 8 << 20  # bytes in the folder of the sockets, the only one on the real disk


def choose(mode: Mode) -> bool:
    """Whether to use bubblewrap.

    Raises:
        InputError: it is required and does not work here; the sentence says why.
    """
    if mode not in MODES:
        raise InputError(f"--sandbox is {mode!r}; it must be one of {', '.join(MODES)}.")
    if mode == "none":
        return False
    problem = obstacle()
    if problem is None:
        return True
    if mode == "auto":
        return False
    raise InputError(
        f"the sandbox does not work here: {problem}. Install bubblewrap (apt-get install bubblewrap), or "
        "grade people whom you trust with --sandbox none."
    )


def obstacle() -> str | None:
    """Why bubblewrap cannot be used on this machine; None when it can."""
    if not sys.platform.startswith("linux"):
        return f"bubblewrap needs Linux, this is {sys.platform}"
    if platform.machine() not in seccomp.MACHINES:
        return f"its filter of system calls knows {', '.join(seccomp.MACHINES)}, this is {platform.machine()}"
    program = shutil.which("bwrap")
    return "the program bwrap was not found" if program is None else _refusal(program)


@functools.cache  # each submission asks
def _refusal(program: str) -> str | None:
    """What bubblewrap says when it does not do its work here."""
    tried = subprocess.run(
        [program, *_namespaces(), "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode != 0:
        return f"bwrap says {tried.stderr.strip().splitlines()[-1:] or tried.returncode}"
    return None


def command(runtime: Path) -> list[str]:
    """The bubblewrap command in front of the program to run.

    Args:
        runtime: the folder, outside, in which sockets and submissions are handed over.
    """
    system = [path for path in (*SYSTEM, *(f"/etc/{name}" for name in ETC)) if os.path.lexists(path)]
    # A parent that bubblewrap makes without being told is closed to the kernels' unprivileged users.
    parents = {str(parent) for path in (*system, *own_folders(), RUNTIME) for parent in Path(path).parents}
    made = [
        part
        for path in sorted(parents | {"/tmp"})
        for part in ("--perms", "0755", "--tmpfs" if path == "/tmp" else "--dir", path)
    ]
    places = (WORK, CONNECTION, TEMPORARY)
    return [
        "bwrap",
        *_namespaces(),
        "--die-with-parent",
        "--new-session",
        "--clearenv",
        *("--setenv", "PATH", f"{sys.prefix}/bin:/usr/bin:/bin"),
        *(part for variable in ENVIRONMENT.items() for part in ("--setenv", *variable)),
        *made,
        *(part for path in system for part in _shown(path)),
        *(part for path in own_folders() for part in ("--ro-bind", path, path)),
        *("--proc", "/proc"),
        *("--dev", "/dev"),
        *(part for path in places for part in ("--perms", "0755", "--tmpfs", path)),
        *("--bind", str(runtime), RUNTIME),
        # What bubblewrap made lies in memory without a limit, is common to all kernels, and belongs to the
        # user who grades.
        *("--remount-ro", "/dev"),
        *("--remount-ro", "/"),
        *("--chdir", "/"),
    ]


def own_folders() -> list[str]:
    """The interpreter, its packages, and this package alone, which may be installed in place."""
    folders = (sys.base_prefix, sys.prefix, str(Path(cnnlab.__file__).parent.resolve()))
    return [path for path in dict.fromkeys(folders) if not path.startswith("/usr")]


def _shown(path: str) -> list[str]:
    if os.path.islink(path):
        return ["--symlink", os.readlink(path), path]
    return ["--ro-bind", path, path]


def _namespaces() -> list[str]:
    names = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if os.geteuid() == 0:
        # In a user namespace root could not become the unprivileged user of a kernel. Bubblewrap takes all
        # rights away unless told which the process that makes the inner wall needs.
        rights = ("SYS_ADMIN", "SETUID", "SETGID", "KILL", "CHOWN", "DAC_OVERRIDE", "SYS_PTRACE", "SETPCAP")
        return [*names, *(part for right in rights for part in ("--cap-add", f"CAP_{right}"))]
    return ["--unshare-user", *names]
