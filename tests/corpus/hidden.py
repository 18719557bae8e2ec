"""Code that the text of a notebook hides from whoever reads it, and honest code of unusual kinds."""

from textwrap import dedent, indent

from corpus.elsewhere import BLIND, BODY, FOUND, REPLACE, TABLE
from corpus.making import Sample, Work, made_in, sample

ITEM = "code that the text hides"
HONEST = "honest code of unusual kinds"
BLINDS = "import cnnlab.check.transport as t; t.banned_calls = blind"


def _behind_a_comment(name: str, character: str) -> Sample:
    @sample(ITEM, "A", cause=FOUND, name=f"behind_a_comment_{name}", why="IPython takes it for a new line.")
    def make(work: Work) -> None:
        work.cell(dedent(TABLE) + dedent(BLIND))
        work.body("label_smoothing_loss", BODY)
        hidden = f"# Trying it out.{character}%time 1{character}{BLINDS}\nprint(1)"
        work.cell("", before="check_loss").source = hidden

    return make


BEHIND_COMMENTS = tuple(
    _behind_a_comment(name, character)
    for name, character in {"form_feed": "\x0c", "line_separator": "\u2028", "next_line": "\x85"}.items()
)


@sample(ITEM, "A", cause="judged alone, .* hides lines")
def behind_a_carriage_return(work: Work) -> None:
    """Where Python goes on with a text, IPython begins a comment and then a command."""
    work.wrong("label_smoothing_loss")
    spelled = ",".join(map(str, REPLACE.encode()))
    hidden = f"%if(exec(bytes(({spelled})).decode()))else"
    work.cell("", before="check_loss").source = f"note = 'Trying\\\r# it\\\n{hidden} #'#\""


@sample(ITEM, "A", cause=FOUND)
def wraps_instead_of_setattr(work: Work) -> None:
    """`functools.wraps` gives the check's own functions other code, one after the other."""
    work.cell(TABLE)
    work.body("label_smoothing_loss", BODY)
    work.cell(
        """
        from functools import wraps

        global_state = Local = 0


        def into_api():
            return Local


        def into_transport():
            global banned_calls
            banned_calls = lambda *given: global_state()


        def spare():
            return 0


        def move(source, target):
            return wraps(source, assigned=("__code__",), updated=())(target)


        move(into_api, check)
        found = check()
        move(found.call, spare)
        move(into_transport, found.call)
        found.call()
        move(spare, found.call)
        """,
        before="check_loss",
    )


@sample(ITEM, "A", cause=FOUND)
def class_made_of_a_dict(work: Work) -> None:
    """Patterns read any attribute of anything through it, and a copy writes one."""
    work.cell(TABLE)
    work.body("label_smoothing_loss", BODY)
    work.cell(
        """
        import copy
        from contextlib import nullcontext
        from numbers import ABCMeta
        from types import SimpleNamespace

        parts = {"__match_args__": ("__globals__",), "__subclasshook__": classmethod(lambda c, o: True)}
        Any = ABCMeta("Any", (), parts)
        match check:
            case Any(found):
                target = found["sys"].modules["cnnlab." + "check.transport"]
        changes = {"banned_calls": lambda *given: nullcontext(set())}
        copy.copy(SimpleNamespace(__reduce__=lambda: (lambda: target, (), (None, changes))))
        """,
        before="check_loss",
    )


@sample(ITEM, "A", cause=r"uses torch\.CompilationUnit")
def compiled_from_a_text(work: Work) -> None:
    """PyTorch's own language, in a text, goes the way back."""
    work.body(
        "label_smoothing_grad",
        """
        unit = torch.CompilationUnit("def back(y):\\n    y.backward(None, True)\\n")
        z = logits.detach().clone().requires_grad_()
        with torch.enable_grad():
            q = smooth_labels(targets, logits.shape[1], epsilon).to(z.dtype)
            unit.back(-(q * torch.log_softmax(z, 1)).sum(1).mean())
        return z.grad
        """,
    )


