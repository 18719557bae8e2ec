"""The text of a verdict is an interface: what was asked, what came back, where, how far off, why."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from solved import Functions

from cnnlab.check import CheckFailed, check, grade


def failing(assignment: str, functions: Functions, part: int = 0) -> str:
    result = grade(assignment, functions, seed=7).results[part]
    assert not result.passed
    assert result.points == 0
    return result.message


def bn(**changed: object) -> Callable[..., object]:
    """A batch norm that returns these in place of its results."""

    def batch_norm_forward(  # type: ignore[no-untyped-def]
        x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5
    ):
        given = {"y": x, "mean": running_mean, "var": running_var, "cache": None}
        given |= {key: value(x) if callable(value) else value for key, value in changed.items()}
        return tuple(given.values())

    return batch_norm_forward


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda *a, **k: None, r"returned None; expected 4 values \(y, new_running_mean, "),
        (lambda *a, **k: (1, 2), "returned 2 values; expected 4 values"),
        (lambda x, *a, **k: x, r"returned a tensor of shape \(8, 5\); expected 4 values"),
        (bn(y=lambda x: x.numpy()), "y is a ndarray; expected a tensor"),
        (bn(y=lambda x: torch.nn.Parameter(x)), "y is a Parameter; expected a tensor"),
        (bn(y=lambda x: x.to_sparse()), "y is a torch.Tensor with layout torch.sparse_coo"),
        (bn(y=None), "y is None; expected a tensor"),
        (bn(y=lambda x: x[:1]), r"y has shape \(1, 5\); expected \(8, 5\)"),
        (bn(y=lambda x: x.double()), r"y has dtype torch.float64; expected torch.float32"),
        (bn(y=lambda x: x.to("meta")), "y is a torch.Tensor with layout torch.strided on meta"),
        (bn(y=lambda x: x / 0), r"y holds .*infinity"),
        (bn(y=lambda x: x * float("nan")), r"y holds NaN\.(.|\n)*40 of 40 elements"),
    ],
)
def test_structure_type_shape_dtype_finiteness_in_this_order(
    function: Callable[..., object], fragment: str
) -> None:
    assert re.search(fragment, failing("batch_norm", {"batch_norm_forward": function}))


def test_wrong_values_say_where_and_how_far() -> None:
    message = failing("batch_norm", {"batch_norm_forward": bn()})
    for fragment in (
        "y has wrong values.",
        "asked    batch_norm_forward(<float32 (8, 5)>, <float32 (5,)>",
        "case     training, x (8, 5), eps = 1e-05",
        "differs  40 of 40 elements (100 %)",
        "off by",
        "relative error",
        "allowed",
        "in torch.float32",
        "first    [0, 0] got",
        'read     the chapter "Batch normalization" of the course book',
    ):
        assert fragment in message
    assert message.count("got") == 6  # the worst, and the first five


def test_an_exception_is_named_with_the_line_that_raised_it() -> None:
    def batch_norm_forward(*args, **kwargs):  # type: ignore[no-untyped-def]
        return torch.zeros(2) + torch.zeros(3)

    message = failing("batch_norm", {"batch_norm_forward": batch_norm_forward})
    assert "batch_norm_forward raised RuntimeError: The size of tensor" in message
    assert "of batch_norm_forward: return torch.zeros(2) + torch.zeros(3))" in message


def test_leaving_the_program_is_an_error_like_any_other() -> None:
    def pytorch_epsilon(epsilon: float, num_classes: int) -> float:
        raise SystemExit

    assert "raised SystemExit" in failing("label_smoothing", {"pytorch_epsilon": pytorch_epsilon}, part=3)


def test_side_effects_are_named(solution: Callable[[str], Functions]) -> None:
    right = solution("label_smoothing")["label_smoothing_loss"]

    def overwrites(logits, targets, epsilon):  # type: ignore[no-untyped-def]
        loss = right(logits, targets, epsilon)
        logits += 1
        return loss

    def seeds(logits, targets, epsilon):  # type: ignore[no-untyped-def]
        torch.manual_seed(0)
        return right(logits, targets, epsilon)

    def sets_dtype(logits, targets, epsilon):  # type: ignore[no-untyped-def]
        torch.set_default_dtype(torch.float64)
        return right(logits, targets, epsilon)

    def stops_gradients(logits, targets, epsilon):  # type: ignore[no-untyped-def]
        torch.set_grad_enabled(False)
        return right(logits, targets, epsilon)

    for function, fragment in (
        (overwrites, "label_smoothing_loss changed its argument number 1 in place"),
        (seeds, "label_smoothing_loss changed torch's global random state"),
        (sets_dtype, "label_smoothing_loss changed torch's default dtype"),
        (stops_gradients, "label_smoothing_loss changed torch's grad mode"),
    ):
        assert fragment in failing("label_smoothing", {"label_smoothing_loss": function}, part=1)
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()


def test_the_notebook_table_says_the_same_and_shows_where() -> None:
    report = grade("batch_norm", {"batch_norm_forward": bn()}, seed=7)
    page = replace(report, results=report.results[:1])._repr_mimebundle_()["text/html"]
    assert "<caption" in page
    assert 'scope="row"' in page
    assert "y has wrong values." in page
    assert 'role="img" aria-label="Errors in y[:, :]: 40 of 40 shown elements are off by more' in page
    assert page.count('<td style="width') == 8 * 5


def test_text_from_a_student_is_inert_in_the_table() -> None:
    def pytorch_epsilon(epsilon: float, num_classes: int) -> float:
        raise ValueError("<script>alert(1)</script>")

    report = grade("label_smoothing", {"pytorch_epsilon": pytorch_epsilon}, seed=1)
    page = report._repr_mimebundle_()["text/html"]
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_check_raises_with_the_whole_message() -> None:
    head = re.escape("FAILED  batch_norm.forward  0 of 3 points\n  y has wrong values.")
    with pytest.raises(CheckFailed, match=head):
        check("batch_norm.forward", bn(), seed=7)
    with pytest.raises(AssertionError):
        check("batch_norm.forward", bn())


def test_check_says_that_it_passed(
    solution: Callable[[str], Functions], capsys: pytest.CaptureFixture[str]
) -> None:
    right = solution("label_smoothing")
    assert check("label_smoothing.targets", right["smooth_labels"]) is None  # type: ignore[func-returns-value]
    assert capsys.readouterr().out == "passed  label_smoothing.targets  3 of 3 points\n"


def test_what_was_rounded_to_float32_is_told(solution: Callable[[str], Functions]) -> None:
    """Got and expected look the same in six digits."""
    right = solution("preprocessing")["erase"]

    def erase(images, rectangles, value=0.0):  # type: ignore[no-untyped-def]
        inside = right(torch.zeros_like(images), rectangles, 1.0) > 0
        return images * ~inside + value * inside  # a number times a bool tensor is float32

    results = grade("preprocessing", {"erase": erase}, seed=7).results
    message = next(result.message for result in results if result.name == "preprocessing.erase")
    assert "right to about seven digits, as float32 has" in message


def named(assignment: str, part: str, **functions: object) -> str | None:
    """The misconception that the part's message names."""
    results = grade(assignment, functions, seed=7).results
    return next(result.misconception for result in results if result.name == f"{assignment}.{part}")


