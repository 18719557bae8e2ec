"""Results that agree with whoever compares them, or do harm when they are unpacked."""

from corpus.making import Work, attack, made_in, sample

LIARS = "`__eq__`, `__torch_function__`, `__array__` liars, tensor subclasses"
NOT_A_TENSOR = r"q is a \w*Agreeable"


def _liar(work: Work, definition: str, made: str) -> None:
    """`smooth_labels` returns something that agrees with whoever asks."""
    work.cell(definition, before="smooth_labels")
    work.body("smooth_labels", f"return {made}")


@attack(LIARS, cause=NOT_A_TENSOR)
def eq_liar(work: Work) -> None:
    """An object that equals everything and has every attribute of a tensor."""
    _liar(
        work,
        """
        class Agreeable:
            shape = dtype = device = property(lambda self: self)
            __eq__ = __bool__ = __contains__ = lambda self, *other: True
            __ne__ = lambda self, other: False
            __hash__ = lambda self: 0
            __getattr__ = __call__ = __sub__ = __rsub__ = lambda self, *given, **named: self
        """,
        "Agreeable()",
    )


@attack(LIARS, cause=NOT_A_TENSOR)
def class_liar(work: Work) -> None:
    """An object whose class claims to be `torch.Tensor`, so that `isinstance` believes it."""
    _liar(
        work,
        """
        class Agreeable:
            __class__ = property(lambda self: torch.Tensor)
            __eq__ = lambda self, other: True
            __getattr__ = lambda self, name: getattr(torch.zeros(1), name)
        """,
        "Agreeable()",
    )


@attack(LIARS, cause=NOT_A_TENSOR)
def torch_function_liar(work: Work) -> None:
    """A tensor subclass that answers `allclose` and its like itself."""
    _liar(
        work,
        """
        class Agreeable(torch.Tensor):
            @classmethod
            def __torch_function__(cls, function, types, args=(), kwargs=None):
                if getattr(function, "__name__", "") in ("allclose", "isclose", "equal", "eq", "__eq__"):
                    return torch.tensor(True)
                return super().__torch_function__(function, types, args, kwargs or {})
        """,
        "torch.zeros(len(targets), num_classes).as_subclass(Agreeable)",
    )


@attack(LIARS, cause=NOT_A_TENSOR)
def torch_dispatch_liar(work: Work) -> None:
    """A wrapper without data that answers comparisons where operations are dispatched."""
    _liar(
        work,
        """
        class Agreeable(torch.Tensor):
            @staticmethod
            def __new__(cls, *size):
                return torch.Tensor._make_wrapper_subclass(cls, size, dtype=torch.float32)

            @classmethod
            def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
                other = next((a for a in args if type(a) is torch.Tensor), torch.ones(1))
                if function.__name__.startswith(("sub", "rsub")):
                    return torch.zeros_like(other)
                return torch.ones_like(other, dtype=torch.bool)
        """,
        "Agreeable(len(targets), num_classes)",
    )


@attack(LIARS, cause=NOT_A_TENSOR)
def array_liar(work: Work) -> None:
    """Asked for its numbers by numpy, it returns those that the asking function expects."""
    _liar(
        work,
        """
        import sys


        class Agreeable:
            def __array__(self, *given, **named):
                frame = sys._getframe()
                while frame is not None:
                    for name in ("desired", "expected", "truth", "y", "b"):
                        if isinstance(frame.f_locals.get(name), torch.Tensor):
                            return frame.f_locals[name].numpy()
                    frame = frame.f_back
                return torch.zeros(1).numpy()
        """,
        "Agreeable()",
    )


@attack(LIARS, cause=NOT_A_TENSOR)
def plain_subclass(work: Work) -> None:
    """A tensor subclass with the wrong values and a friendly `__eq__`, `__sub__` and `isnan`."""
    _liar(
        work,
        """
        class Agreeable(torch.Tensor):
            __eq__ = lambda self, other: torch.ones(self.shape, dtype=torch.bool)
            __sub__ = __rsub__ = lambda self, other: torch.zeros(self.shape)
        """,
        "torch.zeros(len(targets), num_classes).as_subclass(Agreeable)",
    )


@attack(LIARS, zero="pytorch_epsilon", cause=r"epsilon (has wrong values|is a \w*Agreeable)")
def float_liar(work: Work) -> None:
    """A float that is never away from any other number."""
    work.cell(
        """
        class Agreeable(float):
            __eq__ = __le__ = __ge__ = lambda self, other: True
            __sub__ = __rsub__ = __abs__ = lambda self, *other: 0.0
            __float__ = lambda self: 0.0
        """,
        before="pytorch_epsilon",
    )
    work.body("pytorch_epsilon", "return Agreeable(0.123)")


UNPICKLED = "/tmp/cnnlab-corpus-unpickled"
_EVIL = f"""
    class Agreeable:
        def __reduce__(self):
            return open, ("{UNPICKLED}", "w")
"""


@attack(LIARS, cause=NOT_A_TENSOR, traces=(UNPICKLED,))
def result_that_pickles_badly(work: Work) -> None:
    """Unpickling the result would run code of the student's on the grader's side."""
    _liar(work, _EVIL, "Agreeable()")


@sample(LIARS, "A", cause="what computes them", assignment="batch_norm", traces=(UNPICKLED,))
def cache_that_pickles_badly(work: Work) -> None:
    """The cache, which is the student's own, holds an object that must never be pickled or printed."""
    work.cell(_EVIL + "        __repr__ = __str__ = None\n", before="batch_norm_forward")
    work.cell(
        """
        honest_forward = batch_norm_forward


        def batch_norm_forward(*given, **named):
            *results, cache = honest_forward(*given, **named)
            return *results, (Agreeable(), cache)
        """,
        before="check_forward",
    )
    work.first_line("batch_norm_backward", "cache = cache[1]")


RESULTS = made_in(globals())
