"""Looks after what one kernel uses, from outside of it.

A kernel is one process: its filter of system calls lets it start no other.
"""

import os
from pathlib import Path

from cnnlab.grading.sandbox import Limits

WATCH_SECONDS = 0.05  # from one look to the next
NAME_SIZE = 4096


class Watched:
    """What a kernel uses; asked many times a second, so cheap as long as all is well.

    Args:
        pid: of the kernel.
        limits: what it may use beyond what this process does, from which it was forked. Copies of that are
            not counted on top.
        connection: the folder of its sockets.
    """

    def __init__(self, pid: int, limits: Limits, connection: Path) -> None:
        self.pid, self.limits, self.connection = pid, limits, connection
        self.shared = _own("self")  # what a fork begins with

    def excess(self) -> str:
        """Which limit is broken, in words; empty when none is."""
        try:
            return self._excess()
        except (FileNotFoundError, ProcessLookupError):  # it ended while it was looked at
            return ""
        except Exception as error:  # nobody goes unwatched, and it costs no other kernel
            return f"it could not be looked after ({type(error).__name__})"

    def _excess(self) -> str:
        if _is_stopped(self.pid):
            return "it stopped itself, and would not have gone on"
        threads = os.listdir(f"/proc/{self.pid}/task")
        if len(threads) > self.limits.processes:
            return f"it had more than {self.limits.processes} processes and threads"
        # What it began with counts once, whether it is still shared or was copied since. The exact figure
        # would take the system the longer the more files are mapped, and a process can refuse to show it.
        limit = self.limits.memory
        own = _own(self.pid) or max(_own_by(self.pid, thread) for thread in threads)
        if own > limit + self.shared:
            return f"it used more than {limit / 2**30:.1f} GiB of memory"
        if _size(self.connection) > self.limits.connection:
            return "it filled the folder of its sockets"
        return ""


def resident(pid: str | int) -> int:
    """Bytes of memory that a process has, those shared with others included."""
    return _statm(pid)[1]


def _own(pid: str | int) -> int:
    """Bytes of memory of a process that are of no file."""
    _, here, of_files = _statm(pid)
    return here - of_files


def _own_by(pid: int, thread: str) -> int:
    """The same as one of its threads has it: the first may have ended, and has nothing then."""
    try:
        return _own(f"{pid}/task/{thread}")
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _statm(pid: str | int) -> list[int]:
    """Bytes of a process: reserved; resident; of those, of files."""
    pages = Path(f"/proc/{pid}/statm").read_text().split()[:3]
    return [int(number) * os.sysconf("SC_PAGE_SIZE") for number in pages]


def _is_stopped(pid: int) -> bool:
    # Bytes, as it may give itself any name.
    return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] in b"Tt"


def _size(folder: Path) -> int:
    return sum(
        _room(Path(where, name)) for where, below, names in os.walk(folder) for name in (*below, *names)
    )


def _room(path: Path) -> int:
    """Bytes on the disk; a socket has no blocks, but a disk does not have room for any number of names."""
    try:
        return max(path.lstat().st_blocks * 512, NAME_SIZE)
    except FileNotFoundError:  # others are still there
        return NAME_SIZE