def test_what_came_back_as_another_type_is_no_known_mistake() -> None:
    assert named("tuning", "cosine", cosine_schedule=lambda *a, **k: torch.tensor(0.1)) is None
    assert named("tuning", "step", step_schedule=lambda *a, **k: torch.tensor(0.1)) is None


def test_another_dtype_is_no_known_mistake(solution: Callable[[str], Functions]) -> None:
    right = solution("label_smoothing")["smooth_labels"]
    assert named("label_smoothing", "targets", smooth_labels=lambda *args: right(*args).double()) is None


def test_a_mistake_that_an_earlier_case_refutes_is_not_named(solution: Callable[[str], Functions]) -> None:
    right = solution("batch_norm")["batch_norm_forward"]

    def forward(x, gamma, beta, mean, var, training=True, momentum=0.9, eps=1e-5):  # type: ignore[no-untyped-def]
        return right(x, gamma, beta, mean, var, training, momentum, eps)

    assert named("batch_norm", "running_statistics", batch_norm_forward=forward) is None


def test_the_same_mask_is_said_only_of_the_same_mask(solution: Callable[[str], Functions]) -> None:
    right = solution("inverted_dropout")["dropout_forward"]

    def by_size(x, p, training=True, generator=None):  # type: ignore[no-untyped-def]
        y, mask = right(x, p, training, generator)
        if mask is None or mask.ndim != 2 or not 0 < p < 1:
            return y, mask
        mask = torch.where(torch.arange(x.shape[1]) < x.shape[1] // 2, mask, x > 0)
        return x * mask / (1 - p), mask

    assert named("inverted_dropout", "randomness", dropout_forward=by_size) != "fixed_seed"


def test_random_results_are_not_said_to_be_right_once(solution: Callable[[str], Functions]) -> None:
    right = solution("inverted_dropout")["dropout_forward"]

    def by_row(x, p, training=True, generator=None):  # type: ignore[no-untyped-def]
        y, mask = right(x, p, training, generator)
        if mask is None or x.ndim < 2:
            return y, mask
        mask = mask[:, :1].expand(x.shape).clone()
        return torch.where(mask, x / (1 - p), torch.zeros_like(x)), mask

    assert "called only once" not in failing("inverted_dropout", {"dropout_forward": by_row}, 1)
