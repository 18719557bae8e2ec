"""The inner wall: what a forked process does to itself before it becomes a student's kernel.

Linux only, by system calls that Python 3.11 has no functions for. See `sandbox` for what is promised.
"""

import contextlib
import ctypes
import os
import re
import resource
import shutil
import signal
from pathlib import Path

from cnnlab.grading.sandbox import CONNECTION, RUNTIME, TEMPORARY, WORK, Limits, own_folders

_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = (
    0x00020000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
PR_SET_NO_NEW_PRIVS, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_PDEATHSIG = 38, 4, 24, 1
FIRST_USER = 61000  # as root each kernel is a user of its own, so that limits per user are limits per kernel
USERS = 1000
OPEN_FILES = 512  # each may be a socket, in which half a megabyte of the system's memory waits to be read


def own_processes() -> None:
    """Go on in a child that sees nobody but itself, and has every right over what it will start.

    An ordinary user has such rights in a namespace of users alone, and over what was made in it.
    """
    flags = CLONE_NEWNS | CLONE_NEWPID
    _unshare(flags if os.geteuid() == 0 else flags | CLONE_NEWUSER)
    if child := os.fork():
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 255)
    end_with_parent()
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)


def fork_apart() -> int:
    """`os.fork`, and the child is process 1 of a namespace of its own."""
    own = os.open("/proc/self/ns/pid", os.O_RDONLY)
    _unshare(CLONE_NEWPID)
    child = -1
    try:
        child = os.fork()
        return child
    finally:
        if child != 0:
            _check(_libc.setns(own, CLONE_NEWPID), "setns")
        os.close(own)


def _unshare(flags: int) -> None:
    """Leave namespaces for new ones; in a new one of users, be the same user."""
    user, group = os.getuid(), os.getgid()
    _check(_libc.unshare(flags), "unshare")
    if flags & CLONE_NEWUSER:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def settle(name: str, limits: Limits, number: int) -> None:
    """As process 1 of its namespace: see only what belongs to this kernel, and lose every right.

    Args:
        name: the folder in the runtime folder that holds the submission's `files` and gets the sockets.
        limits: what the kernel may use.
        number: which kernel this is.
    """
    root = os.geteuid() == 0
    user = FIRST_USER + number % USERS if root else os.getuid()
    group = user if root else os.getgid()
    _unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET)
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    own = f"{RUNTIME}/{name}"
    _mount(f"{own}/connection", CONNECTION, None, MS_BIND)
    size = f"size={limits.disk},nr_inodes={limits.files},mode=0700,uid={user},gid={group}"
    for path in (WORK, TEMPORARY, "/dev/shm"):  # nothing that is put there can be loaded as machine code
        _mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, size)
    if any(folder.startswith("/tmp/") for folder in own_folders()):  # then it must stay, but for reading
        _mount("/tmp", "/tmp", None, MS_BIND | MS_REC)  # only a mount can be made read-only
        _mount(None, "/tmp", None, MS_REMOUNT | MS_BIND | MS_RDONLY)
    else:
        _mount(TEMPORARY, "/tmp", None, MS_BIND)
    # Of the devices, a mapping of zero is memory of nobody's; full reads alike. Kernels share terminals.
    _mount("/dev/full", "/dev/zero", None, MS_BIND)
    _mount("tmpfs", "/dev/pts", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "size=4k,mode=0")
    _copy(Path(own, "files"), Path(WORK), user, group)
    _mount("tmpfs", RUNTIME, "tmpfs", MS_NOSUID | MS_NODEV, "size=4k,mode=0500")
    _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV)
    if not root:
        _unshare(CLONE_NEWUSER)  # from here on without a right over what was made above
    if root or _counts_in_namespaces():
        # Not before: what holds where a namespace is made, holds for all of the user's kernels together.
        resource.setrlimit(resource.RLIMIT_NPROC, (limits.processes + 8,) * 2)
    if root:
        os.chown(CONNECTION, user, group)
        for capability in range(64):
            _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
    else:
        _drop_capabilities()
    _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    set_limits(limits)


def _counts_in_namespaces() -> bool:
    """Whether the system counts a user's processes in each user namespace: since Linux 5.14."""
    major, minor = re.findall(r"\d+", os.uname().release)[:2]
    return (int(major), int(minor)) >= (5, 14)


def set_limits(limits: Limits) -> None:
    """The limits that the system itself keeps; the watchdog keeps the others."""
    lines = Path("/proc/self/status").read_text().splitlines()
    used = {
        line[:6]: int(line.split()[1]) * 1024 for line in lines if line.startswith(("VmData:", "VmSize:"))
    }
    data = used["VmData"] + 2 * limits.memory  # reserved is not used; the watchdog counts what is
    resource.setrlimit(resource.RLIMIT_DATA, (data, data))
    # What is only looked at takes no memory, but the tables that say where it would be do.
    space = used["VmSize"] + 8 * limits.memory
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.disk, limits.disk))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))


def end_with_parent() -> None:
    """From here on, this process is killed when the one that forked it has ended, in whatever way."""
    _check(_libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "death signal")


def _copy(source: Path, target: Path, user: int, group: int) -> None:
    """The submission's own files, without links; what does not fit is left out."""
    with contextlib.suppress(OSError, shutil.Error):  # a full folder is the submission's own affair
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    for folder, folders, files in os.walk(target):
        for name in (*folders, *files):
            os.chown(os.path.join(folder, name), user, group, follow_symlinks=False)


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    parts = [part.encode() if part is not None else None for part in (source, target, kind, options)]
    _check(_libc.mount(parts[0], parts[1], parts[2], flags, parts[3]), f"mount {target}")


def _drop_capabilities() -> None:
    class Header(ctypes.Structure):
        _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]

    class Data(ctypes.Structure):
        _fields_ = [(name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable")]

    for capability in range(64):
        _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    _check(_libc.capset(ctypes.byref(Header(0x20080522, 0)), (Data * 2)()), "capset")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
