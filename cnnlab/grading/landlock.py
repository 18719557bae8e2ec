"""Where a graded kernel may write files: its own folders, which are in memory and limited, and devices.

The folder of the sockets is the only one of a kernel's on the real disk. A file there that is open but has no
name any more would be counted by nobody, so none can be made.

Source: Linux, Documentation/userspace-api/landlock.rst.
"""

import ctypes
import os
import struct
from collections.abc import Iterable

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # system calls, the same on all machines
PATH_BENEATH = 1  # a kind of rule
# Rights: to open a file for writing; to make folders, files, pipes and links. Sockets are another one.
WRITE, FOLDER, FILE, PIPE, LINK = 1 << 1, 1 << 7, 1 << 8, 1 << 10, 1 << 12


def write_only_in(folders: Iterable[str]) -> bool:
    """From here on, this process opens and makes files for writing in these folders alone.

    Returns:
        Whether it is so: kernels before Linux 5.13, and some that were built without, cannot do it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    rights = WRITE | FOLDER | FILE | PIPE | LINK
    rules = libc.syscall(CREATE_RULESET, struct.pack("=Q", rights), 8, 0)
    if rules < 0:
        return False
    try:
        for folder in folders:
            place = os.open(folder, os.O_PATH | os.O_CLOEXEC)
            try:
                rule = struct.pack("=Qi", rights, place)
                if libc.syscall(ADD_RULE, rules, PATH_BENEATH, rule, 0) != 0:
                    raise OSError(ctypes.get_errno(), f"landlock: {folder}")
            finally:
                os.close(place)
        return bool(libc.syscall(RESTRICT_SELF, rules, 0) == 0)
    finally:
        os.close(rules)
