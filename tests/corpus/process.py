"""How a submission ends its process, never ends, and takes more of the machine than it may.

Everything that grows is bounded, so that an unprotected run by accident ends within `SECONDS` and does little
harm, while it is still far above what a sandbox allows. The samples tagged `dangerous` are to be run in a
sandbox only.
"""

from typing import Any

from corpus.making import Sample, Work, everything, made_in, sample
from sample_class import build

SECONDS = 60  # no cell below lasts longer
PROCESSES = 200
MEMORY_MIB = 6 * 1024
DISK_MIB = 2 * 1024

EXIT = "`sys.exit`, `quit()`"
DEATH = "`os._exit`, segmentation fault (Z; other questions regraded in a fresh kernel)"
SLOW = "many slow cells (total budget)"
DANGEROUS: Any = {"tags": ("dangerous",)}


def _exit(name: str, source: str) -> Sample:
    @sample(EXIT, "K", name=name, why="A cell of the student's own, between two questions, ends the kernel.")
    def make(work: Work) -> None:
        work.cell(source, before="label_smoothing_grad")

    return make


EXITS = (
    _exit("cell_sys_exit", "import sys\n\nsys.exit(0)"),
    _exit("cell_quit", "quit()"),
    _exit("cell_exit", "exit()"),
    _exit("cell_os_exit", "import os\n\nos._exit(0)"),
    _exit("cell_kills_everything", "import os\nimport signal\n\nos.kill(os.getpid(), signal.SIGKILL)"),
)


def _in_function(
    item: str, name: str, why: str, body: str, cause: str, function: str = "label_smoothing_grad", **more: Any
) -> Sample:
    """A body for a function whose check must score zero while the others keep their points."""
    part = {"smooth_labels": "targets", "label_smoothing_grad": "gradient", "label_smoothing_loss": "loss"}

    @sample(item, zero=part[function], cause=cause, name=name, why=why, **more)
    def make(work: Work) -> None:
        work.body(function, body)

    return make


