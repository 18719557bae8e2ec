"""A function is called more than once: no call may reach into what another has given back."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from solved import functions_of, solution_source

from cnnlab.check import grade
from cnnlab.check.assignments import ASSIGNMENTS

# Their arguments are numbers, so nothing can be overwritten that one would notice, or what is kept is right.
WITHOUT_TENSORS = {
    "label_smoothing.pytorch_epsilon",
    "preprocessing.draw_crops",
    "preprocessing.draw_flips",
    "preprocessing.draw_rectangles",
    "tuning.cosine",
    "tuning.step",
    "tuning.log_uniform",
    "tuning.early_stopping",
    "tuning.next_range",
}


def into_buffers(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with results in memory that is used again for the next result of the same shape."""
    buffers: dict[Any, torch.Tensor] = {}

    def kept(place: int, value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        buffer = buffers.setdefault((place, value.shape, value.dtype), torch.empty_like(value))
        return buffer.copy_(value.detach())

    def called(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        parts = result if isinstance(result, tuple) else (result,)
        copies = tuple(kept(place, value) for place, value in enumerate(parts))
        return copies if isinstance(result, tuple) else copies[0]

    return called


def by_shape(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with a memory of what it gave for tensors of the same shapes."""
    known: dict[Any, Any] = {}

    def called(*args: Any, **kwargs: Any) -> Any:
        values = [*args, *kwargs.items()]
        key = tuple(repr(_shapes(value)) for value in values)
        if key not in known:
            known[key] = function(*args, **kwargs)
        return known[key]

    return called


def _shapes(value: Any) -> Any:
    if isinstance(value, list):
        return [_shapes(part) for part in value]
    return (value.shape, value.dtype) if isinstance(value, torch.Tensor) else value


@pytest.mark.parametrize("spoilt", [into_buffers, by_shape])
@pytest.mark.parametrize("assignment", sorted(ASSIGNMENTS))
def test_a_call_may_not_reach_into_another(assignment: str, spoilt: Callable[..., Any]) -> None:
    right = functions_of(solution_source(assignment), "solution")
    functions = {name: spoilt(right[name]) for name in ASSIGNMENTS[assignment].functions}
    for result in grade(assignment, functions, seed=0).results:
        assert not result.passed or result.name in WITHOUT_TENSORS, result.name


def test_the_message_says_that_once_it_is_right() -> None:
    right = functions_of(solution_source("batch_norm"), "solution")
    forward = into_buffers(right["batch_norm_forward"])
    result = grade("batch_norm", {"batch_norm_forward": forward}, seed=0).results[0]
    assert "right when the function is called only once; another call, with other numbers" in result.message
