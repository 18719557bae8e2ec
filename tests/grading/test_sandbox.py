"""What the sandbox claims, each claim with code that tries to break it, in a kernel as submissions get."""

import asyncio
import contextlib
import errno
import mmap
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import Mock

import psutil
import pytest
import zmq

from cnnlab.errors import InputError
from cnnlab.grading import kernels, launch, sandbox
from cnnlab.grading.kernels import LARGEST_MESSAGE, PromptClient, SandboxedKernelManager
from cnnlab.grading.sandbox import Limits
from cnnlab.grading.watchdog import Watched

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = Limits(memory=256 << 20, processes=40, disk=8 << 20, connection=1 << 20)


def limit(monkeypatch: pytest.MonkeyPatch, limits: Limits) -> None:
    """Give the kernels of a test these limits."""
    monkeypatch.setattr(kernels, "Limits", lambda **given: limits)


Shell = Callable[..., tuple[str, str]]


@pytest.fixture
def kernel(tmp_path: Path, request: pytest.FixtureRequest) -> Shell:
    """Runs code in a new kernel that has the files in `tmp_path`; what it printed, and why it was ended."""

    async def execute(code: str, seconds: float) -> tuple[str, str]:
        manager = SandboxedKernelManager(sandbox_mode=getattr(request, "param", "require"))
        texts: list[str] = []

        def keep(message: dict[str, object]) -> None:
            content = message["content"]
            if "image/png" in content.get("data", {}):  # type: ignore[attr-defined]
                texts.append("a figure")
            texts.append(content.get("text", "") or content.get("evalue", ""))  # type: ignore[attr-defined]

        await manager.start_kernel(cwd=str(tmp_path))
        client = manager.client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=120)
            running = client.execute_interactive(code, allow_stdin=False, output_hook=keep)
            task = asyncio.ensure_future(running)
            end = time.monotonic() + seconds
            while not task.done() and await manager.is_alive() and time.monotonic() < end:
                await asyncio.sleep(0.05)
            if time.monotonic() >= end:
                texts.append("still running")
            task.cancel()
        finally:
            await manager.is_alive()  # learns why it ended
            reason = manager.ended_because
            await manager.shutdown_kernel(now=True)
            client.stop_channels()
        return "".join(texts), reason

    return lambda code, seconds=30.0: asyncio.run(execute(code, seconds))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a test breaks quickly."""
    limit(monkeypatch, SMALL)


def tried(expression: str) -> str:
    """Code that prints what an expression gives, or the error's name."""
    return (
        "import ctypes, os, pathlib, socket, subprocess, sys\n"
        f"try:\n    print('DONE', {expression})\n"
        "except BaseException as error:\n    print(type(error).__name__)"
    )


def test_a_kernel_computes(kernel: Shell) -> None:
    printed, reason = kernel("import torch; print(torch.ones(2).sum().item())")
    assert (printed, reason) == ("2.0\n", "")


def test_what_notebooks_import_is_there_already(kernel: Shell) -> None:
    wanted = ("torch", "torchvision", "matplotlib.pyplot", "cnnlab.check")
    printed, _ = kernel(f"import sys; print([name for name in {wanted} if name not in sys.modules])")
    assert printed == "[]\n"


def test_a_kernel_imports_nothing_while_it_starts(kernel: Shell, tmp_path: Path) -> None:
    """Else each does, for hundredths of a second; what is missing belongs into `zygote.WHILE_STARTING`."""
    listed = "import sys; print(*sorted(sys.modules))"
    warm = (
        f"import pathlib, cnnlab.grading.zygote as z; z._warm_up(pathlib.Path({str(tmp_path)!r})); {listed}"
    )
    before = subprocess.run([sys.executable, "-c", warm], check=True, capture_output=True, text=True).stdout
    after, _ = kernel(listed)
    assert set(after.split()) - set(before.split()) == set()
    assert list(tmp_path.iterdir()) == []


