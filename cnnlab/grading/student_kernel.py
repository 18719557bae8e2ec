"""The kernel of a submission: IPython's, and one more kind of request, a call of a student's function.

The request goes past IPython: no transformer, hook or patched `run_cell` stands between. What it answers is
what the student's function returned, as bytes; nobody here decides on a point.
"""

from typing import Any

from ipykernel.ipkernel import IPythonKernel

from cnnlab.check.watch import settled
from cnnlab.check.wire import serve

REQUEST, REPLY = "cnnlab_call_request", "cnnlab_call_reply"


class StudentKernel(IPythonKernel):
    """Answers `cnnlab_call_request` by `cnnlab_call_reply`; one binary buffer each."""

    msg_types = [*IPythonKernel.msg_types, REQUEST]  # noqa: RUF012

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.kept: list[Any] = []  # values that only the student understands, under their handles
        self.settle = settled()

    def cnnlab_call_request(self, stream: Any, ident: Any, parent: Any) -> None:
        reply = serve(bytes(parent["buffers"][0]), self.shell.user_ns, self.kept, self.settle)
        self.session.send(stream, REPLY, {}, parent, ident, buffers=[reply])
