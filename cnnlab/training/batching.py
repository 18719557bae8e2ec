"""Batches as batch norm needs them."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from cnnlab.data import Split, batches


def passes(
    model: nn.Module, split: Split, batch_size: int, order: torch.Generator | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """One pass over a split, in random order when `order` is given.

    One value has no variance: a last batch of a single image is left out when the model has batch norm. In
    random order another image is left out in each pass.
    """
    single = _leaves_one_out(model, split, batch_size)
    return batches(split, batch_size, shuffle=order is not None, generator=order, drop_last=single)


def steps_per_pass(model: nn.Module, split: Split, batch_size: int) -> int:
    """How many batches `passes` gives."""
    return math.ceil(len(split) / batch_size) - _leaves_one_out(model, split, batch_size)


def _leaves_one_out(model: nn.Module, split: Split, batch_size: int) -> bool:
    normalised = any(isinstance(part, _BatchNorm) for part in model.modules())
    return normalised and len(split) > batch_size > 1 and len(split) % batch_size == 1
