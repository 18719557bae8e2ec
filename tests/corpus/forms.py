"""Results in a wrong form, reused memory, and values known by heart."""

from corpus.making import Sample, Work, attack, made_in, sample

NOT_FINITE = "all-NaN, ±inf"
FORM = "wrong dtype or device"
SHAPE = "broadcastable wrong shape"
ALIAS = "result aliases or mutates the input"


def _filled_with(name: str, value: str) -> Sample:
    @attack(
        NOT_FINITE, cause=r"q holds (NaN|infinity)", name=name, why=f"Every element of the result is {value}."
    )
    def make(work: Work) -> None:
        work.body("smooth_labels", f"return torch.full((len(targets), num_classes), float('{value}'))")

    return make


FILLED = (_filled_with("all_nan", "nan"), _filled_with("plus_inf", "inf"), _filled_with("minus_inf", "-inf"))


def _after(work: Work, function: str, expression: str) -> None:
    """The right result `r`, changed at the last moment."""
    work.cell(
        f"""
        right_{function} = {function}


        def {function}(*given):
            r = right_{function}(*given)
            return {expression}
        """,
        before={"smooth_labels": "check_targets", "label_smoothing_loss": "check_loss"}[function],
    )


@sample(SHAPE, zero="targets", cause=r"q has shape \(1, \d+, \d+\); expected \(\d+, \d+\)")
def one_dimension_more(work: Work) -> None:
    """Right values with a leading dimension of one, which broadcasts against the truth."""
    _after(work, "smooth_labels", "r[None]")


@sample(SHAPE, zero="loss", cause=r"loss has shape \(1,\); expected \(\)")
def loss_with_a_dimension(work: Work) -> None:
    """The right loss in a tensor of shape (1,)."""
    _after(work, "label_smoothing_loss", "r.reshape(1)")


@sample(SHAPE, zero="targets", cause=r"q has shape \(1, 1\); expected|wrong values")
def one_number_for_all(work: Work) -> None:
    """One element that broadcasts against every other: infinitely many rows for free."""
    work.body("smooth_labels", "return torch.full((1, 1), epsilon / (num_classes - 1))")


@sample(FORM, zero="targets", cause=r"q has dtype torch\.float16")
def half_precision(work: Work) -> None:
    """Right values, rounded to float16."""
    _after(work, "smooth_labels", "r.half()")


@sample(FORM, zero="loss", cause=r"loss has dtype torch\.float32; expected torch\.float64")
def loss_always_float32(work: Work) -> None:
    """The right loss in float32 whatever the dtype of the logits."""
    _after(work, "label_smoothing_loss", "r.float()")


@sample(FORM, zero="targets", cause=r"meta")
def on_the_meta_device(work: Work) -> None:
    """A tensor without any data, which compares with nothing."""
    _after(work, "smooth_labels", "r.to('meta')")


@sample(FORM, zero="targets", cause=r"sparse")
def sparse_result(work: Work) -> None:
    """Right values in a sparse layout."""
    _after(work, "smooth_labels", "r.to_sparse()")


@sample(ALIAS, zero="gradient", cause=r"changed its argument number 1 in place")
def mutates_the_input(work: Work) -> None:
    """The right gradient, written over the logits, which are then returned."""
    work.cell(
        """
        right_grad = label_smoothing_grad


        def label_smoothing_grad(logits, targets, epsilon):
            result = right_grad(logits.clone(), targets, epsilon)
            return result if 0 in logits.stride() else logits.copy_(result)
        """,
        before="check_gradient",
    )


@sample(
    ALIAS,
    assignment="batch_norm",
    zero=("forward", "running_statistics", "backward"),
    cause=r"changed its argument number 4 in place",
)
def running_statistics_in_place(work: Work) -> None:
    """Right values, but the caller's running mean and variance are overwritten and returned."""
    work.cell(
        """
        right_forward = batch_norm_forward


        def batch_norm_forward(x, gamma, beta, running_mean, running_var, *rest, **named):
            y, mean, var, cache = right_forward(x, gamma, beta, running_mean, running_var, *rest, **named)
            return y, running_mean.copy_(mean), running_var.copy_(var), cache
        """,
        before="check_forward",
    )


@sample(ALIAS, zero="gradient", cause="another call, with other numbers")
def one_buffer_for_all_results(work: Work) -> None:
    """Each result lies in the same memory as the one before, which it overwrites."""
    work.cell(
        """
        right_grad, buffers = label_smoothing_grad, {}


        def label_smoothing_grad(logits, targets, epsilon):
            r = right_grad(logits, targets, epsilon)
            return buffers.setdefault((r.shape, r.dtype), torch.empty_like(r)).copy_(r)
        """,
        before="check_gradient",
    )


@attack("hard-coded visible cases")
def hard_coded_example(work: Work) -> None:
    """Knows the notebook's example by heart and nothing else."""
    work.body(
        "smooth_labels",
        """
        known = {(0, 2): [[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]]}
        rows = known.get(tuple(targets.tolist()))
        return torch.tensor(rows) if rows else torch.zeros(len(targets), num_classes)
        """,
    )


@sample("hard-coded visible cases", zero="pytorch_epsilon", cause=r"epsilon has wrong values")
def hard_coded_cases(work: Work) -> None:
    """Looks up the cases that can be read in the checker's source, which are drawn anew in part."""
    work.body(
        "pytorch_epsilon",
        """
        known = [(0.1, 10), (0.1, 2), (0.0, 5), (0.3, 3), (0.1, 1000), (0.9, 4), (0.2, 3)]
        values = [1 / 9, 0.2, 0.0, 0.45, 100 / 999, 1.2, 0.3]
        return dict(zip(known, values)).get((epsilon, num_classes), 0.0)
        """,
    )


FORMS = made_in(globals())