def test_a_kernel_made_before_the_fork_has_a_home_of_its_own(kernel: Shell) -> None:
    printed, _ = kernel(
        "import os; shell, home = get_ipython(), os.environ['HOME']\n"
        "print(shell.kernel.shell is shell, shell.ipython_dir == home)\n"
        "print(shell.profile_dir.location.startswith(home))"
    )
    assert printed == "True True\nTrue\n"


@pytest.mark.parametrize(("graded", "read"), [(False, True), (True, False)])
def test_settings_and_startup_files_of_the_machine_are_not_the_students(
    graded: bool, read: bool, tmp_path: Path
) -> None:
    """Whoever owns the machine may have set IPython up; an ordinary kernel does as they say."""
    settings, profile, home = (tmp_path / name for name in ("etc/ipython", "home/profile_default", "home"))
    for folder in (settings, profile / "startup"):
        folder.mkdir(parents=True)
    (profile / "startup/first.py").write_text("started = True")
    for place in (settings, profile):
        (place / "ipython_config.py").write_text(
            "c.InteractiveShellApp.exec_lines = ['configured = True']\n"
            "c.InteractiveShellApp.extensions = ['autoreload']"
        )
    start = (
        f"import os, pathlib, sys; sys.prefix, os.environ['IPYTHONDIR'] = {str(tmp_path)!r}, {str(home)!r}\n"
        "from ipykernel.kernelapp import IPKernelApp\n"
        "from cnnlab.grading import student_kernel\n"
        f"home, graded = pathlib.Path({str(home)!r}), {graded}\n"
        "if graded: student_kernel.prepare(home); os.environ['IPYTHONDIR'] = str(home)\n"
        "app = (student_kernel.StudentKernelApp if graded else IPKernelApp).instance()\n"
        "app.transport, app.ip = 'ipc', str(home / 'k')\n"
        "app.initialize([])\n"
        "names = {'configured', 'started'} & set(app.shell.user_ns)\n"
        "names |= {'extended'} if 'IPython.extensions.autoreload' in sys.modules else set()\n"
        "app.reset_io(); print(sorted(names), flush=True); os._exit(0)"
    )
    ran = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True)
    names = ["configured", "extended", "started"] if read else []
    assert ran.stdout.splitlines()[-1:] == [str(names)], ran.stderr


def test_a_figure_is_shown(kernel: Shell) -> None:
    printed, _ = kernel("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()")
    assert printed == "a figure"


