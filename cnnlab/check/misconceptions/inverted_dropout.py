"""Wrong dropouts that people write.

Each takes an extra keyword `mask`: the mask of the answer under judgement, so that its numbers can be
compared; without it the mask is drawn.
"""

from collections.abc import Callable
from typing import Any

import torch

from cnnlab import reference
from cnnlab.check import bernoulli
from cnnlab.check.catalogue import Misconception

Tensor = torch.Tensor
_ALL = ("forward", "randomness")


def _draw(x: Tensor, keep: float, generator: torch.Generator | None, mask: object) -> Tensor:
    """The replayed mask if it can be one, else a fresh one."""
    if isinstance(mask, Tensor) and mask.shape == x.shape:
        return mask.bool()
    return torch.empty(x.shape, dtype=torch.bool, device=x.device).bernoulli_(keep, generator=generator)


def _forward(
    x: Tensor,
    p: float,
    training: bool = True,
    generator: torch.Generator | None = None,
    *,
    mask: object = None,
) -> tuple[Tensor, Tensor | None]:
    if not training or p == 0:
        return reference.inverted_dropout(x, p, training=False), None
    kept = _draw(x, 1 - p, generator, mask)
    if p == 1:
        kept = torch.zeros_like(kept)
    return reference.inverted_dropout(x, p, mask=kept), kept


def _backward(grad_y: Tensor, mask: Tensor | None, p: float) -> Tensor:
    if mask is None:
        return grad_y
    return reference.inverted_dropout(grad_y, p, mask=mask)


RIGHT: dict[str, Callable[..., Any]] = {"dropout_forward": _forward, "dropout_backward": _backward}


def _rescaled(factor: Callable[[float, Tensor], Any]) -> Callable[..., Any]:
    """A forward pass whose training result is the right one times factor(p, mask)."""

    def forward(
        x: Tensor, p: float, training: bool = True, generator: Any = None, *, mask: object = None
    ) -> tuple[Tensor, Tensor | None]:
        y, kept = _forward(x, p, training, generator, mask=mask)
        return (y, None) if kept is None else (y * factor(p, kept), kept)

    return forward


def _reported(change: Callable[[Tensor, float, Tensor], Tensor]) -> Callable[..., Any]:
    """A forward pass that reports change(mask, p, y) as its mask."""

    def forward(
        x: Tensor, p: float, training: bool = True, generator: Any = None, *, mask: object = None
    ) -> tuple[Tensor, Tensor | None]:
        y, kept = _forward(x, p, training, generator, mask=mask)
        return (y, None) if kept is None else (y, change(kept, p, y))

    return forward


def _drawn(draw: Callable[[Tensor, float, torch.Generator | None], Tensor]) -> Callable[..., Any]:
    """A forward pass whose mask is drawn by draw(x, p, generator), and never replayed."""

    def forward(
        x: Tensor, p: float, training: bool = True, generator: Any = None, *, mask: object = None
    ) -> tuple[Tensor, Tensor | None]:
        if not training or p in (0, 1):
            return _forward(x, p, training, generator)
        return _forward(x, p, training, generator, mask=draw(x, p, generator))

    return forward


def _one_mask_per_batch(x: Tensor, p: float, generator: torch.Generator | None) -> Tensor:
    return _draw(x[:1], 1 - p, generator, None).expand_as(x).clone()


def _whole_channels(x: Tensor, p: float, generator: torch.Generator | None) -> Tensor:
    coarse = x if x.ndim < 3 else x[(slice(None), slice(None), *([slice(0, 1)] * (x.ndim - 2)))]
    return _draw(coarse, 1 - p, generator, None).expand_as(x).clone()


def _exact_fraction(x: Tensor, p: float, generator: torch.Generator | None) -> Tensor:
    order = torch.randperm(x.numel(), generator=generator, device=x.device)
    return (order >= round(p * x.numel())).reshape(x.shape)


def _fixed_seed(x: Tensor, p: float, generator: torch.Generator | None) -> Tensor:
    return _draw(x, 1 - p, torch.Generator(x.device).manual_seed(0), None)


def _generator_ignored(x: Tensor, p: float, generator: torch.Generator | None) -> Tensor:
    return _draw(x, 1 - p, None, None)


