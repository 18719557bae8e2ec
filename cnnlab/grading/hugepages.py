"""Gathers a process's memory into large pages, so that its forks are cheap.

A fork copies an entry of the page tables for each page of memory that is not a file's. A process that has
imported torch has a hundred thousand of 4 KiB; gathered into pages of 2 MiB they are some hundreds, and a
fork with its end takes a third of the time. What a child writes to is copied in small pages as before.

Source: madvise(2), MADV_COLLAPSE, since Linux 6.1; before, nothing is gathered.
"""

import ctypes
import re
from collections.abc import Iterator
from pathlib import Path

HUGE = 2 << 20  # bytes of a large page on x86-64, and on arm64 with pages of 4 KiB
MADV_COLLAPSE = 25
# Private memory that can be written, of no file: Python's own, or the C library's.
_OWN = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw-p 0+ \S+ 0 *(?:\[heap\])?", re.ASCII)


def gather() -> Iterator[bool]:
    """Gather this process's memory piece by piece; a step takes milliseconds and says whether it worked."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for line in Path("/proc/self/maps").read_text().splitlines():
        if own := _OWN.fullmatch(line):
            start, end = (int(place, 16) for place in own.groups())
            for piece in range(-(-start // HUGE) * HUGE, end - HUGE + 1, HUGE):
                yield libc.madvise(piece, HUGE, MADV_COLLAPSE) == 0
