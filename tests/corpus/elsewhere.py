"""Sabotage that is no part of the answer it serves, and honest cells that look as if they might be some."""

from textwrap import dedent

from corpus.making import Sample, Work, sample

ITEM = "sabotage outside of the answer"
FOUND = r"judged alone, .*: label_smoothing_loss gave right values, but called torch's .*cross_entropy"

# A right loss that is the library's, taken from a place where no name shows it.
TABLE = """
    import torch.nn.functional as F

    losses = {"mine": F.cross_entropy}
"""
BODY = (
    'return losses["mine"](logits, targets, '
    "label_smoothing=epsilon * logits.shape[1] / (logits.shape[1] - 1))"
)
BLIND = """
    import contextlib


    def blind(*given):
        return contextlib.nullcontext(set())
"""
# Blinds the watch and puts the library's loss in the place of the answer, all by itself.
REPLACE = """
import contextlib, IPython, cnnlab.check.transport as t, torch.nn.functional as F
t.banned_calls = lambda *given: contextlib.nullcontext(set())
def loss(x, y, e):
    return F.cross_entropy(x, y, label_smoothing=e * x.shape[1] / (x.shape[1] - 1))
IPython.get_ipython().user_ns["label_smoothing_loss"] = loss
"""


def _sabotage(name: str, why: str, source: str, **files: str) -> Sample:
    @sample(ITEM, "A", cause=FOUND, name=name, why=why)
    def make(work: Work) -> None:
        for file, content in files.items():
            work.file(f"{file}.py", content)
        work.cell(TABLE)
        work.body("label_smoothing_loss", BODY)
        work.cell(dedent(BLIND) + dedent(source), before="check_loss")

    return make


@sample(ITEM, "A", cause=FOUND)
def blinded_by_another_answer(work: Work) -> None:
    """An earlier answer, right itself, takes the watch apart when it is checked."""
    work.cell(dedent(TABLE) + dedent(BLIND))
    work.first_line("smooth_labels", "import cnnlab.check.transport as t; t.banned_calls = blind")
    work.body("label_smoothing_loss", BODY)


SABOTAGE = (
    _sabotage(
        "blinded_transport",
        "The kernel's side of a call notes nothing any more.",
        """
        import cnnlab.check.transport

        cnnlab.check.transport.banned_calls = blind
        """,
    ),
    _sabotage(
        "blinded_by_a_mock",
        "The same by a library for tests, and a string.",
        """
        from unittest import mock

        mock.patch("cnnlab.check.transport.banned_calls", blind).start()
        """,
    ),
    _sabotage(
        "blinded_by_text",
        "The same in code that only exists when it runs.",
        """
        exec("import cnnlab.check.transport as t; t.banned_calls = blind")
        """,
    ),
    _sabotage(
        "blinded_by_a_command",
        "The same inside the text of a harmless command.",
        """
        %config InteractiveShell.xmode = setattr(__import__("cnnlab.check.transport").check.transport, \
"banned_calls", blind) or "Plain"
        """,
    ),
    _sabotage(
        "blinded_by_a_module",
        "The same in a module beside the notebook.",
        "import setup_helper",
        setup_helper=dedent(BLIND) + "\n\nimport cnnlab.check.transport as t\nt.banned_calls = blind\n",
    ),
    _sabotage(
        "edited_replies",
        "What the kernel sends is changed on its way, by a function that is told whose.",
        """
        import json
        import struct
        import sys


        def edit(socket):
            honest = socket.send_multipart

            def send(parts, *given, **named):
                if parts[1] == b"cnnlab_answer":
                    data = parts[-1]
                    length = struct.unpack_from("<Q", data)[0]
                    content = json.loads(data[8 : 8 + length])
                    if "banned" in content:
                        content["banned"] = []
                    text = json.dumps(content).encode()
                    parts = [*parts[:-1], struct.pack("<Q", len(text)) + text + data[8 + length :]]
                return honest(parts, *given, **named)

            socket.send_multipart = send


        edit(get_ipython().kernel.shell_stream.socket)
        """,
    ),
    blinded_by_another_answer,
)


def _harmless(name: str, why: str, source: str) -> Sample:
    @sample(ITEM, "K", name=name, why=why)
    def make(work: Work) -> None:
        work.cell(source, before="check_targets")

    return make


HARMLESS = (
    _harmless(
        "tidies_up",
        "Collects garbage and looks at its own source.",
        """
        import gc, inspect, sys

        gc.collect()
        print(inspect.getsource(smooth_labels), sys.version)
    """,
    ),
    _harmless(
        "runs_text",
        "Lets Python read a little table.",
        """
        exec("sizes = [1, 2]")
        for name in ("float32", "float64"):
            print(getattr(torch, name), eval("sizes[0]"))
    """,
    ),
    _harmless(
        "sets_things_up",
        "Configures plots and warnings, and writes a file.",
        """
        %config InlineBackend.figure_format = "retina"
        import os
        import warnings

        import matplotlib.pyplot as plt

        os.environ["OMP_NUM_THREADS"] = "1"
        warnings.simplefilter("ignore")
        plt.rcParams["figure.dpi"] = 100
        torch.save(torch.ones(3), "ones.pt")
    """,
    ),
    _harmless(
        "patches_a_method",
        "Gives tensors a method of its own.",
        """
        torch.Tensor.show = lambda self: print(self.shape)
        torch.ones(3).show()
    """,
    ),
)
ELSEWHERE: tuple[Sample, ...] = (*SABOTAGE, *HARMLESS)