def _reseeds_generator(x: Tensor, p: float, generator: torch.Generator | None) -> Tensor:
    if generator is not None:
        generator.manual_seed(generator.initial_seed())
    return _draw(x, 1 - p, generator, None)


def _reseeds_globally(x: Tensor, p: float, generator: torch.Generator | None) -> Tensor:
    seed = int(torch.randint(2**31, (), generator=generator, device=x.device))
    torch.manual_seed(seed)
    return _draw(x, 1 - p, None, None)


def _require_rate(mask: object, keep: float) -> None:
    """Refuse to be compared with a mask that was clearly drawn at another rate.

    Dividing by p is one mistake if 1 − p of the elements are kept, and another if p of them are.
    """
    if isinstance(mask, Tensor) and mask.dtype == torch.bool and not bernoulli.plausible(mask, keep):
        raise ValueError("another rate")


def _keep_probability(
    x: Tensor, p: float, training: bool = True, generator: Any = None, *, mask: object = None
) -> tuple[Tensor, Tensor | None]:
    _require_rate(mask, p)
    return _forward(x, 1 - p, training, generator, mask=mask)


def _scaled_by_p(
    x: Tensor, p: float, training: bool = True, generator: Any = None, *, mask: object = None
) -> tuple[Tensor, Tensor | None]:
    _require_rate(mask, 1 - p)
    y, kept = _forward(x, p, training, generator, mask=mask)
    return (y, None) if kept is None else (y * ((1 - p) / p if p else 1.0), kept)


def _mask_inverted(
    x: Tensor, p: float, training: bool = True, generator: Any = None, *, mask: object = None
) -> tuple[Tensor, Tensor | None]:
    y, kept = _forward(x, p, training, generator, mask=~mask.bool() if isinstance(mask, Tensor) else None)
    return y, None if kept is None else ~kept


def _keep_probability_mask(
    x: Tensor, p: float, training: bool = True, generator: Any = None, *, mask: object = None
) -> tuple[Tensor, Tensor | None]:
    if not training:
        return x, None
    kept = _draw(x, p, generator, mask)
    return _forward(x, p, training, generator, mask=kept)


def _drops_in_evaluation(
    x: Tensor, p: float, training: bool = True, generator: Any = None, *, mask: object = None
) -> tuple[Tensor, Tensor | None]:
    return _forward(x, p, True, generator, mask=mask)


def _scales_in_evaluation(
    x: Tensor, p: float, training: bool = True, generator: Any = None, *, mask: object = None
) -> tuple[Tensor, Tensor | None]:
    y, kept = _forward(x, p, training, generator, mask=mask)
    return (y, kept) if training else (y * (1 - p), None)


def _mask_in_evaluation(
    x: Tensor, p: float, training: bool = True, generator: Any = None, *, mask: object = None
) -> tuple[Tensor, Tensor | None]:
    y, kept = _forward(x, p, training, generator, mask=mask)
    return y, torch.ones_like(x, dtype=torch.bool) if not training else kept


def _p_one(
    x: Tensor, p: float, training: bool = True, generator: Any = None, *, mask: object = None
) -> tuple[Tensor, Tensor | None]:
    y, kept = _forward(x, p, training, generator, mask=mask)
    return (y / 0 if training and p == 1 else y), kept


def _in_place(
    x: Tensor, p: float, training: bool = True, generator: Any = None, *, mask: object = None
) -> tuple[Tensor, Tensor | None]:
    y, kept = _forward(x, p, training, generator, mask=mask)
    return (y, kept) if kept is None else (x.copy_(y), kept)


def _all_kept(x: Tensor, p: float, generator: torch.Generator | None) -> Tensor:
    return torch.ones_like(x, dtype=torch.bool)


def _backward_by(change: Callable[[Tensor, Tensor, float], Tensor]) -> Callable[..., Any]:
    """A backward pass that is change(grad_y, mask, p) in training and right in evaluation."""

    def backward(grad_y: Tensor, mask: Tensor | None, p: float) -> Tensor:
        return grad_y if mask is None else change(grad_y, mask, p)

    return backward


def _needs_mask(grad_y: Tensor, mask: Tensor | None, p: float) -> Tensor:
    return grad_y / (1 - p) if mask is None else _backward(grad_y, mask, p)


