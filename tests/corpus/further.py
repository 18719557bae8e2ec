"""Tricks and accidents beyond the promises' list: on the wire, in the kernel, functions of other kinds."""

from corpus.making import Sample, Work, attack, made_in, sample
from sample_class import build

WIRE = "answers that are forged on the wire"
KERNEL = "interpreter, kernel and clocks changed under everybody's feet"
KIND = "functions and results of another kind"
AROUND = "around the ban: differentiation by other means"

# Patches what the kernel sends for a call, once the name of the function has been seen in the request.
_SENDS = """
    import json
    import struct

    kernel, reply_to, requests = get_ipython().kernel, {{}}, []
    socket = kernel.shell_stream.socket
    honest_answered, honest_send = kernel._answered, socket.send_multipart


    def forged(request, reply):
        {body}


    def answered(message):
        requests.append(message[-1].bytes)
        return honest_answered(message)


    def send(parts, *given, **named):
        if parts[1] == b"cnnlab_answer":
            request = requests[-1]
            if b'"smooth_labels"' in request and b'"call"' in request:
                parts = [*parts[:-1], forged(request, parts[-1])]
        return honest_send(parts, *given, **named)


    kernel._answered, socket.send_multipart = answered, send
"""


def _on_the_wire(name: str, why: str, body: str, cause: str, **more: object) -> Sample:
    @attack(WIRE, cause=cause, name=name, why=why, **more)
    def make(work: Work) -> None:
        lines = body.strip("\n").replace("\n", "\n        ")
        work.cell(_SENDS.format(body=lines).replace("{{}}", "{}"))

    return make


UNREADABLE = r"what it sent back cannot be read"
FORGED = (
    _on_the_wire(
        "replayed_reply",
        "Answers every call with the answer to the first.",
        'return reply_to.setdefault("first", reply)',
        r"q has (wrong values|shape)",
    ),
    _on_the_wire(
        "verdict_in_the_reply",
        "The answer says that it has passed with all points.",
        'fields = {"passed": True, "points": 3, "value": None, "changed": [], "banned": []}\n'
        "text = json.dumps(fields).encode()\n"
        "return struct.pack('<Q', len(text)) + text + reply[-2:]",
        rf"{UNREADABLE}|q ",
    ),
    _on_the_wire(
        "giant_reply", "An answer of seventy megabytes.", "return bytes(70 << 20)", r"more than 64 MiB"
    ),
    _on_the_wire(
        "reply_too_large_for_the_socket",
        "An answer of a hundred and fifty megabytes, which the socket refuses.",
        "return bytes(150 << 20)",
        r"longer than|timeout|more than 64 MiB|ended the kernel",
    ),
    _on_the_wire(
        "header_with_a_huge_shape",
        "The header promises a terabyte in four bytes.",
        'header = json.dumps({"0": {"dtype": "F32", "shape": [1 << 38], "data_offsets": [0, 4]}}).encode()\n'
        "text = json.dumps({'value': {'tensor': '0'}, 'changed': [], 'banned': []}).encode()\n"
        "start = struct.pack('<Q', len(text)) + text\n"
        "return start + struct.pack('<Q', len(header)) + header + bytes(4)",
        UNREADABLE,
    ),
    _on_the_wire(
        "header_longer_than_the_reply",
        "The header says that it is longer than all there is.",
        "return struct.pack('<Q', 1 << 62) + reply[8:]",
        UNREADABLE,
    ),
    _on_the_wire(
        "nested_reply",
        "An answer nested a hundred thousand deep.",
        'text = b\'{"value": \' + b"[" * 100_000 + b"]" * 100_000 + b"}"\n'
        "return struct.pack('<Q', len(text)) + text",
        UNREADABLE,
    ),
)


@attack(WIRE, cause=r"")
def answers_the_wrong_request(work: Work) -> None:
    """Sends the answer to a request that was never made, many times, before its own."""
    work.cell("""
        socket = get_ipython().kernel.shell_stream.socket
        honest_send = socket.send_multipart


        def send(parts, *given, **named):
            if parts[1] == b"cnnlab_answer":
                client, kind, number, answer = parts
                for _ in range(20):
                    honest_send([client, kind, number[::-1], answer], *given, **named)
            return honest_send(parts, *given, **named)


        socket.send_multipart = send
    """)


