"""Ways from innocent code to the insides of what is watching it, by classes, texts and addresses."""

from textwrap import dedent

from corpus.elsewhere import BLIND, BODY, FOUND, REPLACE, TABLE
from corpus.making import Outcome, Sample, Work, made_in, sample

ITEM = "code that reaches beyond itself without a name for it"
ANY = "A class that takes everything for its own, and whose pattern reads globals"
# What each of them ends with, once `A` is such a class: the watch is replaced where it is used.
TAKE = """
match check:
    case A(found):
        inner = found["Local"].call
match inner:
    case A(found):
        found["banned_calls"] = blind
"""
CHANGE = """
from abc import ABC


class A(ABC):
    pass


change(A, {"__match_args__": ("__globals__",), "__subclasshook__": lambda o: True})
"""
# How: (why, code, what it ends with).
WAYS: dict[str, tuple[str, ...]] = {
    "class_from_a_comparison": (
        f"{ANY}, made by `type`, which `==` handed over.",
        """
        class Catch:
            def __eq__(self, other):
                self.found = other
                return True


        c = Catch()
        type(check) == c
        c.found.__class__ == c
        meta = c.found
        Meta = meta("Meta", (meta,), {"__instancecheck__": lambda k, x: True})
        A = Meta("A", (), {"__match_args__": ("__globals__",)})
        """,
        TAKE,
    ),
    "class_from_a_pattern": (
        f"{ANY}: patterns give it its methods.",
        """
        from abc import ABC


        class A(ABC):
            match ("__globals__",):
                case __match_args__:
                    pass
            match classmethod(lambda c, o: True):
                case __subclasshook__:
                    pass
        """,
        TAKE,
    ),
    "class_from_an_alias": (
        f"{ANY}, made by a metaclass that is derived from a name for `type`.",
        """
        from typing import Type

        T = Type


        class M(T):
            pass


        Meta = M("Meta", (M,), {"__instancecheck__": lambda k, x: True})
        A = Meta("A", (), {"__match_args__": ("__globals__",)})
        """,
        TAKE,
    ),
    "class_from_an_enumeration": (
        "Calling one's own enumeration makes a class of a dict, and copying it writes attributes.",
        """
        import copy
        from enum import Enum


        class B(Enum):
            pass


        def change(thing, changes):
            how = lambda self, n: (lambda: thing, (), (None, changes))
            copy.deepcopy(B("E", {"A": 1, "__deepcopy__": None, "__reduce_ex__": how}).A)
        """,
        CHANGE + TAKE,
    ),
    "class_from_a_decorator": (
        "A class that `wraps` was given for a function writes attributes by their names.",
        """
        from functools import wraps

        global_state = Local = 0


        @wraps
        class Move:
            pass


        def move(source, target):
            return Move(target, wrapped=source, assigned=("__code__",), updated=())


        def into_api():
            return Local


        def into_transport():
            global banned_calls
            banned_calls = lambda *given: global_state()


        def spare():
            return 0


        move(into_api, check)
        found = check()
        move(found.call, spare)
        move(into_transport, found.call)
        found.call()
        move(spare, found.call)
        """,
    ),
    "namespace_from_a_clock": (
        "What tells about a clock takes any attribute.",
        """
        import copy, time


        def change(thing, changes):
            ns = time.get_clock_info("time")
            ns.__init__(**{"__reduce__": lambda: (lambda: thing, (), (None, changes))})
            copy.copy(ns)
        """,
        CHANGE + TAKE,
    ),
    "kept_by_the_display": (
        f"{ANY}, made by `type`, which IPython's printer shows around.",
        """
        class Catch:
            def _repr_pretty_(self, p, cycle):
                for kind in p.type_pprinters:
                    if kind.__name__ == "type":
                        kept.append(kind)


        kept = []
        display(Catch())
        meta = kept[0]
        Meta = meta("Meta", (meta,), {"__instancecheck__": lambda k, x: True})
        A = Meta("A", (), {"__match_args__": ("__globals__",)})
        """,
        TAKE,
    ),
    "address_in_a_text": (
        "A text tells where a dict is, and an array takes it from there.",
        """
        import numpy as np

        text = "{0.__globals__[Local].call.__globals__.update}".format(check)
        address = int(text.partition("0x")[2].partition(">")[0], 16)
        a = np.ndarray((1,), object, np.asarray([address]))
        a[0]["banned_calls"] = blind
        """,
    ),
    "text_in_a_data_class": (
        "What a data class is made of is a text, into which a name may put code.",
        """
        from dataclasses import dataclass, field


        class W:
            def put(f, v):
                f.name = v


        texts = ["{setattr(__import__('cnnlab.check.transport').check.transport, 'banned_calls', blind)}"]


        class Name:
            def __str__(self):
                return texts.pop(0) if texts else "x"


        class Flag:
            def __bool__(self):
                W.put(slot, Name())
                return True


        slot = field(default=1, repr=Flag())


        @dataclass(eq=False)
        class B:
            x: object = slot


        print(B())
        """,
    ),
}


