"""Bad input, seeds, and functions that are missing or broken."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from solved import Functions

from cnnlab.check import check, grade
from cnnlab.check.assignments import ASSIGNMENTS
from cnnlab.errors import InputError


def nothing(*args: object) -> None:
    """Returns None, whatever is asked."""


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: grade("batchnorm", {}), "unknown assignment 'batchnorm'. Did you mean 'batch_norm'?"),
        (lambda: grade("resnet", {}), "Known: batch_norm, inverted_dropout, label_smoothing, local_r"),
        (
            lambda: check("batch_norm.foward", nothing),
            "unknown part of batch_norm 'foward'. Did you mean 'forw",
        ),
        (lambda: check("batch_norm", nothing), "unknown part of batch_norm ''. Known: backward, evaluation,"),
        (
            lambda: check("batch_norm.backward", nothing),
            "takes 2 function(s), batch_norm_forward, batch_norm_backward, in this order; got 1",
        ),
        (lambda: grade("batch_norm", {}, devices=["tpu"]), "unknown device 'tpu'"),
        (lambda: grade("batch_norm", {}, devices=[]), "devices is empty"),
        (lambda: grade("batch_norm", {}, seed=-1), "seed is -1; it must be a non-negative int"),
        (lambda: grade("batch_norm", {}, seed="a"), "seed is 'a'"),
    ],
)
def test_bad_input_is_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)


def test_a_missing_function_costs_its_own_checks_only(solution: Callable[[str], Functions]) -> None:
    given = solution("label_smoothing")
    del given["label_smoothing_loss"]
    given["label_smoothing_grad"] = 3  # type: ignore[assignment]
    report = grade("label_smoothing", given)
    assert [r.points for r in report.results] == [3, 0, 0, 2]
    assert report.results[1].message == "label_smoothing_loss is missing."
    assert report.results[2].message == "label_smoothing_grad is not a function."


def test_the_same_seed_asks_the_same(solution: Callable[[str], Functions]) -> None:
    """Also of a dropout that draws from the global state, and whatever was drawn before."""
    wrong = {"batch_norm_forward": lambda x, *a, **k: (x, a[2], a[3], None)}
    first = grade("batch_norm", wrong, seed=5)
    torch.rand(3)
    assert grade("batch_norm", wrong, seed=5) == first
    assert grade("batch_norm", wrong, seed=6).results != first.results
    assert grade("batch_norm", wrong).seed != grade("batch_norm", wrong).seed


def test_the_callers_random_state_stays(solution: Callable[[str], Functions]) -> None:
    torch.manual_seed(8)
    np.random.seed(8)
    expected = torch.rand(2), np.random.rand(2)
    torch.manual_seed(8)
    np.random.seed(8)
    grade("inverted_dropout", solution("inverted_dropout"))
    assert torch.equal(torch.rand(2), expected[0])
    assert np.array_equal(np.random.rand(2), expected[1])


def test_on_every_device(solution: Callable[[str], Functions], device: str) -> None:
    for assignment in ASSIGNMENTS:
        assert grade(assignment, solution(assignment), devices=[device]).passed


def test_results_in_grad_mode_off(solution: Callable[[str], Functions]) -> None:
    with torch.no_grad():
        assert grade("local_response_norm", solution("local_response_norm")).passed
