"""Memory in large pages: the same content, and the system counts it as such."""

import mmap
import os
import subprocess
import sys
from pathlib import Path

from cnnlab.grading.hugepages import HUGE, gather

MOST = 32 * HUGE


def huge() -> int:
    """Bytes of this process that lie in large pages."""
    rollup = Path("/proc/self/smaps_rollup").read_text()
    return next(int(line.split()[1]) << 10 for line in rollup.splitlines() if "AnonHugePages" in line)


def gathered() -> None:
    """In a process of its own: the memory of a test run is nobody's to change."""
    memory = mmap.mmap(-1, MOST, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    content = bytes(range(256)) * (MOST // 256)
    memory[:] = content
    before, worked = huge(), sum(gather())
    assert memory[:] == content
    print(worked, (huge() - before) // HUGE)


def test_memory_is_gathered_and_keeps_what_is_in_it() -> None:
    ran = subprocess.run([sys.executable, __file__], capture_output=True, text=True, check=True)
    worked, gained = map(int, ran.stdout.split())
    # Linux does it from 6.1 on where it was built with large pages; otherwise all is left as it was.
    release = tuple(map(int, os.uname().release.split("-")[0].split(".")[:2]))
    can = release >= (6, 1) and Path("/sys/kernel/mm/transparent_hugepage").is_dir()
    assert worked >= gained >= MOST // HUGE // 2 if can else worked == gained == 0


if __name__ == "__main__":
    gathered()
