"""Loss and accuracy of a network on a split, and what measuring needs."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.data import Split, batches
from cnnlab.errors import InputError

Loss = Callable[[Tensor, Tensor], Tensor]


def device_of(model: nn.Module) -> torch.device:
    """Where the model's parameters are; the CPU for a model that has none."""
    return next((value.device for value in model.parameters()), torch.device("cpu"))


def refuse_labels(logits: Tensor, loss: Loss, *splits: Split) -> None:
    """Raise `InputError` for class labels that the network has no output for.

    On the CPU torch would say "Target 10 is out of bounds"; on CUDA the process could not go on.
    """
    if loss is not F.cross_entropy or logits.ndim != 2:
        return
    K = logits.shape[1]
    for split in splits:
        wrong = (split.labels < 0) | (split.labels >= K)
        if not split.labels.is_floating_point() and wrong.any():
            position = int(wrong.nonzero()[0, 0])
            raise InputError(
                f"{int(wrong.sum())} of {len(split)} labels are out of range, the first at position "
                f"{position}: {int(split.labels[position])}. The network has {K} outputs, so labels are "
                f"whole numbers from 0 to {K - 1}; give it more outputs or correct the labels."
            )


@contextmanager
def in_evaluation(*models: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards every part of a model has its own mode back."""
    modes = [(part, part.training) for model in models for part in model.modules()]
    for model in models:
        model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, mode in modes:
            part.training = mode


def evaluate(
    model: nn.Module, split: Split, *, loss: Loss = F.cross_entropy, batch_size: int = 250
) -> tuple[float, float]:
    """Mean loss and accuracy of `model` on `split`, in evaluation mode; the model's mode is put back.

    Args:
        batch_size: 250 small images keep the activations in a processor's cache; on a GPU more is faster.

    Returns:
        Loss (mean per example) and accuracy (share of correct answers, 0 to 1).
    """
    device = device_of(model)
    total, correct = 0.0, 0
    with in_evaluation(model):
        for images, labels in batches(split, batch_size):
            logits, labels = model(images.to(device)), labels.to(device)
            total += loss(logits, labels).item() * len(labels)
            correct += int((logits.argmax(dim=1) == labels).sum())
    return total / len(split), correct / len(split)


def test_time_probabilities(model: nn.Module, views: Iterable[Tensor]) -> Tensor:
    """The mean over several views of the same images of the softmax outputs, (N, K), in evaluation mode.

    Args:
        views: each (N, C, H, W), for example from `cnnlab.data.transforms.ten_crops`.
    """
    total, count = torch.zeros(()), 0
    with in_evaluation(model):
        for view in views:
            total, count = total + model(view.to(device_of(model))).softmax(dim=1).cpu(), count + 1
    if not count:
        raise InputError("there is no view to predict from; give at least one batch of images.")
    return total / count


test_time_probabilities.__test__ = False  # type: ignore[attr-defined]  # not one of pytest's