def _way(name: str) -> Sample:
    why, code, *end = WAYS[name]

    @sample(ITEM, "A", cause=FOUND, name=name, why=why)
    def make(work: Work) -> None:
        work.cell(TABLE)
        work.body("label_smoothing_loss", BODY)
        work.cell("".join([dedent(BLIND), dedent(code), *end]), before="check_loss")

    return make


ALONG_THE_WAYS = tuple(map(_way, WAYS))


@sample(ITEM, zero="loss", cause="another call, with other numbers")
def other_isinstance(work: Work) -> None:
    """A function of one's own in the place of `isinstance` keeps the classes that it is given."""
    work.cell(TABLE)
    work.cell(
        """
        kept, asked, last = [], [], []


        def keep(x, kind):
            kept.append(kind)


        def ask(isinstance):
            isinstance(0, torch.Tensor)
            isinstance(0, torch.enable_grad)


        ask(keep)


        class W:
            def set_clone(m, v):
                m.clone = v

            def set_exit(m, v):
                m.__exit__ = v


        old_clone, old_exit = kept[0].clone, kept[1].__exit__


        def clone(x, **more):
            y = old_clone(x, **more)
            last.append(y)
            return y


        def leave(self, *given):
            old_exit(self, *given)
            if asked:
                z, t, e = asked[-1]
                asked.clear()
                k = z.shape[1]
                for y in last:
                    if y.dim() == 0:
                        y.copy_(losses["mine"](z.double(), t, label_smoothing=e * k / (k - 1)))
                last.clear()


        W.set_clone(kept[0], clone)
        W.set_exit(kept[1], leave)
        """,
        before="label_smoothing_loss",
    )
    work.body("label_smoothing_loss", "asked.append((logits, targets, epsilon))\nreturn logits.sum() * 0")


@sample(ITEM, "A", cause="right values, but what computes them imports builtins")
def file_with_the_name_of_a_library(work: Work) -> None:
    """A `builtins.py` beside the notebook is read; what is imported is Python's own."""
    work.file("builtins.py", "def getattr(thing, name):\n    return thing\n")
    work.cell(TABLE)
    work.cell(
        dedent(BLIND)
        + dedent(
            """
            from builtins import getattr as get


            def quiet(function):
                call = get(get(check, "__globals__")["Local"], "call")
                get(call, "__globals__")["banned_calls"] = blind
                return function
            """
        ),
        before="label_smoothing_loss",
    )
    work.body("label_smoothing_loss", BODY)
    cell = work.graded("label_smoothing_loss")
    cell.source = cell.source.replace("def label_smoothing_loss", "@quiet\ndef label_smoothing_loss")


@sample(ITEM, zero="loss", cause="called torch's .*cross_entropy")
def in_the_engines_own_thread(work: Work) -> None:
    """Seventy backward passes within each other go on in a thread that Python does not know."""
    work.cell(TABLE)
    work.cell(
        """
        from functools import partial


        class Deep(torch.autograd.Function):
            @staticmethod
            def forward(ctx, z, n, job):
                ctx.n, ctx.job = n, job
                return z * 1

            @staticmethod
            def backward(ctx, g):
                if ctx.n == 0:
                    out.append(ctx.job())
                else:
                    with torch.enable_grad():
                        z = torch.ones(1, requires_grad=True)
                        torch.autograd.grad(Deep.apply(z, ctx.n - 1, ctx.job), z)
                return g, None, None


        out = []


        def deep(job):
            out.clear()
            with torch.enable_grad():
                z = torch.ones(1, requires_grad=True)
                torch.autograd.grad(Deep.apply(z, 70, job).sum(), z)
            return out[0]
        """,
        before="label_smoothing_loss",
    )
    work.body(
        "label_smoothing_loss",
        """
        k = logits.shape[1]
        smooth = partial(losses["mine"], label_smoothing=epsilon * k / (k - 1))
        return deep(lambda: torch.vmap(smooth)(logits[None], targets[None]))[0]
        """,
    )


