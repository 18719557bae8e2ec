"""Two brands of cars, drawn: the story of a network that learned the direction in place of the brand."""

from functools import partial

import torch
from torch import Tensor

from cnnlab.data.arguments import share, whole
from cnnlab.data.load import Dataset, Split

SIDE = 32
BRANDS = ("Ford", "Chevrolet")
LEFT, RIGHT = -1, 1


def cars(
    seed: int = 0, *, train_size: int = 200, validation: int = 200, test: int = 1000, cue: float = 1.0
) -> Dataset:
    """Drawn cars, 1×32×32, seen from the side. A Chevrolet has two side windows, a Ford has one.

    Among the training and the validation images every Ford faces left and every Chevrolet right, as where
    each brand was photographed in one place; among the test images either may face either way.

    Args:
        cue: share of the training and validation images whose direction follows from the brand; the other
            ones face either way.

    Source: the example of the two brands is told in S0 and S4; the drawings are ours.
    """
    share("cue", cue)
    sizes = {"train": train_size, "validation": validation, "test": test}
    parts = {}
    for number, (part, size) in enumerate(sizes.items()):
        generator = torch.Generator().manual_seed(3 * whole("seed", seed, 0) + number)
        brands = torch.arange(whole(part, size, 2)) % 2
        brands = brands[torch.randperm(size, generator=generator)]
        either = torch.randint(2, (size,), generator=generator)
        follows = torch.rand(size, generator=generator) < (0.0 if part == "test" else cue)
        parts[part] = Split(draw(brands, torch.where(follows, brands, either), generator), brands, part)
    return Dataset("cars", BRANDS, **parts)


def draw(brands: Tensor, facing: Tensor, generator: torch.Generator) -> Tensor:
    """Cars as images (N, 1, 32, 32) in [0, 1]: dark on light, each at a place and in a shade of its own.

    Args:
        brands: (N,) 0 for a Ford, 1 for a Chevrolet. facing: (N,) 0 for left, 1 for right.
    """
    N = len(brands)
    uniform = partial(torch.rand, N, 1, 1, generator=generator)
    row, column = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    y = row - 16 - 8 * (uniform() - 0.5)  # (N, 32, 32), from the middle of the car, down
    x = (column - 15.5 - 8 * (uniform() - 0.5)) * (2 * facing - 1).view(-1, 1, 1)  # towards its front
    body = (x.abs() < 11) & (y > 0) & (y < 5)
    cabin = (x > -10 - 0.3 * y) & (x < 4 + 0.5 * y) & (y > -7) & (y <= 0)  # its back and its front slope
    wheels = ((x.abs() - 6.5) ** 2 + (y - 5.5) ** 2) < 6
    window = (x > -7) & (x < 0.5) & (y > -5.5) & (y < -1)
    pillar = window & ((x + 3.25).abs() < 1.1) & (brands.view(-1, 1, 1) == 1)
    light = 0.75 + 0.2 * uniform()
    shade = 0.15 + 0.35 * uniform()
    image = torch.where(body | cabin, shade, light.expand(N, SIDE, SIDE))
    image = torch.where(window & ~pillar, light, image)
    image = torch.where(wheels, torch.zeros(()), image)
    noise = 0.06 * torch.randn(N, SIDE, SIDE, generator=generator)
    return (image + noise).clamp(0, 1).unsqueeze(1)
