"""The kernel of a submission: IPython's, and one more kind of request, a call of a student's function.

The request goes past IPython: no transformer, hook or patched `run_cell` stands between. What it answers is
what the student's function returned, as bytes; nobody here decides on a point.
"""

import contextlib
import os
import signal
import sys
from types import FunctionType
from typing import Any

from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp

from cnnlab.check.watch import Ban, recording, settled
from cnnlab.check.wire import serve

REQUEST, REPLY = "cnnlab_call_request", "cnnlab_call_reply"
PATIENCE = 50  # milliseconds in which a call is expected to be followed by the next


class StudentKernel(IPythonKernel):
    """Answers `cnnlab_call_request` by `cnnlab_call_reply`; one binary buffer each."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.kept: list[Any] = []  # values that only the student understands, under their handles
        self.recorded: Ban | None = None
        self.recording = contextlib.ExitStack()
        self.settle_torch, self.recursion_limit = settled(), sys.getrecursionlimit()
        withhold_reference()
        # Nothing but this process runs here (`seccomp`). A line such as `!nvidia-smi` is no error:
        # it says so, and the answer may follow in the same cell.
        self.shell.system = self.shell.getoutput = no_other_program

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
        if len(msg) == 1:
            return False
        ident, parts = self.session.feed_identities(msg, copy=False)
        if REQUEST.encode() not in parts[1].bytes:  # the header
            return False
        self._answer(ident, parts)
        return True

    def _answer(self, ident: Any, parts: Any) -> None:
        try:
            message = self.session.deserialize(parts, copy=False)
            self._call(self.shell_stream.socket, ident, message)
        except (Exception, KeyboardInterrupt):  # no answer: the grader's patience ends it
            self.log.exception("a call was not answered")

    def _call(self, socket: Any, ident: Any, parent: Any) -> None:
        reply = serve(bytes(parent["buffers"][0]), self.shell.user_ns, self.kept, self.settle)
        if self.shell.exit_now:  # quit() would end the kernel a moment later, and the next question would pay
            os._exit(0)
        self.session.send(socket, REPLY, {}, parent, ident, buffers=[reply])


class StudentKernelApp(IPKernelApp):
    """Starts the kernel without subshells: the thread that they need would stand between every message."""

    def init_control(self, context: Any) -> None:
        super().init_control(context)  # type: ignore[no-untyped-call]
        self.shell_channel_thread = None


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


def _withheld(*args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError("cnnlab.reference is not available while a notebook is graded")