def test_there_is_no_network(kernel: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        printed, _ = kernel(tried(f"socket.create_connection(('127.0.0.1', {port}), 2)"))
    assert printed == "ConnectionRefusedError\n" or printed == "OSError\n"


@pytest.mark.parametrize("family", ["AF_VSOCK", "AF_ALG"])
def test_no_socket_goes_past_the_network(kernel: Shell, family: str) -> None:
    """In a virtual machine, the first of them reaches the machine outside from any network namespace."""
    printed, _ = kernel(
        "import ctypes, socket\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        f"print([libc.socket(socket.{family}, kind, 0) for kind in (1, 2, 3, 5)], ctypes.get_errno())"
    )
    assert printed == f"[-1, -1, -1, -1] {errno.EAFNOSUPPORT}\n"


@pytest.mark.parametrize("folder", [Path.home(), REPOSITORY], ids=["home", "repository"])
def test_nothing_of_the_instructors_is_in_sight(kernel: Shell, folder: Path) -> None:
    """Folders on the way to the interpreter and to this package are there; nothing else in them is."""
    printed, _ = kernel(
        "import os\n"
        f"for where, _, names in os.walk({str(folder)!r}):\n"
        "    for name in names: print(os.path.join(where, name))",
    )
    allowed = tuple(sandbox.own_folders())
    outside = [path for path in printed.splitlines() if not path.startswith(allowed)]
    assert outside == []


def test_another_submission_is_out_of_sight(kernel: Shell) -> None:
    printed, _ = kernel(tried("os.listdir('/run/cnnlab')"))
    assert printed in ("PermissionError\n", "DONE []\n")  # the second where an ordinary user grades


WRITABLE = """
import os
for where, folders, _ in os.walk("/"):
    if where.count("/") > 3 or where.startswith("/proc"):
        folders.clear()
        continue
    try:
        open(os.path.join(where, "left-for-others"), "x").close()
        print(where)
    except OSError:
        pass
"""


def test_kernels_share_no_place_that_can_be_written(kernel: Shell) -> None:
    """Neither a way to pass answers on nor memory without a limit; a user may own what bubblewrap made."""
    places = {sandbox.WORK, sandbox.CONNECTION, sandbox.TEMPORARY, "/tmp", "/dev/shm"}
    for _ in range(2):  # what the first kernel left is not there for the second
        printed, _ = kernel(WRITABLE)
        found = {
            where for where in printed.splitlines() if not where.startswith(tuple(f"{p}/" for p in places))
        }
        assert found <= places | {sandbox.RUNTIME}, found
        assert sandbox.WORK in found


@pytest.mark.parametrize(
    "path", ["/usr/lib/x", f"{sys.prefix}/x", f"{Path(sandbox.__file__).parent}/x", "/etc/x", "/x", "/run/x"]
)
def test_system_and_packages_cannot_be_written(kernel: Shell, path: str) -> None:
    printed, _ = kernel(tried(f"open({path!r}, 'w')"))
    assert printed in ("OSError\n", "PermissionError\n")


# Where the package itself lies in /tmp, nobody can write there.
OWN_PLACES = [".", "/dev/shm", "$TMPDIR"]
OWN_PLACES += [] if any(folder.startswith("/tmp/") for folder in sandbox.own_folders()) else ["/tmp"]


@pytest.mark.parametrize("folder", OWN_PLACES)
def test_machine_code_cannot_be_brought_along(kernel: Shell, folder: str) -> None:
    """Even under another name: the same library that is there already is refused as a copy."""
    printed, _ = kernel(
        "import _ctypes, ctypes, os, shutil\n"
        f"copy = os.path.abspath(os.path.expandvars({folder + '/data.txt'!r}))\n"
        "shutil.copy(_ctypes.__file__, copy)\n"
        "print(ctypes.CDLL(_ctypes.__file__) is not None)\n"
        "try:\n    print(ctypes.CDLL(copy))\nexcept OSError as error:\n    print(error)"
    )
    assert printed.splitlines()[0] == "True"
    assert "failed to map segment" in printed


def test_a_cell_may_await(kernel: Shell) -> None:
    printed, _ = kernel("import asyncio\nprint(await asyncio.sleep(0, result=3))")
    assert printed == "3\n"


def test_the_own_copy_is_there_and_only_a_copy(kernel: Shell, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    (tmp_path / "link").symlink_to("/etc/passwd")
    printed, _ = kernel(
        "import os; print(sorted(os.listdir()), open('mine.txt').read()); open('mine.txt', 'w')"
    )
    assert printed == "['mine.txt'] kept\n"
    assert (tmp_path / "mine.txt").read_text() == "kept"


def test_no_other_process_is_in_sight_or_reach(kernel: Shell) -> None:
    printed, _ = kernel(
        "import os, signal\nprint(sorted(int(p) for p in os.listdir('/proc') if p.isdigit()))\n"
        "for pid in set(range(2, 4000)) - set(map(int, os.listdir('/proc/self/task'))):\n"
        "    try:\n        os.kill(pid, 0); print('reached', pid)\n"
        "    except OSError: pass"
    )
    assert printed == "[1]\n"


@pytest.mark.parametrize("kernel", ["require", "none"], indirect=True)
def test_a_signal_to_the_own_group_reaches_nobody_else(kernel: Shell) -> None:
    """An ordinary user's kernels could end all others so, and what all are forked from; root's are users."""
    warm = psutil.Process(launch.zygote(True).process.pid)
    printed, _ = kernel("import os; print(os.getpgrp(), os.getsid(0), os.getpid())")
    assert printed.split() == 3 * printed.split()[-1:]
    kernel("import os, signal; os.kill(0, signal.SIGKILL)")
    assert kernel("print('goes on')") == ("goes on\n", "")
    assert psutil.Process(launch.zygote(True).process.pid) == warm


@pytest.mark.parametrize(
    "call",
    [
        "ctypes.CDLL(None).setuid(0)",
        "ctypes.CDLL(None).mount(b'x', b'/run/cnnlab-tmp', b'tmpfs', 0, None)",
        "ctypes.CDLL(None).umount2(b'/run/cnnlab', 2)",
        "ctypes.CDLL(None).chroot(b'/tmp')",
        "ctypes.CDLL(None).ptrace(16, 1, None, None) if os.getuid() == 0 else -1",
    ],
)
def test_no_right_is_left(kernel: Shell, call: str) -> None:
    assert kernel(tried(call))[0] == "DONE -1\n"


def test_memory_is_limited(kernel: Shell, small: None) -> None:
    """By the watchdog where it has the time to look; by the system where it has not."""
    code = (
        "import time; kept = []\n"
        "for _ in range(40):\n    kept.append(bytearray(b'x' * (1 << 24))); time.sleep({})\n"
        "print('all of it')"
    )
    assert kernel(code.format(0.05)) == ("", "it used more than 0.2 GiB of memory")
    assert "all of it" not in kernel(code.format(0))[0]


BOMB = """
import time
kept = []
for _ in range(40):
    kept.append(bytearray(b'x' * (1 << 24))); time.sleep(0.05)
print('all of it')
"""


@pytest.mark.parametrize(
    "hidden",
    [
        # An ordinary user's watchdog may then not read how much exactly it has.
        "import ctypes; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\nbomb()",
        # Without its first thread, a process shows none.
        "import ctypes, threading as t\nt.Thread(target=bomb).start()\nctypes.CDLL(None).pthread_exit(None)",
    ],
    ids=["closed", "headless"],
)
def test_memory_is_limited_wherever_it_hides(kernel: Shell, small: None, hidden: str) -> None:
    code = f"def bomb():\n    exec({BOMB!r})\n{hidden}"
    assert kernel(code, 10.0) == ("", "it used more than 0.2 GiB of memory")


def test_a_look_takes_no_longer_the_more_is_mapped(tmp_path: Path) -> None:
    """What watches one kernel watches all, and starts them."""
    watched, looks = Watched(os.getpid(), Limits(), tmp_path), []
    size = 128 << 20
    with (tmp_path / "large").open("w+b") as file:
        file.truncate(size)
        maps = [mmap.mmap(file.fileno(), size, mmap.MAP_SHARED | mmap.MAP_POPULATE, 1) for _ in range(64)]
    (tmp_path / "large").unlink()
    for _ in range(3):
        start = time.perf_counter()
        assert watched.excess() == ""
        looks.append(time.perf_counter() - start)
    for area in maps:
        area.close()
    assert min(looks) < 0.01


def test_a_name_that_is_no_text_does_not_hide_a_kernel(kernel: Shell, small: None) -> None:
    named = "import ctypes; ctypes.CDLL(None).prctl(15, b'\\xff) \\xfe', 0, 0, 0)\n"
    assert kernel("print('is there')\n" + named) == ("is there\n", "")
    assert kernel(named + BOMB) == ("", "it used more than 0.2 GiB of memory")


def test_whoever_cannot_be_looked_after_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without Landlock, folders in folders are too deep for Python; this ended what all are forked from."""
    watched = Watched(os.getpid(), Limits(), tmp_path)
    for error, said in (
        (RecursionError, "it could not be looked after (RecursionError)"),
        (ProcessLookupError, ""),
    ):
        monkeypatch.setattr(os, "walk", Mock(side_effect=error))
        assert watched.excess() == said


def test_threads_are_limited(kernel: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bomb that could be defused: each thread sleeps, and the system has room for all of them."""
    limit(monkeypatch, Limits(processes=40))
    code = (
        "import threading, time\n"
        "for number in range(200):\n"
        "    threading.Thread(target=time.sleep, args=(30,), daemon=True).start()\n"
        "print('all of them'); time.sleep(5)"
    )
    printed, reason = kernel(code)
    assert "processes and threads" in reason or "can't start new thread" in printed


STARTS = {
    "fork": "os.fork()",
    "a program": "subprocess.run(['/bin/true'])",
    "posix_spawn": "os.posix_spawn('/bin/true', ['true'], {})",
    "another program in its place": "os.execv('/bin/true', ['true'])",
    "a terminal": "os.forkpty()",
    "a clone": "1 / (1 + ctypes.CDLL(None).syscall(56, 17, 0, 0, 0, 0))",
    "a clone of the new kind": "1 / (1 + ctypes.CDLL(None).syscall(435, 0, 0))",
    "namespaces": "1 / (1 + ctypes.CDLL(None).unshare(0x10000000))",
}


def test_a_kernel_runs_where_its_grader_runs_and_nowhere_else(kernel: Shell) -> None:
    """Or the threads of one would slow the others down."""
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, [max(usable)])
    try:
        printed, _ = kernel("import os; print(os.sched_getaffinity(0))")
        wider, _ = kernel(tried(f"os.sched_setaffinity(0, {usable})"))
    finally:
        os.sched_setaffinity(0, usable)
    assert printed == f"{ {max(usable)} }\n"
    assert wider == "PermissionError\n"


@pytest.mark.parametrize("how", STARTS)
def test_no_other_process_can_be_started(kernel: Shell, how: str) -> None:
    printed, _ = kernel(tried(STARTS[how]))
    assert printed in ("PermissionError\n", "ZeroDivisionError\n")


def test_threads_and_shell_lines_do_no_harm(kernel: Shell) -> None:
    printed, reason = kernel(
        "import threading\nt = threading.Thread(target=print, args=('beside',)); t.start(); t.join()\n"
        "!touch here\nimport os; print(os.listdir('.'))"
    )
    assert "beside" in printed
    assert "no other program runs" in printed
    assert printed.endswith("[]\n")
    assert reason == ""


@pytest.mark.parametrize("folder", [".", "/tmp", "/dev/shm"])
def test_disk_is_limited(kernel: Shell, small: None, folder: str) -> None:
    code = (
        f"import pathlib\nfor number in range(64):\n"
        f"    pathlib.Path({folder!r}, f'{{number}}').write_bytes(b'x' * (1 << 20))\nprint('all of it')"
    )
    printed, _ = kernel(code)
    assert "No space left on device" in printed or "Read-only file system" in printed


@pytest.mark.parametrize(
    "made",
    [
        "open('{}/x', 'w')",
        "os.open('{}', os.O_TMPFILE | os.O_RDWR)",
        "os.mkdir('{}/x')",
        "os.symlink('x', '{}/x')",
        "os.mkfifo('{}/x')",
        "os.link('mine', '{}/x')",
        "os.setxattr('{}', 'user.x', b'x' * 3000)",
    ],
)
def test_no_file_is_made_beside_the_sockets(kernel: Shell, tmp_path: Path, made: str) -> None:
    (tmp_path / "mine").touch()
    printed = kernel(tried(made.format(sandbox.CONNECTION)))[0]
    assert printed in ("PermissionError\n", "OSError\n")  # another disk


def test_the_folder_of_the_sockets_is_limited(tmp_path: Path) -> None:
    """What holds where the system cannot keep files from being made there."""
    watched = Watched(os.getpid(), Limits(connection=1 << 20), tmp_path)
    assert watched.excess() == ""
    (tmp_path / "large").write_bytes(b"x" * (2 << 20))
    assert watched.excess() == "it filled the folder of its sockets"


def test_names_that_come_and_go_hide_no_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    watched = Watched(os.getpid(), Limits(connection=1 << 20), tmp_path)
    walked = [(str(tmp_path), [], ["gone", *map(str, range(256))])]
    for name in range(256):
        (tmp_path / f"{name}").mkdir() if name % 2 else (tmp_path / f"{name}").touch()
    monkeypatch.setattr(os, "walk", lambda folder: walked)
    assert watched.excess() == "it filled the folder of its sockets"


@pytest.mark.parametrize(
    "call",
    [
        "os.memfd_create('x')",
        "1 / (1 + ctypes.CDLL(None).shmget(0, 1 << 20, 0o1600))",
        "1 / (1 + ctypes.CDLL(None).semget(0, 32000, 0o1600))",
        "1 / (1 + ctypes.CDLL(None).msgget(0, 0o1600))",
        "1 / (1 + ctypes.CDLL(None).mq_open(b'/x', 0o102, 0o600, None))",
        "__import__('mmap').mmap(-1, 1 << 20)",
    ],
)
def test_there_is_no_memory_that_belongs_to_no_process(kernel: Shell, call: str) -> None:
    assert kernel(tried(call))[0] in ("PermissionError\n", "ZeroDivisionError\n")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        # Of a device that is memory.
        ("__import__('mmap').mmap(os.open('/dev/zero', os.O_RDWR), 1 << 20)", "OSError"),
        # Tables of pages: nothing is written, all of it could be read.
        ("__import__('mmap').mmap(-1, 1 << 40, flags=2, prot=1)", "OSError"),
        # What waits in sockets to be read.
        ("[socket.socketpair() for _ in range(600)]", "OSError"),
        # The nodes of empty files.
        ("[pathlib.Path(f'{n}').touch() for n in range(40_000)]", "OSError"),
    ],
)
def test_memory_that_is_not_the_process_own_is_limited(kernel: Shell, call: str, error: str) -> None:
    assert kernel(tried(call), 60.0)[0] == f"{error}\n"