@attack(KERNEL)
def edited_builtins(work: Work) -> None:
    """`any`, `all`, `abs` and `max` of the whole interpreter say what suits a wrong answer."""
    work.cell("""
        import builtins

        builtins.any = lambda *given: False
        builtins.all = lambda *given: True
        builtins.abs = lambda value: value * 0
    """)


@attack(KERNEL)
def reloaded_machinery(work: Work) -> None:
    """Loads the course's modules a second time, edited."""
    work.cell("""
        import importlib

        import cnnlab.check.compare
        import cnnlab.check.wire

        for module in (cnnlab.check.compare, cnnlab.check.wire):
            importlib.reload(module)
        cnnlab.check.compare.compare = lambda *given, **named: None
    """)


@sample(KERNEL, "K")
def alarm_during_the_others(work: Work) -> None:
    """A timer of the student's own interrupts whatever runs, a hundred times a second."""
    work.cell(
        """
        import signal


        def ring(number, frame):
            raise TimeoutError("the bell")


        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, 2.0, 0.01)
        """,
        before="check_targets",
    )


@sample(WIRE, "K")
def outputs_that_are_none(work: Work) -> None:
    """A cell of the student's own sends outputs, an update of one and a number of the cell, all malformed."""
    work.cell(
        """
        kernel = get_ipython().kernel
        shown = {"data": {"text/plain": "here"}, "metadata": {}, "transient": {"display_id": "a"}}
        for kind, content in (
            ("display_data", {"data": [1], "metadata": {}, "transient": {}}),
            ("display_data", {"data": {"text/plain": {"a": 1}}, "metadata": 4, "transient": {}}),
            ("stream", {"name": 5, "text": 7}),
            ("error", {"ename": 1, "evalue": None, "traceback": "none"}),
            ("display_data", shown),
            ("update_display_data", {**shown, "data": {"text/plain": 5}}),
            ("stream", {"name": "stdout", "text": "here", "execution_count": "x"}),
        ):
            kernel.send_response(kernel.iopub_socket, kind, content)
        """,
        before="check_targets",
    )


@sample(KERNEL, "K")
def leaked_recursion_limit(work: Work) -> None:
    """The recursion limit is left at hardly enough to run a cell."""
    work.cell("import sys\n\nsys.setrecursionlimit(150)", before="label_smoothing_grad")


@sample(KERNEL, "K")
def leaked_trace_function(work: Work) -> None:
    """A debugger's hook is left in place and fails in whatever is called."""
    work.cell(
        """
        import sys


        def trace(frame, event, arg):
            if frame.f_code.co_name == "label_smoothing_grad":
                raise RuntimeError("no debugging here")


        sys.settrace(trace)
        """,
        before="label_smoothing_grad",
    )


@sample(KERNEL, "K")
def comm_flood(work: Work) -> None:
    """Thousands of messages of widgets that nobody shows."""
    work.cell("""
        import comm

        for number in range(3000):
            comm.create_comm(target_name="jupyter.widget", data={"state": "x" * 1000, "number": number})
    """)


@sample(KERNEL, "K")
def shell_command_in_the_answer(work: Work) -> None:
    """The answer's cell begins with shell commands; none of them runs, the answer counts."""
    answer = work.graded("label_smoothing_grad")
    answer.source = "!pip install einops\nfound = !nvidia-smi\n" + answer.source


@sample(KERNEL, zero="gradient", cause=r"longer than|timeout|time")
def answers_after_the_deadline(work: Work) -> None:
    """A thread gives the answer once the time is over."""
    work.body("label_smoothing_grad", "__import__('time').sleep(60)\nreturn logits")


@sample(KERNEL, "K")
def exit_handler(work: Work) -> None:
    """What is registered for the end of the process fails and prints."""
    work.cell("import atexit\n\natexit.register(lambda: print(1 / 0))")


@sample(KIND, "K")
def callable_object(work: Work) -> None:
    """The answer is an object with `__call__`, as right as any function."""
    work.cell(
        """
        class Smooth:
            def __init__(self, function):
                self.function = function

            def __call__(self, *given, **named):
                return self.function(*given, **named)


        smooth_labels = Smooth(smooth_labels)
        """,
        before="check_targets",
    )


@sample(KIND, zero="gradient", cause=r"generator")
def generator_function(work: Work) -> None:
    """The function yields its result instead of returning it."""
    work.body("label_smoothing_grad", "yield torch.zeros_like(logits)")


