"""Keeps each process that grades, and the kernels it starts, to a core of its own, while there are enough.

Such a process and its kernel take turns: one asks, sleeps, and goes on with the answer. Left alone, the
system wakes each of them on whatever core is idle, where nothing of theirs is in the caches.

Source: sched(7), and unix(7) on abstract names, which go with the process that holds them.
"""

import os
import re
import socket
from pathlib import Path

TOPOLOGY = Path("/sys/devices/system/cpu")
NAME = "\0cnnlab-core-"  # of a claim, before the core's number
_claims: list[socket.socket] = []  # kept until this process ends


def claim() -> None:
    """Stay on one core from here on, if there is one that no other process of this machine has claimed."""
    for core in sorted(os.sched_getaffinity(0), key=_rank):
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"{NAME}{core}")
        except OSError:
            name.close()
            continue
        _claims.append(name)
        os.sched_setaffinity(0, [core])
        return


def _rank(core: int) -> tuple[int, int]:
    """Orders cores: the halves of a core that compute at each other's expense are taken one by one."""
    listed = TOPOLOGY / f"cpu{core}/topology/thread_siblings_list"
    siblings = re.findall(r"\d+", listed.read_text()) if listed.is_file() else ()
    return sum(int(sibling) < core for sibling in siblings), core