def test_no_thread_has_open_files_of_its_own(kernel: Shell) -> None:
    """They would be limited for each thread, and what waits in sockets is the system's memory."""
    clone, shared = "libc.clone(libc.pause, ctypes.c_void_p(top & ~15), 0x10900 | {}, None)", "0x400"
    printed, _ = kernel(
        "import ctypes\nlibc = ctypes.CDLL(None); stack = ctypes.create_string_buffer(1 << 16)\n"
        "top = ctypes.addressof(stack) + len(stack)\n"
        f"print(libc.close_range(5000, 6000, 2), {clone.format(0)}, {clone.format(shared)} > 0)\n"
        "print(libc.close_range(5000, 6000, 0))"
    )
    assert printed == "-1 -1 True\n0\n"


def test_zero_can_be_read_all_the_same(kernel: Shell) -> None:
    assert kernel("print(open('/dev/zero', 'rb').read(3))")[0] == "b'\\x00\\x00\\x00'\n"


def test_sockets_beside_the_sockets_are_limited(kernel: Shell) -> None:
    """Each is a name on the real disk, though it has no blocks."""
    code = (
        "import socket\nfor number in range(1 << 20):\n    made = socket.socket(socket.AF_UNIX)\n"
        f"    made.bind(f'{sandbox.CONNECTION}/{{number}}')\n    made.close()"
    )
    assert kernel(code)[1] == "it filled the folder of its sockets"


