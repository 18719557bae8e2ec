"""The training loop: one function, deterministic given a seed, that returns its history as a tidy table."""

from collections.abc import Callable, Iterable
from functools import partial

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.data import Split, batches
from cnnlab.errors import InputError

OptimizerFactory = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]
Loss = Callable[[Tensor, Tensor], Tensor]

sgd = partial(torch.optim.SGD, lr=0.05, momentum=0.9)


class Diverged(RuntimeError):
    """The loss left the finite numbers; `epoch` says when (counted from 1)."""

    def __init__(self, message: str, epoch: int) -> None:
        super().__init__(message, epoch)  # both, so that the exception survives a trip between processes
        self.epoch = epoch

    def __str__(self) -> str:
        return str(self.args[0])


def fit(
    model: nn.Module,
    train: Split,
    validation: Split,
    *,
    epochs: int = 20,
    batch_size: int = 50,
    optimizer: OptimizerFactory = sgd,
    loss: Loss = F.cross_entropy,
    seed: int = 0,
    device: str | torch.device | None = None,
) -> pd.DataFrame:
    """Train `model` in place and return what happened.

    The order of the batches comes from its own generator and everything the model draws (dropout masks)
    from torch's global one, seeded here and put back afterwards: two models with the same seed see the same
    batches even when only one of them draws random numbers.

    Args:
        optimizer: receives the model's parameters and returns an optimizer.
        loss: receives logits (B, K) and labels (B,) and returns the mean loss of the batch.
        device: CUDA when there is one, unless given.

    Returns:
        One row per epoch and split with the columns epoch, split, loss, accuracy; both splits are measured in
        evaluation mode at the end of each epoch, so they can be compared.

    Raises:
        Diverged: as soon as a loss is not finite.
    """
    if epochs < 1 or not len(train) or not len(validation):
        raise InputError(
            f"epochs, training and validation examples must each be at least 1; "
            f"got {epochs}, {len(train)} and {len(validation)}."
        )
    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    model.to(device)
    train = Split(train.images.to(device), train.labels.to(device))
    stepper = optimizer(model.parameters())
    order = torch.Generator().manual_seed(seed)
    rows: list[dict[str, float | str]] = []
    with (
        torch.random.fork_rng(devices=range(torch.cuda.device_count())),
        torch.backends.cudnn.flags(benchmark=False, deterministic=True),
    ):
        torch.manual_seed(seed)
        for epoch in range(1, epochs + 1):
            model.train()
            for step, (images, labels) in enumerate(
                batches(train, batch_size, shuffle=True, generator=order), 1
            ):
                stepper.zero_grad()
                value = loss(model(images), labels)
                if not torch.isfinite(value):
                    raise Diverged(
                        f"the training loss became {value.item()} at epoch {epoch}, step {step}; "
                        "try a lower learning rate.",
                        epoch,
                    )
                value.backward()
                stepper.step()
            for name, split in (("train", train), ("validation", validation)):
                mean_loss, accuracy = evaluate(model, split, loss=loss)
                if not torch.isfinite(torch.tensor(mean_loss)):
                    raise Diverged(f"the {name} loss became {mean_loss} after epoch {epoch}.", epoch)
                rows.append({"epoch": epoch, "split": name, "loss": mean_loss, "accuracy": accuracy})
    return pd.DataFrame(rows)


@torch.no_grad()
def evaluate(
    model: nn.Module, split: Split, *, loss: Loss = F.cross_entropy, batch_size: int = 1000
) -> tuple[float, float]:
    """Mean loss and accuracy of `model` on `split`, in evaluation mode; the model's mode is put back.

    Returns:
        Loss (mean per example) and accuracy (share of correct answers, 0 to 1).
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    total, correct = 0.0, 0
    for images, labels in batches(split, batch_size):
        logits, labels = model(images.to(device)), labels.to(device)
        total += loss(logits, labels).item() * len(labels)
        correct += int((logits.argmax(dim=1) == labels).sum())
    model.train(was_training)
    return total / len(split), correct / len(split)