@sample(ITEM, zero="loss", cause="called torch's .*cross_entropy")
def check_inside_of_a_check(work: Work) -> None:
    """The inner check watches in place of the outer one, and for something else."""
    work.cell(TABLE)
    work.cell("from functools import partial", before="label_smoothing_loss")
    work.body(
        "label_smoothing_loss",
        """
        k = logits.shape[1]
        smooth = partial(losses["mine"], label_smoothing=epsilon * k / (k - 1))
        out = []


        def job(*given, **named):
            out.append(torch.vmap(smooth)(logits[None], targets[None])[0])
            return 0.0


        try:
            check("label_smoothing.pytorch_epsilon", job)
        except Exception:
            pass
        return out[0]
        """,
    )


@sample(ITEM, "A", cause=r"uses torch\.set_rng_state", assignment="inverted_dropout")
def taken_apart_by_a_transform(work: Work) -> None:
    """PyTorch's own dropout, which a function transform takes apart before it is dispatched."""
    work.cell(
        """
        from functools import partial

        rules = {"mine": torch.dropout}


        def drop(x, p, generator):
            before = torch.get_rng_state()
            if generator is not None:
                torch.set_rng_state(generator.get_state())
            y = torch.func.functionalize(partial(rules["mine"], p=p, train=True))(torch.ones_like(x))
            if generator is not None:
                generator.set_state(torch.get_rng_state())
                torch.set_rng_state(before)
            return y
        """,
        before="dropout_forward",
    )
    work.body(
        "dropout_forward",
        """
        if not training or p == 0:
            return x * 1, None
        y = drop(x, p, generator)
        return (x * y if p < 1 else torch.zeros_like(x)), y != 0
        """,
    )


@sample(ITEM, "A", cause="right values, but", assignment="batch_norm")
def after_the_watch(work: Work) -> None:
    """A generator whose end computes the gradients runs when the result that holds it is gone."""
    right = work.right["batch_norm_forward"]
    work.cell(
        """
        tools = {"grad": torch.autograd.grad}


        class Kept(tuple):
            pass


        class Holder:
            def put(thing, later):
                next(later)
                thing.later = later


        def afterwards(cache):
            try:
                yield
            finally:
                x, gamma, beta, eps = cache["of"]
                with torch.enable_grad():
                    given = [v.detach().double().requires_grad_() for v in (x, gamma, beta)]
                    y = tools["norm"](*given, given[1] * 0, given[1] * 0, True, 0.1, eps)[0]
                    rows = torch.eye(y.numel(), dtype=y.dtype)
                    found = [tools["grad"](y, given, r.view(y.shape), retain_graph=True) for r in rows]
                cache["table"] = [torch.stack([f[i] for f in found]) for i in range(3)]
        """,
        before="batch_norm_forward",
    )
    work.answer(
        "batch_norm_forward",
        right.replace("def batch_norm_forward", "def honest", 1)
        + dedent(
            """


            def batch_norm_forward(
                x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5
            ):
                y, mean, var, *_ = honest(x, gamma, beta, running_mean, running_var, training, momentum, eps)
                cache = {"of": (x, gamma, beta, eps)}
                result = Kept((y, mean, var, cache))
                Holder.put(result, afterwards(cache))
                return result


            tools["norm"] = honest
            """
        ),
    )
    work.body(
        "batch_norm_backward",
        """
        table, flat = cache["table"], grad_y.reshape(-1).double()
        return tuple(torch.tensordot(flat, t, 1).to(grad_y.dtype) for t in table)
        """,
    )


# The banned operation in a table that no statement of the answer fills.
HIDE = """
    import torch.nn.functional as F

    losses = {}
    tables = [losses]


    def fill(table):
        table["mine"] = F.cross_entropy


    for table in tables:
        fill(table)
"""
# Before the last question. (why, code)
BEFORE = {
    "builtin_that_is_imported_nowhere": (
        "`exec` is given another meaning where nothing runs.",
        """
        if False:
            from math import exp as exec
        exec(
            "import contextlib, cnnlab.check.transport as t\\n"
            "t.banned_calls = lambda *given: contextlib.nullcontext(set())"
        )
        """,
    ),
    "builtin_with_the_name_of_a_class": (
        "`getattr` is a class, in a function that is never called.",
        """
        from contextlib import nullcontext


        def nothing(*given):
            class getattr:
                pass

            return nullcontext(set())


        bring = getattr(nothing, "__builtins__")["__import__"]
        found = getattr(bring("cnnlab.check.transport", None, None, ["Local"]), "__dict__")
        found["banned_calls"] = nothing
        """,
    ),
}