def test_a_terminal_is_not_shared_with_other_kernels(kernel: Shell) -> None:
    """What one kernel opens in /dev/pts, another one could write to."""
    assert kernel(tried("os.open('/dev/ptmx', os.O_RDWR)"))[0] == "PermissionError\n"


def test_a_message_that_would_fill_the_graders_memory_is_dropped_on_the_way() -> None:
    client = PromptClient()
    with client.context.socket(zmq.DEALER) as socket_of_it:
        assert socket_of_it.getsockopt(zmq.MAXMSGSIZE) == LARGEST_MESSAGE
    client.context.destroy()


def test_nobody_listens_where_nobody_reads() -> None:
    """A thousand messages of the largest size could wait there."""

    async def start() -> list[object]:
        manager = SandboxedKernelManager()
        await manager.start_kernel()
        client = manager.client()
        client.start_channels()
        await client.wait_for_ready(timeout=60)
        opened = [client._stdin_channel, client._control_channel, client._hb_channel]
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
        return opened

    assert asyncio.run(start()) == [None, None, None]


def test_a_message_of_any_number_of_parts_ends_its_kernel(
    kernel: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "MOST_HELD", 256 << 20)
    code = (
        "kernel = get_ipython().kernel; part = b'x' * (1 << 24)\n"
        "whom = kernel._parent_ident['shell'][0]\n"
        "kernel.shell_stream.socket.send_multipart([whom, *[part] * 400], copy=False)\n"
        "import time; time.sleep(30)"
    )
    assert kernel(code) == ("", "it sent more than anybody could read")


