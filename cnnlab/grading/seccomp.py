"""A filter of system calls for a graded kernel: threads may be started, processes and programs may not.

Whatever a student's function computes, it then computes in the one process that is watched, and there is
nothing that could be left behind. The calls that reach into other processes, that get memory which belongs to
no process, that lead onto other cores, or into the system's newest and least tried corners, go as well. Once
set, a filter cannot be taken off, and threads inherit it.

Source: Linux, Documentation/userspace-api/seccomp_filter.rst.
"""

import ctypes
import errno
import os
import platform
import struct

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
CLONE_FILES, CLONE_THREAD = 0x00000400, 0x00010000
MAP_SHARED, MAP_ANONYMOUS = 0x01, 0x20
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16  # kept in by a network namespace; not all kinds are
ALLOW, REFUSE = 0x7FFF0000, 0x00050000  # the second carries an error number
# Places in what a filter is shown, struct seccomp_data.
NUMBER, MACHINE, FIRST_ARGUMENT, THIRD_ARGUMENT, FOURTH_ARGUMENT = 0, 4, 16, 32, 40
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
FOREIGN = 0x40000000  # the numbers of x86-64's second table of calls start here
# The same everywhere. The flags of the first lie in memory, where a filter cannot look; the second's one flag
# that matters gives a thread open files of its own, which are then limited for each.
CLONE3, CLOSE_RANGE, CLOSE_RANGE_UNSHARE = 435, 436, 2

# By machine: what the system calls it, the numbers of clone, mmap and socket, and of what is refused:
# fork, vfork, execve, execveat, unshare, setns, mount, umount2, pivot_root, ptrace, process_vm_readv,
# process_vm_writev, io_uring_setup, bpf, add_key, request_key, keyctl, userfaultfd, perf_event_open,
# memfd_create, memfd_secret, shmget, semget, msgget, mq_open, io_setup, vmsplice, setxattr, lsetxattr,
# fsetxattr, setxattrat, sched_setaffinity.
_CALLS: dict[str, tuple[int, int, int, int, tuple[int, ...]]] = {
    "x86_64": (
        0xC000003E,
        56,
        9,
        41,
        (
            *(57, 58, 59, 322, 272, 308, 165, 166, 155, 101, 310, 311, 425, 321, 248, 249, 250, 323, 298),
            *(319, 447, 29, 64, 68, 240, 206, 278, 188, 189, 190, 463, 203),
        ),
    ),
    "aarch64": (
        0xC00000B7,
        220,
        222,
        198,
        (
            *(221, 281, 97, 268, 40, 39, 41, 117, 270, 271, 425, 280, 217, 218, 219, 282, 241, 279, 447, 194),
            *(190, 186, 180, 0, 75, 5, 6, 7, 463, 122),
        ),
    ),
}
MACHINES = tuple(_CALLS)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def one_process_only() -> None:
    """From here on, this process starts no other and becomes no other program.

    Raises:
        OSError: the system has no such filters, or this machine's calls are not known.
    """
    if platform.machine() not in _CALLS:
        raise OSError(errno.ENOSYS, f"no filter of system calls for {platform.machine()}")
    code = program(platform.machine())
    libc = ctypes.CDLL(None, use_errno=True)
    given = _Program(len(code) // 8, code)
    for call in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(given), 0, 0),
    ):
        if libc.prctl(*call) != 0:
            raise OSError(ctypes.get_errno(), f"seccomp: {os.strerror(ctypes.get_errno())}")


def program(machine: str) -> bytes:
    """The filter as the system's own small machine reads it: (code, if true skip, if false skip, value)."""
    known, clone, mmap, socket, refused = _CALLS[machine]
    refuse, absent = REFUSE | errno.EPERM, REFUSE | errno.ENOSYS
    lines = [
        (LOAD, 0, 0, MACHINE),
        (EQUAL, 1, 0, known),
        (RETURN, 0, 0, refuse),  # the same process can make the calls of a 32-bit one
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, FOREIGN),
        (RETURN, 0, 0, refuse),
        (EQUAL, 0, 1, CLONE3),
        (RETURN, 0, 0, absent),  # then the C library falls back on clone
    ]
    for number in refused:
        lines += [(EQUAL, 0, 1, number), (RETURN, 0, 0, refuse)]
    lines += [
        (EQUAL, 0, 7, socket),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        (EQUAL, 3, 0, AF_UNIX),
        (EQUAL, 2, 0, AF_INET),
        (EQUAL, 1, 0, AF_INET6),
        (EQUAL, 0, 1, AF_NETLINK),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE | errno.EAFNOSUPPORT),
        (EQUAL, 0, 5, mmap),
        (LOAD, 0, 0, FOURTH_ARGUMENT),
        (ANY_BIT, 0, 2, MAP_SHARED),
        (ANY_BIT, 0, 1, MAP_ANONYMOUS),
        (RETURN, 0, 0, refuse),  # pages that are let go of stay, and count as nobody's
        (RETURN, 0, 0, ALLOW),
        (EQUAL, 0, 4, CLOSE_RANGE),
        (LOAD, 0, 0, THIRD_ARGUMENT),
        (ANY_BIT, 0, 1, CLOSE_RANGE_UNSHARE),
        (RETURN, 0, 0, refuse),
        (RETURN, 0, 0, ALLOW),
        (EQUAL, 0, 4, clone),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        (ANY_BIT, 0, 1, CLONE_THREAD),
        (ANY_BIT, 1, 0, CLONE_FILES),
        (RETURN, 0, 0, refuse),
        (RETURN, 0, 0, ALLOW),
    ]
    return b"".join(struct.pack("<HBBI", *line) for line in lines)