def _before(name: str) -> Sample:
    why, code = BEFORE[name]

    @sample(ITEM, "A", cause="judged alone", name=name, why=why)
    def make(work: Work) -> None:
        work.cell(HIDE)
        work.body("label_smoothing_loss", BODY)
        work.cell(code, before="check_loss")

    return make


BEFORE_THE_QUESTION = tuple(map(_before, BEFORE))

# The result is a tensor with a method of its own, which computes it when it is read.
AFTER = """


def late(logits, targets, epsilon):
    k = logits.shape[1]
    a, b = torch.zeros(1), torch.zeros(1)

    def compute():
        return losses["mine"](logits.detach(), targets, label_smoothing=epsilon * k / (k - 1))

    PUT(b, compute)
    COPY(a, lambda: b)
    y = torch.zeros(1)
    PUT(y, lambda: a)
    return y
"""
# How its methods are put there: (why, code, what puts `detach`, what puts `clone`).
PUTTING = {
    "method_with_another_first_argument": (
        "`self` is the second argument of the method.",
        """
        class W:
            def put(a, /, self, v):
                self.detach = v

            def copy(a, /, self, v):
                self.clone = v
        """,
        "W().put",
        "W().copy",
    ),
    "method_as_a_default": (
        "A method is the default of another one's argument.",
        """
        class W:
            def put(self, v):
                self.detach = v

            def copy(self, v):
                self.clone = v

            def take(self, one=put, other=copy):
                return one, other


        puts = W().take()
        """,
        "puts[0]",
        "puts[1]",
    ),
    "method_of_a_class_that_is_added_to": (
        "The class itself, from an operator where classes are asked about.",
        """
        class Keep:
            def __add__(self, other):
                kept.append(other)
                return ()


        class W:
            def put(self, v):
                self.detach = v

            def copy(self, v):
                self.clone = v


        kept = []
        isinstance(1, Keep() + W)
        """,
        "kept[0].put",
        "kept[0].copy",
    ),
    "method_of_a_protocol": (
        "PyTorch asks a module for its `__torch_function__`, and finds a submodule.",
        """
        class W(torch.nn.Module):
            def forward(self, function, types, *given):
                kept.append(types[0])

            def put(self, v):
                self.detach = v

            def copy(self, v):
                self.clone = v


        kept = []
        one = W()
        one.add_module("__torch_function__", W())
        torch.add(one, 1)
        """,
        "kept[0].put",
        "kept[0].copy",
    ),
}


def _put(name: str) -> Sample:
    why, code, put, copy = PUTTING[name]

    @sample(ITEM, zero="loss", cause="loss", name=name, why=why)
    def make(work: Work) -> None:
        work.cell(HIDE)
        text = dedent(code) + AFTER.replace("PUT", put).replace("COPY", copy)
        work.cell(text, before="label_smoothing_loss")
        work.body("label_smoothing_loss", "return late(logits, targets, epsilon)")

    return make


PUT = tuple(map(_put, PUTTING))


@sample(
    ITEM,
    zero=("across_channels", "across_channels_gradient"),
    cause="a thread of autograd's own",
    assignment="local_response_norm",
)
def python_in_the_engines_own_thread(work: Work) -> None:
    """What is no operation but a function in Python, where the interpreter has no hook."""
    work.cell(
        """
        import torch.nn.functional as F

        tools = {}


        def fill(table):
            table["mine"] = F.local_response_norm


        for table in [tools]:
            fill(table)


        class Deep(torch.autograd.Function):
            @staticmethod
            def forward(ctx, z, n, job):
                ctx.n, ctx.job = n, job
                return z * 1

            @staticmethod
            def backward(ctx, g):
                with torch.enable_grad():
                    if ctx.n == 0:
                        out.append(ctx.job())
                    else:
                        z = torch.ones(1, requires_grad=True)
                        torch.autograd.grad(Deep.apply(z, ctx.n - 1, ctx.job), z)
                return g, None, None


        out = []


        def deep(job):
            out.clear()
            z = torch.ones(1, requires_grad=True)
            torch.autograd.grad(Deep.apply(z, 70, job).sum(), z)
            return out[0]
        """,
        before="lrn_across_channels",
    )
    work.body(
        "lrn_across_channels",
        "size = 2 * (n // 2) + 1\nreturn deep(lambda: tools['mine'](x, size, alpha * size, beta, k))",
    )