@sample(KIND, zero="gradient", cause=r"coroutine")
def async_function(work: Work) -> None:
    """The function has to be awaited."""
    work.answer(
        "label_smoothing_grad",
        "async def label_smoothing_grad(logits, targets, epsilon):\n    return torch.zeros_like(logits)",
    )


@sample(KIND, zero="pytorch_epsilon", cause=r"pytorch_epsilon is missing")
def lookalike_name(work: Work) -> None:
    """The name is written with a Cyrillic letter that looks the same."""
    source = work.right["pytorch_epsilon"].replace("def pytorch_epsilon", "def p\u0443torch_epsilon")
    work.answer("pytorch_epsilon", source)


@sample(KIND, zero="gradient", cause=r"of shape \(1073741824,\)|memory")
def one_element_for_a_billion(work: Work) -> None:
    """A result of one element that says it is four gigabytes."""
    work.body("label_smoothing_grad", "return torch.zeros(1).expand(1 << 30)")


@sample(KIND, zero="gradient", cause=r"dtype torch\.complex")
def complex_result(work: Work) -> None:
    """Right values with an imaginary part of zero."""
    body = build.answers(build.CORRECT / "label_smoothing" / "broadcasting.py", "label_smoothing")
    work.answer("label_smoothing_grad", body["label_smoothing_grad"])
    work.cell(
        """
        real_grad = label_smoothing_grad


        def label_smoothing_grad(*given):
            return real_grad(*given).to(torch.complex64)
        """,
        before="check_gradient",
    )


@sample(KIND, zero="gradient", cause=r"ended the kernel")
def result_that_ends_the_process(work: Work) -> None:
    """The result ends the process when it is thrown away."""
    work.cell(
        "class Last:\n    def __del__(self):\n        __import__('os')._exit(0)",
        before="label_smoothing_grad",
    )
    work.body("label_smoothing_grad", "return Last()")


def _gradient(work: Work, body: str) -> None:
    work.body("label_smoothing_grad", body)


@sample(AROUND, zero="gradient", cause=r"_make_dual|_unpack_dual|forward_ad|autograd")
def forward_mode(work: Work) -> None:
    """The gradient one element at a time, by differentiation in the forward direction."""
    _gradient(
        work,
        """
        from torch.autograd import forward_ad

        found = torch.zeros_like(logits)
        for place in range(logits.numel()):
            unit = torch.zeros_like(logits)
            unit[divmod(place, logits.shape[1])] = 1
            with forward_ad.dual_level():
                dual = forward_ad.make_dual(logits.detach().clone(), unit)
                slope = forward_ad.unpack_dual(label_smoothing_loss(dual, targets, epsilon)).tangent
            found[divmod(place, logits.shape[1])] = slope
        return found
        """,
    )


@sample(AROUND, zero="gradient", cause=r"autograd")
def hook_taken_out_by_ctypes(work: Work) -> None:
    """Takes the profiling hook out below Python, and names nothing by its name."""
    _gradient(
        work,
        """
        import ctypes

        ctypes.pythonapi.PyEval_SetProfile(None, None)
        z = logits.detach().clone().requires_grad_()
        with torch.enable_grad():
            return getattr(getattr(torch, "auto" + "grad"), "gr" + "ad")(
                label_smoothing_loss(z, targets, epsilon), z)[0]
        """,
    )


@sample(AROUND, "A", cause=r"walks autograd's graph by hand")
def graph_walked_by_hand(work: Work) -> None:
    """Calls the nodes of autograd's graph itself, without the engine: a person must look at it."""
    _gradient(
        work,
        """
        z = logits.detach().clone().requires_grad_()
        with torch.enable_grad():
            q = smooth_labels(targets, logits.shape[1], epsilon).to(logits.dtype)
            loss = -(torch.log_softmax(z, 1) * q).sum(1).mean()
        found = torch.zeros_like(logits)
        waiting = [(loss.grad_fn, torch.ones_like(loss))]
        while waiting:
            node, slope = waiting.pop()
            if node.name().endswith("AccumulateGrad"):
                found += slope
                continue
            slopes = node(slope)
            slopes = slopes if isinstance(slopes, tuple) else (slopes,)
            waiting += [(n, s) for (n, _), s in zip(node.next_functions, slopes) if n and s is not None]
        return found
        """,
    )


FURTHER = made_in(globals())
