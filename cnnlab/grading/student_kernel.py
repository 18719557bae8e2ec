"""The kernel of a submission: IPython's, and one more kind of request, a call of a student's function.

The request goes past IPython: no transformer, hook or patched `run_cell` stands between. What it answers is
what the student's function returned, as bytes; nobody here decides on a point. A call is [CALL, its number,
data] on the shell's socket, and its answer [ANSWER, the number, data]: Jupyter's own messages, with four
signed texts each, would take longer than most functions.
"""

import contextlib
import functools
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import torch
import torch.autograd.graph
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from IPython.core.profiledir import ProfileDir
from traitlets.config import Config

from cnnlab.check.watch import Ban, recording, settled
from cnnlab.check.wire import serve

CALL, ANSWER = b"cnnlab_call", b"cnnlab_answer"
PATIENCE = 50  # milliseconds in which a call is expected to be followed by the next


class NoSubshells:
    """Stands where ipykernel has the thread of its subshells, and is asked whose child that is."""

    @property
    def parent_thread(self) -> threading.Thread:
        return threading.main_thread()

    def __bool__(self) -> bool:
        return False


class StudentKernel(IPythonKernel):
    """Answers calls, beside what Jupyter asks."""

    _supports_kernel_subshells = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.kept: list[Any] = []  # values that only the student understands, under their handles
        self.recorded: Ban | None = None
        self.recording = contextlib.ExitStack()
        self.settle_torch, self.recursion_limit = settled(), sys.getrecursionlimit()
        withhold_reference()
        keep_targets()
        tell_of_shapes()
        # Nothing but this process runs here (`seccomp`). A line such as `!nvidia-smi` is no error:
        # it says so, and the answer may follow in the same cell.
        self.shell.system = self.shell.getoutput = no_other_program

    @classmethod
    def instance(cls, *args: Any, **given: Any) -> "StudentKernel":
        """The one kernel; one that was made by `prepare` is connected with what it is given now."""
        prepared = cls.initialized()
        kernel: StudentKernel = super().instance(*args, **given)
        if prepared:
            kernel._connect(given)
        return kernel

    def _connect(self, given: dict[str, Any]) -> None:
        """Do what IPython's kernel does where it is made with sockets."""
        for name in given.keys() - {"parent", "user_ns"}:
            setattr(self, name, given[name])
        self._stdout, self._stderr = sys.stdout, sys.stderr
        self.shell.ipython_dir, self.shell.profile_dir = os.environ["IPYTHONDIR"], self.profile_dir
        for part in (self.shell.displayhook, self.shell.display_pub):
            part.session, part.pub_socket = self.session, self.iopub_socket

    def settle(self, ban: Ban) -> None:
        """Put back what other code may have changed, so that it costs no other question; record the banned.

        What is recorded stays so until another message than a call comes.
        """
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.settrace(None)
        sys.setprofile(None)
        sys.setrecursionlimit(self.recursion_limit)
        self.settle_torch()
        if self.recorded != ban:
            self.recording.close()
            self.recording.enter_context(recording(ban))
            self.recorded = ban

    async def dispatch_shell(self, msg: Any, /, *args: Any, **kwargs: Any) -> None:
        """Answer calls at once: telling everybody that the kernel is busy, then idle, takes its time.

        So does the event loop, and the next call follows soon: it is waited for here.
        """
        while self._answered(msg):
            socket = self.shell_stream.socket
            if not socket.poll(PATIENCE):
                return
            msg = socket.recv_multipart(copy=False)
        self.recording.close()
        self.recorded = None
        await super().dispatch_shell(msg, *args, **kwargs)

    def _answered(self, msg: Any) -> bool:
        """Answer the message if it is a call."""
        if len(msg) != 4 or msg[1].bytes != CALL:
            return False
        client, _, number, data = (frame.bytes for frame in msg)
        try:
            answer = serve(data, self.shell.user_ns, self.kept, self.settle)
            if self.shell.exit_now:  # quit() would end the kernel a moment later; the next question would pay
                os._exit(0)
            self.shell_stream.socket.send_multipart([client, ANSWER, number, answer])
        except (Exception, KeyboardInterrupt):  # no answer: the grader's patience ends it
            self.log.exception("a call was not answered")
        return True