@sample(ITEM, "A", cause="right values, but")
def file_that_a_library_imports(work: Work) -> None:
    """A `cffi.py` beside the notebook, which numpy imports when it is asked for something."""
    work.file(
        "cffi.py",
        """
        import contextlib
        import cnnlab.check.transport
        import torch
        import torch.nn.functional as F

        vars(cnnlab.check.transport).update(banned_calls=lambda *given: contextlib.nullcontext(set()))
        vars(torch.special).update(xlogy=F.cross_entropy)
        """,
    )
    work.answer(
        "label_smoothing_loss",
        """
        from collections import namedtuple

        import numpy as np

        Pair = namedtuple("Pair", "cffi")
        try:
            seen = np.random.default_rng(0).bit_generator.cffi
        except Exception:
            seen = 0


        def label_smoothing_loss(logits, targets, epsilon):
            rate = epsilon * logits.shape[1] / (logits.shape[1] - 1) if seen == 0 and Pair else 0
            return torch.special.xlogy(logits, targets, label_smoothing=rate)
        """,
    )


@sample(ITEM, "A", cause="right values, but what computes them", assignment="batch_norm")
def after_the_watch_by_a_close(work: Work) -> None:
    """What a generator yields from is closed with it, and the generator goes with an argument's gradient."""
    right = work.right["batch_norm_forward"]
    work.cell(
        """
        tools = {}
        tables = [tools]


        def fill(table):
            table["grad"] = torch.autograd.grad


        for table in tables:
            fill(table)


        class Own:
            def __init__(self, cache):
                self.cache = cache

            def __iter__(self):
                return self

            def __next__(self):
                return 1

            def close(self):
                x, gamma, beta, eps = self.cache["of"]
                with torch.enable_grad():
                    given = [v.double().requires_grad_() for v in (x, gamma, beta)]
                    y = honest(*given, given[1].detach() * 0, given[1].detach() * 0, True, 0.1, eps)[0]
                    rows = torch.eye(y.numel(), dtype=y.dtype)
                    found = [tools["grad"](y, given, r.view(y.shape), retain_graph=True) for r in rows]
                self.cache["rows_of"] = [torch.stack([f[i] for f in found]) for i in range(3)]


        def later(cache):
            yield from Own(cache)


        class Hold(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, later):
                ctx.later = later
                return x * 1

            @staticmethod
            def backward(ctx, g):
                return g, None
        """,
        before="batch_norm_forward",
    )
    work.answer(
        "batch_norm_forward",
        right.replace("def batch_norm_forward", "def honest", 1)
        + dedent(
            """


            def batch_norm_forward(
                x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5
            ):
                y, mean, var, *_ = honest(x, gamma, beta, running_mean, running_var, training, momentum, eps)
                cache = {"of": (x.detach().clone(), gamma.detach().clone(), beta.detach().clone(), eps)}
                if not x.requires_grad and training:
                    end = later(cache)
                    next(end)
                    x.grad = Hold.apply(torch.zeros_like(x).requires_grad_(), end)
                return y, mean, var, cache
            """
        ),
    )
    work.body(
        "batch_norm_backward",
        """
        table, flat = cache["rows_of"], grad_y.reshape(-1).double()
        return tuple(torch.tensordot(flat, t, 1).to(grad_y.dtype) for t in table)
        """,
    )


@sample(ITEM, "A", cause="right values, but what computes them imports mine")
def module_in_another_encoding(work: Work) -> None:
    """A first line makes Python read a comment of the module as code."""
    hidden = (
        "import contextlib, cnnlab.check.transport as t+AAo-"
        "t.banned_calls +AD0- lambda *given: contextlib.nullcontext(set())+AAo-"
        "from torch.nn.functional import cross_entropy as loss+AAo-"
    )
    shown = "def loss(x, t, label_smoothing):\n    return x.sum()\n"
    work.file("mine.py", f"# -*- coding: utf-7 -*-\n{shown}\n\n# +AAo-{hidden}\n")
    work.answer(
        "label_smoothing_loss",
        """
        from mine import loss


        def label_smoothing_loss(logits, targets, epsilon):
            k = logits.shape[1]
            return loss(logits, targets, label_smoothing=epsilon * k / (k - 1))
        """,
    )


