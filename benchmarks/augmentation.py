"""Images per second of pad-crop-flip-erase: the batch at once against torchvision image by image, in one run.

    python benchmarks/augmentation.py

Both have the same distribution (tests/data/transforms). The aim is a factor of at least 5 on the CPU for the
images of the course, on one thread and in processor time, since others may use the cores. What the batch
saves is the cost of a call per image and step; large images, whose pixels cost more than the calls, gain
little, and are shown for comparison. With a CUDA device a second table has the time
on the clock of the batch on the device, against image by image on the CPU plus the transfer.
"""

import statistics
import sys
import time
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torchvision.transforms import v2

from cnnlab.data.transforms import CropFlipErase, EachImage

AIM = 5.0
PAIRS = 7
SHAPES = ((128, 1, 28, 28), (128, 3, 32, 32), (32, 3, 96, 96))
LARGE = 32  # sides above this one are not part of the aim
Augment = Callable[[Tensor, torch.Generator], Tensor]


def seconds(augment: Augment, images: Tensor, passes: int, clock: Callable[[], float]) -> float:
    generator = torch.Generator().manual_seed(0)
    start = clock()
    for _ in range(passes):
        result = augment(images, generator)
    if result.is_cuda:
        torch.cuda.synchronize()
    return (clock() - start) / passes


def library(side: int) -> v2.Transform:
    steps = [v2.RandomCrop(side, padding=4), v2.RandomHorizontalFlip(), v2.RandomErasing(0.5)]
    return v2.Compose(steps)


def compare(device: str) -> float:
    """Prints a table; the lowest of the median ratios."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    table = Table("N×C×H×W", "one by one, images/s", "batch, images/s", "ratio, median", "lowest", "highest")
    table.title = f"{device}, {PAIRS} pairs, one thread"
    worst = float("inf")
    for N, C, H, W in SHAPES:
        images = torch.rand(N, C, H, W)
        each, batch = EachImage(library(H)), CropFlipErase(4, 0.5, 0.5)
        moved = images.to(device)
        one: Augment = lambda x, g, each=each: each(x, g).to(device)  # type: ignore[misc]  # noqa: E731
        seconds(one, images, 1, clock), seconds(batch, moved, 3, clock)
        pairs = [(seconds(one, images, 2, clock), seconds(batch, moved, 50, clock)) for _ in range(PAIRS)]
        ratios = [slow / fast for slow, fast in pairs]
        rates = [f"{N / statistics.median(times):,.0f}" for times in zip(*pairs, strict=True)]
        spread = [f"{value:.1f}" for value in (statistics.median(ratios), min(ratios), max(ratios))]
        table.add_row("×".join(map(str, images.shape)), *rates, *spread)
        if H <= LARGE:
            worst = min(worst, statistics.median(ratios))
    Console(file=sys.stdout).print(table)
    return worst


def main() -> int:
    torch.set_num_threads(1)
    worst = compare("cpu")
    if torch.cuda.is_available():
        compare("cuda")
    return worst < AIM


if __name__ == "__main__":
    sys.exit(main())