class StudentKernelApp(IPKernelApp):
    """Starts the kernel without subshells: the thread that they need would stand between every message."""

    def parse_command_line(self, argv: Any = None) -> None:
        """There is none; making a parser for all that it could say would cost each kernel milliseconds."""

    def load_config_file(self, *args: Any, **kwargs: Any) -> None:
        """The settings of whoever owns the machine are not those of the students."""

    def init_code(self) -> None:
        """Nor are the files that run at the start of every IPython of theirs.

        This would also list all modules, for a command that forgets the newer ones: to look at a name is to
        write to it, and thousands lie in pages that would be copied for each kernel. `prepare` has the list.
        """
        assert self.shell is not None
        self.shell.user_ns_hidden.update(self.shell.user_ns)  # what `%who` leaves out

    def init_control(self, context: Any) -> None:
        super().init_control(context)  # type: ignore[no-untyped-call]
        self.shell_channel_thread = NoSubshells()


def prepare(folder: Path) -> None:
    """Make the kernel of the processes that will be forked from this one, which saves each of them doing it.

    Args:
        folder: where files may be written, which are gone afterwards; a kernel has a folder of its own from
            when it has sockets.
    """
    warnings_only = {"loggers": {StudentKernelApp.__name__: {"level": "WARNING"}}}
    app = {"kernel_class": StudentKernel, "logging_config": warnings_only}
    config = Config({"HistoryManager": {"enabled": False}, "IPKernelApp": app})
    with tempfile.TemporaryDirectory(dir=folder) as home:
        os.environ["IPYTHONDIR"] = home
        StudentKernelApp.instance(config=config)
        kernel = StudentKernel.instance(config=config, profile_dir=ProfileDir(location=home))
    kernel.shell._sys_modules_keys = set(sys.modules)


def no_other_program(command: str, *args: Any, **kwargs: Any) -> str:
    """What stands in for the shell behind `!command`."""
    print(f"while a notebook is graded no other program runs, so this did nothing: {command}")
    return ""


def withhold_reference() -> None:
    """Take the trusted functions out of this process: whoever finds one, in whatever way, finds it empty."""
    modules = [module for name, module in sys.modules.items() if name.startswith("cnnlab.reference")]
    for function in (value for module in modules for value in vars(module).values()):
        if isinstance(function, FunctionType) and function.__module__.startswith("cnnlab.reference"):
            function.__code__ = _withheld.__code__


def keep_targets() -> None:
    """Let losses keep targets of their own, where nobody else can change them.

    The gradient of a loss for each sample is written wherever they say: PyTorch looks at them for the loss
    alone. And no text shows all ways to change them behind autograd, by `target.data` or in an array.
    """
    for name in ("nll_loss_nd", "cross_entropy_loss"):
        loss = _with_own_target(getattr(torch._C._nn, name))
        torch.jit._builtins._register_builtin(loss, f"aten::{name}")  # TorchScript knows them by identity
        setattr(torch._C._nn, name, loss)


def _with_own_target(loss: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(loss)
    def call(scores: Any, target: Any, *args: Any, **kwargs: Any) -> Any:
        own = torch.Tensor.clone(target) if isinstance(target, torch.Tensor) else target  # or a parameter
        return loss(scores, own, *args, **kwargs)

    return call


def tell_of_shapes() -> None:
    """Let `x.data = …` with another shape count as a change in place, which ends the way back.

    The gradient of a pool, among others, is written to places of which nobody looks again whether they lie
    in the tensor: they did on the way there.
    """
    data: Any = torch.Tensor.data

    def change(tensor: torch.Tensor, value: torch.Tensor) -> None:
        before = tensor.shape, tensor.dtype
        data.__set__(tensor, value)
        if before != (tensor.shape, tensor.dtype):
            torch.autograd.graph.increment_version(tensor)

    setattr(torch.Tensor, "data", property(data.__get__, change))  # noqa: B010


def _withheld(*args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError("cnnlab.reference is not available while a notebook is graded")