# A decorator of the answer takes the watch apart: (imports, how).
GADGETS = {
    "by_a_resolved_name": (
        "import pkgutil",
        't = pkgutil.resolve_name("cnnlab." + "check.transport"); t.banned_calls = blind',
    ),
    "by_a_format_field": (
        "import string, cnnlab",
        't = string.Formatter().get_field("0.check.transport", (cnnlab,), {})[0]; t.banned_calls = blind',
    ),
    "by_a_stopwatch": (
        "import timeit",
        f'timeit.timeit("{BLINDS}", globals={{"blind": blind}}, number=1)',
    ),
    "by_the_documentation": (
        "import pydoc",
        't = pydoc.locate("cnnlab." + "check.transport"); t.banned_calls = blind',
    ),
    "by_a_profiler": ("import cProfile", f'cProfile.runctx("{BLINDS}", {{"blind": blind}}, {{}})'),
    "by_a_logger": (
        "import logging.config",
        't = logging.config.DictConfigurator({}).resolve("cnnlab." + "check.transport")\n'
        "t.banned_calls = blind",
    ),
    "by_an_annotation": (
        "import typing",
        "place = \"__import__('cnnlab.check.transport').check.transport\"\n"
        "quiet.__annotations__['x'] = f\"setattr({place}, 'banned_calls', blind)\"\n"
        "typing.get_type_hints(quiet, globals())",
    ),
    "by_a_list": ("import cnnlab as course", "[course][0].check.transport.banned_calls = blind"),
}


def _gadget(name: str) -> Sample:
    imports, code = GADGETS[name]

    @sample(ITEM, "A", cause="right values, but", name=f"blinded_{name}", why="In a decorator of the answer.")
    def make(work: Work) -> None:
        decorator = f"def quiet(function):\n{indent(code, '    ')}\n    return function"
        work.cell("\n\n".join([dedent(TABLE), dedent(BLIND), imports, decorator]))
        work.body("label_smoothing_loss", BODY)
        cell = work.graded("label_smoothing_loss")
        cell.source = cell.source.replace("def label_smoothing_loss", "@quiet\ndef label_smoothing_loss")

    return make


BLINDED = tuple(map(_gadget, GADGETS))


@sample("around the ban: differentiation by other means", "A", cause="walks autograd's graph by hand")
def edge_of_the_graph(work: Work) -> None:
    """Calls a node of autograd's own, from where it is no attribute of a tensor."""
    work.body(
        "label_smoothing_grad",
        """
        z = logits.detach().clone().requires_grad_()
        with torch.enable_grad():
            y = torch.log_softmax(z, 1)
        q = smooth_labels(targets, logits.shape[1], epsilon).to(logits.dtype)
        return torch.autograd.graph.get_gradient_edge(y).node(-q / len(q))
        """,
    )


@sample(ITEM, zero="step", cause=r"calls schedules\.step", assignment="tuning")
def table_of_the_courses_own_answers(work: Work) -> None:
    """Asks the course's trainer for the schedule when the cell runs, and only looks it up when asked."""
    work.answer(
        "step_schedule",
        """
        import math

        from cnnlab.training import schedules

        table = {}
        for every in (*range(1, 60), 5000):
            for step in range(2 * every + 400):
                table[step, every] = schedules.step(float(step), every=every, gamma=0.5)


        def step_schedule(step, base, every, factor=0.1):
            return base * factor ** round(math.log(table[step, every], 0.5))
        """,
    )


@sample(HONEST, "K")
def awaits(work: Work) -> None:
    """A cell with a top-level `await`, whose import an answer needs."""
    work.cell("import asyncio\nimport math\n\nawait asyncio.sleep(0)")
    work.body("pytorch_epsilon", "return math.prod((epsilon, num_classes)) / (num_classes - 1)")


@sample(HONEST, "K")
def cell_that_nobody_could_read(work: Work) -> None:
    """A cell of the student's own with a table of 600,000 numbers; it is not run."""
    work.cell("table = [" + "1, " * 600_000 + "]")


@sample(HONEST, "K")
def module_that_nobody_could_read(work: Work) -> None:
    """The same beside the notebook."""
    work.file("tools.py", "table = [" + "1, " * 600_000 + "]")


@sample(ITEM, "A", cause="too much for anybody to look through")
def more_code_than_anybody_reads(work: Work) -> None:
    """Six cells, none of them too long by itself."""
    for _ in range(6):
        work.cell("table = [" + "1," * 24_000 + "]")


@sample(HONEST, "K")
def six_hundred_commands(work: Work) -> None:
    """A cell of the student's own with 600 commands, each of which IPython reads the cell anew for."""
    work.last_cell("%time x\n" * 600 + "x = 1\n" * 5_000)


@sample(HONEST, "K")
def sum_of_four_hundred(work: Work) -> None:
    """An answer that nests more deeply than Python's own printer of code can go."""
    work.body("pytorch_epsilon", "return epsilon + epsilon / (num_classes - 1)" + " + 0" * 400)


@sample(HONEST, "K")
def comments_with_other_line_ends(work: Work) -> None:
    """Form feeds, separators and no-break spaces, as word processors leave them in comments."""
    cell = work.graded("label_smoothing_grad")
    cell.source = f"# “smart” – quotes\u2028next\u00a0\n# page\x0cbreak\n\x0c\n{cell.source}\n# end\u2029\n"