ENDED = r"ended the kernel|ended its process|died"
STOPPED = r"longer than|timeout|time"
ENDINGS = (
    _in_function(EXIT, "sys_exit", "The function leaves by `sys.exit`.", "import sys\nsys.exit(0)", "exit"),
    _in_function(EXIT, "quit_in_a_function", "The function calls `quit()`.", "quit()\nreturn None", ""),
    _in_function(DEATH, "os_exit", "The function ends its process.", "import os\nos._exit(0)", ENDED),
    _in_function(
        DEATH,
        "os_exit_first",
        "The first function ends its process.",
        "import os\nos._exit(0)",
        ENDED,
        "smooth_labels",
    ),
    _in_function(
        DEATH,
        "segmentation_fault",
        "The function reads address zero.",
        "import ctypes\nreturn ctypes.string_at(0)",
        ENDED,
    ),
    _in_function(DEATH, "abort", "The function aborts.", "import os\nos.abort()", ENDED),
    _in_function(
        DEATH,
        "stops_itself",
        "The function tries to stop its process, which only another one could continue.",
        f"""
        import os, signal, time
        try:
            if os.fork() == 0:
                time.sleep({SECONDS})
                os.kill(os.getppid(), signal.SIGCONT)
                os._exit(0)
        except OSError:
            pass
        os.kill(os.getpid(), signal.SIGSTOP)
        return None
        """,
        r"grad is None",
    ),
    _in_function(
        "endless loop", "endless_loop", "The function does not return for a minute.",
        f"import time\nend = time.monotonic() + {SECONDS}\nwhile time.monotonic() < end:\n    pass", STOPPED,
    ),
    _in_function(
        "endless loop", "endless_sleep", "The function waits for a lock that nobody frees.",
        f"import threading\nthreading.Event().wait({SECONDS})", STOPPED,
    ),
    _in_function(
        "loop that ignores SIGINT", "loop_that_ignores_sigint", "The function swallows every interrupt.",
        f"""
        import time
        end = time.monotonic() + {SECONDS}
        while time.monotonic() < end:
            try:
                while time.monotonic() < end:
                    pass
            except BaseException:
                pass
        """,
        STOPPED,
    ),
    _in_function(
        "loop that ignores SIGINT", "signals_are_blocked", "No signal that can be ignored gets through.",
        f"""
        import signal, time
        for number in range(1, 32):
            if number not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV, signal.SIGALRM):
                signal.signal(number, signal.SIG_IGN)
        time.sleep({SECONDS})
        """,
        STOPPED,
    ),
    _in_function(
        "fork bomb", "fork_bomb", f"The function starts processes, {PROCESSES} at most.",
        f"""
        import os, time
        for _ in range({PROCESSES}):
            if os.fork() == 0:
                time.sleep({SECONDS // 2})
                os._exit(0)
        time.sleep({SECONDS // 2})
        return None
        """,
        r"process|Resource temporarily", **DANGEROUS,
    ),
    _in_function(
        "fork bomb", "thread_bomb", f"The function starts threads, {4 * PROCESSES} at most.",
        f"""
        import threading, time
        for _ in range({4 * PROCESSES}):
            threading.Thread(target=time.sleep, args=({SECONDS // 2},), daemon=True).start()
        time.sleep({SECONDS // 2})
        return None
        """,
        r"process|thread", **DANGEROUS,
    ),
    _in_function(
        "memory bomb", "memory_bomb", f"The function takes memory, {MEMORY_MIB} MiB at most.",
        f"""
        import time
        kept = []
        for _ in range({MEMORY_MIB // 64}):
            kept.append(bytearray(b"x") * (64 << 20))
        time.sleep(10)
        return None
        """,
        r"memory", **DANGEROUS,
    ),
    _in_function(
        "memory bomb", "one_huge_tensor", "The function asks for 64 TiB at once, which no machine gives.",
        "return torch.empty(1 << 44)", r"memory|raised RuntimeError",
    ),
)  # fmt: skip


def _disk(name: str, folder: str) -> Sample:
    body = f"""
        import pathlib, shutil, tempfile, time
        here = pathlib.Path(tempfile.mkdtemp(prefix="cnnlab-corpus-", dir="{folder}"))
        try:
            for number in range({DISK_MIB // 16}):
                (here / str(number)).write_bytes(bytes(1 << 24))
            time.sleep(5)
        finally:
            shutil.rmtree(here, ignore_errors=True)
        return None
        """
    why = f"The function writes files to {folder}, {DISK_MIB} MiB at most, and removes them if it may."
    traces = (f"{folder}/cnnlab-corpus-*",) if folder != "." else ()
    return _in_function("disk filler", name, why, body, r"disk|space|file|memory", traces=traces, **DANGEROUS)


DISKS = (
    _disk("disk_filler", "."),
    _disk("disk_filler_tmp", "/tmp"),
    _disk("disk_filler_shared_memory", "/dev/shm"),
)


@sample(SLOW, zero=("gradient", "pytorch_epsilon"), cause=STOPPED)
def many_slow_cells(work: Work) -> None:
    """Sixty cells in the middle, none over its limit, use up the notebook's time."""
    for _ in range(60):
        work.cell("import time\n\ntime.sleep(2)", before="label_smoothing_grad")


@sample(SLOW, "K")
def many_slow_cells_below(work: Work) -> None:
    """The same below everything, when all questions have been judged."""
    for _ in range(40):
        work.last_cell("import time\n\ntime.sleep(2)")


@sample(SLOW, zero=everything("label_smoothing"), cause=STOPPED)
def every_call_is_slow(work: Work) -> None:
    """Every call of every function takes four seconds; each question asks for several."""
    for function in build.ASSIGNMENTS["label_smoothing"]:
        work.first_line(function, "__import__('time').sleep(4)")


PROCESS = made_in(globals())