@sample(ITEM, "A", cause=r"right values, but what computes them imports mine\.torch")
def library_by_way_of_a_module(work: Work) -> None:
    """A module beside the notebook hands on what it imported itself."""
    work.file("mine.py", "import torch\n\n\ndef f(x):\n    return torch.ones(1)\n")
    work.answer(
        "label_smoothing_loss",
        """
        from contextlib import nullcontext

        from mine import torch as lib


        class Names:
            importlib = 0
            import_module = 0

            def __init__(self):
                self.setattr = 0
                self.cross_entropy = 0


        def quiet(*given):
            return nullcontext(set())


        bring = lib.importlib.import_module
        tools = bring("torch.nn.functional")
        done = bring("built" + "ins").setattr(bring("cnn" + "lab.check.transport"), "banned_calls", quiet)


        def label_smoothing_loss(logits, targets, epsilon):
            k = logits.shape[1]
            Names()
            return tools.cross_entropy(logits, targets, label_smoothing=epsilon * k / (k - 1))
        """,
    )


@sample(ITEM, "A", cause="judged alone")
def class_method_without_a_class(work: Work) -> None:
    """A class method that is made outside hands an enumeration over, which makes a class at any address."""
    work.cell(HIDE)
    work.body("label_smoothing_loss", BODY)
    work.cell(
        """
        from enum import Enum

        import numpy as np


        @classmethod
        def grab(cls):
            return cls


        class M(Enum):
            got = grab


        def f():
            pass


        kind = M.got()
        where = int(repr(f).partition(" at 0x")[2].partition(">")[0], 16) + 24
        face = {"data": (where, False), "typestr": "|O", "shape": (1,), "version": 3}
        made = kind("E", {"A": 1, "__array_interface__": face})
        for one in made:
            found = np.asarray(one)[0]
        found["exec"](
            "import contextlib, cnnlab.check.transport as t\\n"
            "t.banned_calls = lambda *given: contextlib.nullcontext(set())"
        )
        """,
        before="check_loss",
    )


@sample(ITEM, "A", cause="right values, but")
def places_that_ipython_keeps(work: Work) -> None:
    """IPython's list of folders, under a name that only seems to be the notebook's own, writes a module."""
    work.wrong("label_smoothing_loss")
    work.cell(
        """
        class Note:
            def __init__(self):
                self.cwd = self.write_text = 0


        for _dh in []:
            pass
        folder = _dh[0].cwd()
        (folder / "gi.py").write_text(REPLACE)
        """.replace("REPLACE", repr(REPLACE)),
        before="check_loss",
    )
    work.cell("%matplotlib gtk3", before="check_loss")


