"""Loss and accuracy of a network on a split, and what measuring needs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.data import Split, batches

Loss = Callable[[Tensor, Tensor], Tensor]


def device_of(model: nn.Module) -> torch.device:
    """Where the model's parameters are; the CPU for a model that has none."""
    return next((value.device for value in model.parameters()), torch.device("cpu"))


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
