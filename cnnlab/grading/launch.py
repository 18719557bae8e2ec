"""Starts the process that kernels are forked from, and finds it again.

Apart from `kernels`, whose imports take a second: the process imports for longer, and may begin before.
"""

import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cnnlab.errors import InputError
from cnnlab.grading import sandbox


def temporary_folder(what: str) -> Path:
    """A new folder outside of the course, named after this process."""
    return Path(tempfile.mkdtemp(prefix=f"cnnlab-{what}-{os.getpid()}-"))


def sweep() -> None:
    """Remove the temporary folders of runs that were killed."""
    for folder in Path(tempfile.gettempdir()).glob("cnnlab-*"):
        named = re.fullmatch(r"cnnlab-(zygote|files)-(\d+)-\w+", folder.name)
        if named is None:
            continue
        try:
            os.kill(int(named[2]), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except PermissionError:  # it lives, and is somebody else's
            continue


class Zygote:
    """The warm process that this machine's kernels are forked from, and its folder.

    Args:
        walled: whether bubblewrap stands around it.
    """

    def __init__(self, walled: bool) -> None:
        self.walled = walled
        sweep()
        self.folder = temporary_folder("zygote")
        # Submissions are copied in by their graders; each kernel sees its own folder only.
        runtime = sandbox.RUNTIME if walled else str(self.folder)
        program = [sys.executable, "-P", "-m", "cnnlab.grading.zygote"]
        prefix = sandbox.command(self.folder) if walled else []
        self.process = subprocess.Popen(
            [*prefix, *program, f"{runtime}/zygote.sock", "walled" if walled else "open"],
            stdin=subprocess.PIPE,  # its end is the end of the zygote
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ.get("PATH", ""), **sandbox.ENVIRONMENT},
            start_new_session=True,  # Ctrl-C is for its owner, who ends it
        )
        self.owner, self.listens = os.getpid(), False
        atexit.register(self.close)

    def wait(self) -> None:
        """Until it has imported everything and listens.

        Raises:
            InputError: it ended instead; the sentence says why.
        """
        if self.listens or os.getpid() != self.owner:  # a worker gets nothing to do before it listens
            return
        assert self.process.stdout is not None
        if self.process.stdout.readline() != b"ready\n":
            said = self.process.communicate()[1].decode(errors="replace").strip().splitlines()
            shutil.rmtree(self.folder, ignore_errors=True)
            raise InputError(f"the sandbox did not start: {said[-1] if said else 'no reason given'}.")
        self.listens = True

    def close(self) -> None:
        """End it and every kernel; only the process that started it can."""
        if os.getpid() != self.owner:
            return
        atexit.unregister(self.close)
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        shutil.rmtree(self.folder, ignore_errors=True)


_zygotes: dict[bool, Zygote] = {}


def start_zygote(walled: bool) -> Zygote:
    """The process to fork kernels from, which may still be importing; forked workers inherit it."""
    running = _zygotes.get(walled)
    if running is None or (running.owner == os.getpid() and running.process.poll() is not None):
        running = _zygotes[walled] = Zygote(walled)
    return running


def zygote(walled: bool) -> Zygote:
    """The same, once it listens."""
    running = start_zygote(walled)
    running.wait()
    return running
