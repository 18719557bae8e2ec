"""What `fit` costs over a bare PyTorch loop that does the same: the same batches, steps and measurements.

    python benchmarks/training.py

Both run in turn, several times, on one thread; the ratio is taken within each pair, and its median counts.
The aim is at most 5 %. The weights are compared at the end, so that the two loops are known to do the same.
"""

import statistics
import sys
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from cnnlab.data import Dataset, load
from cnnlab.models import build, initialise
from cnnlab.training import fit

PAIRS = 15
EPOCHS = 6
AIM = 1.05
MODELS: dict[str, dict[str, object]] = {
    "mlp": {"hidden": (128, 128)},
    "cnn": {"channels": (8, 16), "norm": "batch"},
}


def bare(model: nn.Module, data: Dataset, epochs: int, batch_size: int) -> None:
    """The loop as one writes it into a notebook."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    order = torch.Generator().manual_seed(0)
    images, labels = data.train.images, data.train.labels
    for _ in range(epochs):
        model.train()
        for index in torch.randperm(len(labels), generator=order).split(batch_size):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images[index]), labels[index])
            loss.backward()
            optimizer.step()
        measure(model, images, labels)
        measure(model, data.validation.images, data.validation.labels)


@torch.no_grad()
def measure(model: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, float]:
    model.eval()
    total, correct = 0.0, 0
    for start in range(0, len(labels), 250):  # as many at a time as `evaluate` takes
        part = labels[start : start + 250]
        logits = model(images[start : start + 250])
        total += F.cross_entropy(logits, part).item() * len(part)
        correct += int((logits.argmax(dim=1) == part).sum())
    return total / len(labels), correct / len(labels)


def ours(model: nn.Module, data: Dataset, epochs: int, batch_size: int) -> None:
    def optimizer(parameters: object) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, lr=0.01, momentum=0.9)  # type: ignore[arg-type]

    fit(
        model,
        data.train,
        data.validation,
        epochs=epochs,
        batch_size=batch_size,
        optimizer=optimizer,
        device="cpu",
        progress=False,
    )


def seconds(loop: Callable[..., None], name: str, data: Dataset) -> tuple[float, nn.Module]:
    model = build(name, **MODELS[name])
    initialise(model, seed=0)
    start = time.process_time()  # of this process alone: others share the cores
    loop(model, data, epochs=EPOCHS, batch_size=50)
    return time.process_time() - start, model


def main() -> int:
    torch.set_num_threads(1)
    data = load("mnist-5k")
    table = Table(
        "network",
        "bare s",
        "fit s",
        "ratio, median",
        "lowest",
        "highest",
        title=f"{PAIRS} pairs, {EPOCHS} epochs",
    )
    worst = 0.0
    for name in MODELS:
        seconds(ours, name, data), seconds(bare, name, data)
        pairs = []
        for number in range(PAIRS):
            first, second = (bare, ours) if number % 2 else (ours, bare)
            times = {loop: seconds(loop, name, data) for loop in (first, second)}
            pairs.append((times[bare][0], times[ours][0]))
            for a, b in zip(times[bare][1].parameters(), times[ours][1].parameters(), strict=True):
                assert torch.equal(a, b), "the two loops do not do the same"
        ratios = [b / a for a, b in pairs]
        worst = max(worst, statistics.median(ratios))
        medians = [f"{statistics.median(column):.2f}" for column in zip(*pairs, strict=True)]
        spread = [f"{value:.3f}" for value in (statistics.median(ratios), min(ratios), max(ratios))]
        table.add_row(name, *medians, *spread)
    Console(file=sys.stdout).print(table)
    return worst > AIM


if __name__ == "__main__":
    sys.exit(main())