@contextlib.contextmanager
def another_zygote(program: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kernels are forked from a process that runs this code."""
    start = subprocess.Popen

    def altered(command: list[str], **named: object) -> object:
        if "cnnlab.grading.zygote" not in command:
            return start(command, **named)  # type: ignore[call-overload]
        module = command.index("-m")
        return start([*command[:module], "-c", program, *command[module + 2 :]], **named)  # type: ignore[call-overload]

    monkeypatch.setattr(launch, "_zygotes", {})
    monkeypatch.setattr(launch.subprocess, "Popen", altered)
    try:
        yield
    finally:
        for started in launch._zygotes.values():
            started.close()


# A machine so busy that a kernel is looked at before it has a /proc of its own.
BUSY = """
import sys, time
from cnnlab.grading import confine, zygote

settle = confine.settle
confine.settle = lambda *given: (time.sleep(0.5), settle(*given))
zygote.main(sys.argv[1], True)
"""


def test_a_kernel_does_not_pay_for_the_processes_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    async def start_some() -> None:
        managers = [SandboxedKernelManager(limits={"processes": 12}) for _ in range(3)]
        for manager in managers:
            await manager.start_kernel()
            client = manager.client()
            client.start_channels()
            await client.wait_for_ready(timeout=60)
            client.stop_channels()
        for manager in managers:
            await manager.shutdown_kernel(now=True)

    with another_zygote(BUSY, monkeypatch):
        asyncio.run(start_some())


# A system that lets no inner wall be made.
REFUSING = """
import sys
from cnnlab.grading import confine, zygote


def settle(*given):
    raise OSError(28, "mount tmpfs: no room")


confine.settle = settle
zygote.main(sys.argv[1], True)
"""


def test_why_no_kernel_starts_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def start() -> None:
        manager = SandboxedKernelManager()
        await manager.start_kernel()
        client = manager.client()
        client.start_channels()
        try:
            with pytest.raises(RuntimeError, match=r"before it was ready .OSError: .*mount tmpfs: no room"):
                await client.wait_for_ready(timeout=60)
        finally:
            client.stop_channels()
            await manager.shutdown_kernel(now=True)

    with another_zygote(REFUSING, monkeypatch):
        asyncio.run(start())


AN_ORDINARY_USER = """
import os, resource
from cnnlab.grading import confine
from cnnlab.grading.sandbox import Limits

if os.geteuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    confine._libc.prctl(confine.PR_SET_DUMPABLE, 1, 0, 0, 0)
before, unshare = resource.getrlimit(resource.RLIMIT_NPROC), confine._unshare


def noting(flags):
    if flags & confine.CLONE_NEWUSER:
        print(resource.getrlimit(resource.RLIMIT_NPROC) == before, flush=True)
    unshare(flags)


confine._unshare = noting
confine._mount = lambda *given: None  # there is no sandbox around it, whose folders these would be
confine.own_processes()
if confine.fork_apart() == 0:
    confine.settle("a kernel", Limits(), 0)
    print(resource.getrlimit(resource.RLIMIT_NPROC) < before, flush=True)
    os._exit(0)
os.wait()
"""


def test_no_limit_on_processes_is_there_before_the_namespace_that_counts_them() -> None:
    """A user namespace keeps the one that it is made under, for all processes of that user outside of it."""
    command = [sys.executable, "-c", AN_ORDINARY_USER]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said == 3 * "True\n"  # two namespaces, then the limit


@pytest.mark.parametrize(
    ("kernel", "seen"),
    [
        ("require", ("went on\n", "")),  # process 1 of a namespace gets no such signal from within
        ("none", ("", "it stopped itself, and would not have gone on")),
    ],
    indirect=["kernel"],
)
def test_a_process_cannot_stop_itself_for_good(kernel: Shell, seen: tuple[str, str]) -> None:
    assert kernel("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\nprint('went on')") == seen


@pytest.mark.parametrize(
    "asked", [b"[" * 30_000, b'{"name": "x", "limits": {"memory": "2G"}, "cores": []}', b""]
)
def test_what_nobody_understands_costs_no_other_kernel(asked: bytes) -> None:
    warm = launch.zygote(True)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(warm.folder / "zygote.sock"))
        client.sendall(asked)
        client.shutdown(socket.SHUT_WR)
        assert b"Error" in client.recv(1 << 12)
    assert warm.process.poll() is None


def test_nobody_waits_for_whoever_says_nothing(kernel: Shell, small: None) -> None:
    """Neither to start, nor to be ended."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(launch.zygote(True).folder / "zygote.sock"))
        start = time.monotonic()
        assert kernel(BOMB) == ("", "it used more than 0.2 GiB of memory")
        assert time.monotonic() - start < 4


def test_what_would_end_a_process_ends_process_1_too(kernel: Shell) -> None:
    for ending in ("import os; os._exit(0)", "import os; os.abort()", "import ctypes; ctypes.string_at(0)"):
        assert kernel(f"{ending}\nprint('went on')") == ("", "")


def test_whoever_waits_for_a_kernel_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jupyter's managers of many kernels, which pass arguments by place, wait for `ready`."""

    async def start_and_end() -> None:
        manager = SandboxedKernelManager()
        await manager.start_kernel()
        await asyncio.wait_for(asyncio.shield(manager.ready), 10)
        await manager.shutdown_kernel(True, False)
        await asyncio.wait_for(asyncio.shield(manager.ready), 10)
        monkeypatch.setattr("cnnlab.grading.kernels.zygote", None)
        with pytest.raises(TypeError):
            await manager.start_kernel()
        with pytest.raises(TypeError):
            await asyncio.wait_for(asyncio.shield(manager.ready), 10)

    asyncio.run(start_and_end())


def test_a_kernel_ends_with_its_client(kernel: Shell) -> None:
    """`kill -9` of a grader closes its connections; the same here by hand."""

    warm = psutil.Process(launch.zygote(True).process.pid)
    before = set(warm.children(recursive=True))
    kernels: set[psutil.Process] = set()

    async def abandon() -> Path:
        manager = SandboxedKernelManager()
        await manager.start_kernel()
        deadline = time.monotonic() + 60
        while not kernels and time.monotonic() < deadline:
            kernels.update(set(warm.children(recursive=True)) - before)
        provisioner = manager.provisioner
        folder = provisioner.folder
        provisioner.connection.close()
        provisioner.connection = None
        await manager.cleanup_resources()
        return Path(folder)

    folder = asyncio.run(abandon())
    assert not folder.exists()
    assert kernels
    assert psutil.wait_procs(kernels, timeout=60)[1] == []


def test_asked_for_and_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match=r"bwrap was not found.*--sandbox none"):
        sandbox.choose("require")
    assert sandbox.choose("auto") is False
    assert sandbox.choose("none") is False


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(InputError, match="'perhaps'; it must be one of require, auto, none"):
        sandbox.choose("perhaps")  # type: ignore[arg-type]