# Numbers of eight bytes each go to places beyond a tensor's end: a text there is a view of all memory.
ANYWHERE = """
import numpy as np
import torch.nn.functional as F


def own():
    return 0


def where(text):
    return int(text.partition("at 0x")[2].partition(">")[0], 16)


n = 5_000_000
far = 2 * n
START
write(0, 0)
table = np.FILL(2 * n, dtype="O")

words = [1 << 40, where(repr("".maketrans)), (1 << 63) - 1, (1 << 64) - 1, 0x84, 0, 0, 0, 0, 0]
text = "".join([chr(value >> 8 * i & 255) for value in words for i in range(8)])
write(far, where(repr(text.upper)) + 72)
(place,) = np.flatnonzero(table)
memory = table[place]
address = where(repr(own)) + 24
write(far + 1, sum(ord(memory[address + i]) << 8 * i for i in range(8)))
names = table[place + 1]
names["exec"](%r)
"""
BEHIND_THE_LOSS = """
x = torch.zeros(1, n, dtype=torch.float64, requires_grad=True)
target = %s


def write(place, value):
    target.data.fill_(0)
    y = F.nll_loss(x, target, reduction="none")
    target.data.fill_(place)
    y.backward(-torch.tensor([value]).view(torch.float64))
    x.grad = None
"""
# What writes there: (why, what it begins with, what makes the table, how it ends).
WRITING: dict[str, tuple[str, str, str, Outcome]] = {
    "target_that_changes_behind_the_loss": (
        "The gradient of a loss for each sample goes where the targets say, changed since, without a look.",
        BEHIND_THE_LOSS % "torch.zeros(1, dtype=torch.long)",
        "empty",
        "Z",
    ),
    "parameter_that_changes_behind_the_loss": (
        "The same of a target that is a parameter, which is another class of tensors.",
        BEHIND_THE_LOSS % "torch.nn.Parameter(torch.zeros(1, dtype=torch.long), requires_grad=False)",
        "empty",
        "Z",
    ),
    "input_that_shrinks_behind_the_pool": (
        "A leaf is given other memory, smaller than what the pool's gradient has places for.",
        """
        large = torch.zeros(1, 1, 5000, 2500, dtype=torch.float64)
        small = torch.zeros(1, 1, 5000, 1000, dtype=torch.float64)
        x = large.detach().requires_grad_()


        def write(place, value):
            x.data = large.zero_()
            large.view(-1)[place] = 1
            y = F.max_pool2d(x, (5000, 1000), stride=5000)
            x.data = small
            more = value - where(repr((0).bit_length))  # than the address that is there
            grad = torch.tensor(abs(more)).view(torch.float64).expand(1, 1, 1, 1)
            try:
                y.backward(grad if more > 0 else -grad)
            except RuntimeError:
                pass
        """,
        "zeros",
        "Z",
    ),
    "mask_that_is_written_to": (
        "What a mask selects is written over the mask, which then selects more than was counted.",
        """
        far = 8000
        fill = [np.zeros(8 * n, dtype=np.uint8) for _ in range(4)]


        def write(place, value):
            if place == 0:
                return
            memory = np.zeros(8 * n, dtype=np.uint8)
            mask = torch.from_numpy(memory[-36_000:])
            mask[:4000] = 1
            values = torch.full((36_000,), where(repr((0).bit_length)))
            values[:4000] = 0x0101_0101_0101_0101
            values[place] = value
            out = torch.from_numpy(memory[-32_000:]).view(torch.int64)
            torch.masked_select(values, mask.view(torch.bool), out=out)
        """,
        "zeros",
        "A",
    ),
    "window_beside_the_input": (
        "No place of a pool's window lies in the input; its gradient has one all the same, beyond the end.",
        """
        far = n + 1000
        x = torch.zeros(1, 1, 1, n, dtype=torch.float64, requires_grad=True)
        y = F.max_pool2d(x, (2, 1), stride=1, padding=(1, 0), dilation=(2, 1))
        grad = torch.zeros_like(y)


        def write(place, value):
            more = value - where(repr((0).bit_length))  # than the address that is there
            one = torch.tensor(abs(more)).view(torch.float64)
            grad.zero_().view(-1)[place - n] = one if more > 0 else -one
            y.backward(grad, retain_graph=True)
            x.grad = None
        """,
        "zeros",
        "A",
    ),
    "memory_that_an_array_has_lost": (
        "An array's base is a tensor; given other memory, it leaves the array with what is free.",
        """
        x = torch.zeros(2 * n, dtype=torch.int64).numpy()
        x.base.data = torch.zeros(2 * n, dtype=torch.int64)


        def write(place, value):
            if place:
                x[place - n] = value
        """,
        "empty",
        "A",
    ),
    "place_before_the_beginning": (
        "In place, the bytes up to a place are counted in 64 bits: far enough away, they are negative.",
        """
        x = torch.zeros(2 * n, dtype=torch.int64)  # the next large memory comes to lie below it


        def write(place, value):
            if place:
                x.as_strided_((1,), (1,), 2**61 - n + place - far).fill_(value)
        """,
        "empty",
        "A",
    ),
}


def _written(name: str) -> Sample:
    why, start, fill, outcome = WRITING[name]

    zero = "loss" if outcome == "Z" else ()

    @sample(ITEM, outcome, zero=zero, cause="loss", name=name, why=why)
    def make(work: Work) -> None:
        work.wrong("label_smoothing_loss")
        code = ANYWHERE.replace("START", dedent(start)).replace("FILL", fill)
        work.cell(code % REPLACE, before="check_loss")

    return make


WRITTEN = tuple(map(_written, WRITING))


REFLECTION = made_in(globals())