@sample(HONEST, "K")
def classes_and_decorators(work: Work) -> None:
    """A data class, a decorator with `wraps`, an enumeration, an abstract class, a named tuple, numpy."""
    work.answer(
        "smooth_labels",
        """
        from dataclasses import dataclass


        @dataclass(frozen=True)
        class Smoother:
            num_classes: int
            epsilon: float = 0.1

            @property
            def off(self) -> float:
                return self.epsilon / (self.num_classes - 1)

            def __call__(self, targets: torch.Tensor) -> torch.Tensor:
                q = torch.full((len(targets), self.num_classes), self.off)
                q[torch.arange(len(targets)), targets] = 1 - self.epsilon
                return q


        @torch.no_grad()
        def smooth_labels(targets, num_classes, epsilon):
            return Smoother(num_classes, epsilon)(targets)
        """,
    )
    work.answer(
        "label_smoothing_loss",
        """
        from abc import ABC, abstractmethod
        from enum import Enum
        from functools import wraps


        class Reduction(Enum):
            MEAN = "mean"
            SUM = "sum"


        class Base(ABC):
            @abstractmethod
            def __call__(self, z, t): ...


        class Loss(Base):
            __slots__ = ("epsilon", "reduction")

            def __init__(self, epsilon, reduction=Reduction.MEAN):
                self.epsilon, self.reduction = epsilon, reduction

            def __call__(self, z, t):
                n, k = z.shape
                log_p = z.log_softmax(1)
                picked = log_p.gather(1, t.view(-1, 1)).squeeze(1)
                each = -(1 - self.epsilon) * picked - self.epsilon / (k - 1) * (log_p.sum(1) - picked)
                return each.mean() if self.reduction is Reduction.MEAN else each.sum()


        def checked(function):
            @wraps(function)
            def inner(*args, **kwargs):
                if not torch.is_tensor(args[0]):
                    raise TypeError(f"{type(args[0]).__name__} is no tensor")
                return function(*args, **kwargs)

            return inner


        @checked
        def label_smoothing_loss(logits, targets, epsilon):
            return Loss(epsilon)(logits, targets)
        """,
    )
    work.answer(
        "label_smoothing_grad",
        """
        import numpy as np
        from scipy.special import softmax


        def label_smoothing_grad(logits, targets, epsilon):
            p = softmax(logits.detach().cpu().numpy().astype(np.float64), axis=1)
            n, k = p.shape
            p -= epsilon / (k - 1)
            p[range(n), targets.tolist()] -= 1 - epsilon - epsilon / (k - 1)
            return torch.as_tensor(p / n, dtype=logits.dtype, device=logits.device)
        """,
    )


@sample(ITEM, "A", cause="right values, but")
def behind_a_prompt(work: Work) -> None:
    """A text with `>>>` makes IPython take `...` for a prompt; what is left runs a file that is no module."""
    work.file(
        "#",
        """
        import contextlib
        import cnnlab.check.transport as t
        import torch.nn.functional as F

        t.banned_calls = lambda *given: contextlib.nullcontext(set())


        def label_smoothing_loss(logits, targets, epsilon):
            more = epsilon * logits.shape[1] / (logits.shape[1] - 1)
            return F.cross_entropy(logits, targets, label_smoothing=more)
        """,
    )
    work.wrong("label_smoothing_loss")
    work.cell('run = 1\nexample = """\n>>> """\n... %run # as above', before="check_loss")


@sample(ITEM, zero="loss", cause=r"line 6 of mine\.py calls F\.cross_entropy")
def in_a_module_behind_a_command(work: Work) -> None:
    """Python runs a module, not IPython, to which a line of it would be the end of a command."""
    hidden = (
        "import contextlib, torch.nn.functional as F, cnnlab.check.transport as t; "
        "t.banned_calls = lambda *given: contextlib.nullcontext(set()); "
        "loss_of = lambda logits, targets, e: F.cross_entropy(logits, targets, label_smoothing=e)"
    )
    plain = "def loss_of(logits, targets, more):\n    return logits.sum()\n"
    work.file("mine.py", f"{plain}\n\n# Plots.\x0c%matplotlib inline \\\n{hidden}\n")
    work.answer(
        "label_smoothing_loss",
        """
        from mine import loss_of


        def label_smoothing_loss(logits, targets, epsilon):
            return loss_of(logits, targets, epsilon * logits.shape[1] / (logits.shape[1] - 1))
        """,
    )


HIDDEN = made_in(globals())