def _wrong(name: str, title: str, why: str, parts: tuple[str, ...], **functions: Any) -> Misconception:
    return Misconception(name, title, why, functions, parts)


MISCONCEPTIONS = (
    _wrong(
        "p_is_keep_probability",
        "p was taken as the probability of keeping an element",
        "In this course, as in PyTorch, p is the probability of dropping; CS231n's notes use the other one.",
        _ALL,
        dropout_forward=_keep_probability,
    ),
    _wrong(
        "keep_probability_in_mask",
        "the mask keeps an element with probability p, while the scale is 1 / (1 − p)",
        "An element is kept where a uniform number is at least p, not where it is below p.",
        _ALL,
        dropout_forward=_keep_probability_mask,
    ),
    _wrong(
        "no_scaling",
        "the kept elements were not scaled",
        "Without 1 / (1 − p) the expectation shrinks to (1 − p)·x, and evaluation sees larger inputs than "
        "training did; that is classic dropout, which pays for it at every inference.",
        ("forward", "randomness"),
        dropout_forward=_rescaled(lambda p, mask: 1 - p),
    ),
    _wrong(
        "scaled_by_p",
        "the kept elements were divided by p",
        "A share 1 − p of the elements stays, so 1 / (1 − p) makes up for the loss.",
        ("forward", "randomness"),
        dropout_forward=_scaled_by_p,
    ),
    _wrong(
        "multiplied_by_keep",
        "the kept elements were multiplied by 1 − p",
        "The scale makes up for what is dropped, so it is larger than 1; (1 − p) belongs to classic dropout, "
        "at evaluation.",
        ("forward", "randomness"),
        dropout_forward=_rescaled(lambda p, mask: (1 - p) ** 2),
    ),
    _wrong(
        "scaled_twice",
        "the kept elements were scaled twice",
        "The scale stands either in the mask or in the product, not in both.",
        ("forward", "randomness"),
        dropout_forward=_rescaled(lambda p, mask: 1 / (1 - p) if p < 1 else 1.0),
    ),
    _wrong(
        "scaled_by_observed_share",
        "the kept elements were divided by the share that happened to be kept",
        "The scale is the constant 1 / (1 − p); dividing by the observed share ties the elements together.",
        ("forward", "randomness"),
        dropout_forward=_rescaled(lambda p, mask: (1 - p) / mask.double().mean().clamp_min(1e-30)),
    ),
    _wrong(
        "nothing_dropped",
        "nothing was dropped: the mask keeps every element",
        "In training each element is dropped with probability p.",
        _ALL,
        dropout_forward=_drawn(_all_kept),
    ),
    _wrong(
        "p_one_divides_by_zero",
        "p = 1 divided by zero",
        "1 / (1 − p) is infinite for p = 1, and 0·∞ is NaN; all is dropped, so the result is zero.",
        ("forward",),
        dropout_forward=_p_one,
    ),
    _wrong(
        "mask_inverted",
        "the mask is True where an element was dropped",
        "The contract's mask is True where an element is kept.",
        _ALL,
        dropout_forward=_mask_inverted,
    ),
    _wrong(
        "mask_holds_scale",
        "the mask holds 0 and 1 / (1 − p) instead of True and False",
        "The contract's mask is a bool tensor; the scale is applied to the values.",
        _ALL,
        dropout_forward=_reported(lambda mask, p, y: mask / (1 - p) if p < 1 else mask * 1.0),
    ),
    _wrong(
        "mask_is_float",
        "the mask is a floating-point tensor",
        "The contract's mask is a bool tensor: True where an element is kept.",
        _ALL,
        dropout_forward=_reported(lambda mask, p, y: mask.float()),
    ),
    _wrong(
        "mask_from_output",
        "the mask was read off the result, as y ≠ 0",
        "An activation that was zero before dropout, as half of them are after a ReLU, then counts as "
        "dropped.",
        ("randomness",),
        dropout_forward=_reported(lambda mask, p, y: y != 0),
    ),
    _wrong(
        "one_mask_per_batch",
        "one mask was drawn for the whole batch",
        "Every sample needs its own mask, so that a step averages over many thinned networks.",
        ("randomness",),
        dropout_forward=_drawn(_one_mask_per_batch),
    ),
    _wrong(
        "whole_channels",
        "whole channels were dropped together",
        "That is Dropout2d; this assignment drops each element by itself.",
        ("randomness",),
        dropout_forward=_drawn(_whole_channels),
    ),
    _wrong(
        "exact_fraction",
        "exactly the share p was dropped",
        "The elements are then not independent; each is to be dropped by its own draw.",
        ("randomness",),
        dropout_forward=_drawn(_exact_fraction),
    ),
    _wrong(
        "fixed_seed",
        "every call draws the same mask",
        "A mask that is drawn once trains one thinned network; do not seed inside the function.",
        ("randomness",),
        dropout_forward=_drawn(_fixed_seed),
    ),
    _wrong(
        "generator_ignored",
        "the generator was not used",
        "Pass `generator` on to the call that draws, or nobody can repeat a run.",
        ("randomness",),
        dropout_forward=_drawn(_generator_ignored),
    ),
    _wrong(
        "reseeds_generator",
        "the generator was seeded again inside the function",
        "The caller owns the generator; drawing from it moves it on, and the next call gets a new mask.",
        ("randomness",),
        dropout_forward=_drawn(_reseeds_generator),
    ),
    _wrong(
        "reseeds_globally",
        "the global random state was used or seeded, though a generator was given",
        "It changes what every other part of the program draws next; draw from `generator` alone.",
        ("randomness",),
        dropout_forward=_drawn(_reseeds_globally),
    ),
    _wrong(
        "drops_in_evaluation",
        "elements were dropped in evaluation as well",
        "With training=False the layer is the identity; `training` was not looked at.",
        ("evaluation",),
        dropout_forward=_drops_in_evaluation,
    ),
    _wrong(
        "scales_in_evaluation",
        "the result was multiplied by 1 − p in evaluation",
        "Inverted dropout scales in training, so that nothing is left to do in evaluation.",
        ("evaluation",),
        dropout_forward=_scales_in_evaluation,
    ),
    _wrong(
        "mask_in_evaluation",
        "a mask was returned in evaluation",
        "Nothing is dropped there, and the contract says None.",
        ("evaluation",),
        dropout_forward=_mask_in_evaluation,
    ),
    _wrong(
        "in_place",
        "the input was overwritten",
        "Other layers may still need it, for example a residual connection or the backward pass.",
        _ALL,
        dropout_forward=_in_place,
    ),
    _wrong(
        "backward_without_scale",
        "the gradient was masked but not scaled",
        "y = x·m / (1 − p), so the factor 1 / (1 − p) stays in the derivative.",
        ("backward",),
        dropout_backward=_backward_by(lambda g, mask, p: g * mask),
    ),
    _wrong(
        "backward_without_mask",
        "the gradient was scaled but not masked",
        "A dropped element does not influence y, so its gradient is 0.",
        ("backward",),
        dropout_backward=_backward_by(lambda g, mask, p: g / (1 - p) if p < 1 else g),
    ),
    _wrong(
        "backward_is_identity",
        "the gradient was passed through unchanged",
        "A dropped element does not influence y, so its gradient is 0; a kept one has slope 1 / (1 − p).",
        ("backward",),
        dropout_backward=_backward_by(lambda g, mask, p: g),
    ),
    _wrong(
        "backward_scaled_by_p",
        "the gradient was divided by p",
        "The forward pass divides by 1 − p, and so does its derivative.",
        ("backward",),
        dropout_backward=_backward_by(lambda g, mask, p: g * mask / p if p else g * mask),
    ),
    _wrong(
        "backward_scaled_twice",
        "the gradient was scaled twice",
        "The derivative holds the factor 1 / (1 − p) once.",
        ("backward",),
        dropout_backward=_backward_by(lambda g, mask, p: g * mask / (1 - p) ** 2 if p < 1 else g * 0),
    ),
    _wrong(
        "backward_scales_without_mask",
        "the gradient was scaled although nothing had been dropped (mask None)",
        "Where the forward pass is the identity, so is the backward pass.",
        ("backward",),
        dropout_backward=_needs_mask,
    ),
)
