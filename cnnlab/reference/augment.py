"""Random crops, flips and erased rectangles: what is drawn, and how a draw is applied.

Drawing and applying are separate functions, so that one draw can be applied to an image and to the mask or
the boxes that belong to it, and so that each can be checked by itself.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F

from cnnlab.reference.arguments import describe, floating, integer, real, refuse


def draw_crops(n: int, padding: int, generator: torch.Generator | None = None) -> torch.Tensor:
    """Where to crop n images: row and column, each uniform on 0, 1, …, 2·padding.

    Returns:
        (n, 2), int64, on the generator's device; on the CPU without one.

    Raises:
        ValueError: an argument out of range.
    """
    n, padding = integer("n", n, 0), integer("padding", padding, 0)
    return torch.randint(2 * padding + 1, (n, 2), generator=generator, device=_device(generator))


def crop(images: torch.Tensor, padding: int, offsets: torch.Tensor) -> torch.Tensor:
    """Pad with zeros on every side, then cut out each image's window of the original size.

    Args:
        images: (N, C, H, W), floating point.
        padding: pixels on each side, at least 0.
        offsets: (N, 2), int64, the window's upper left corner in the padded image: row and column, in
            [0, 2·padding]. (padding, padding) gives the image itself.

    Returns:
        A tensor with the shape, dtype and device of the images.

    Raises:
        ValueError: an argument out of range, or of the wrong shape or dtype.
    """
    floating("images", images, (4,))
    padding = integer("padding", padding, 0)
    _integers("offsets", offsets, (len(images), 2), 0, 2 * padding)
    padded = F.pad(images, (padding,) * 4)
    height, width = images.shape[2:]
    windows = [
        padded[number, :, top : top + height, left : left + width]
        for number, (top, left) in enumerate(offsets.tolist())
    ]
    return torch.stack(windows) if windows else images.clone()


def draw_flips(n: int, p: float, generator: torch.Generator | None = None) -> torch.Tensor:
    """Which of n images to flip: each by itself, with probability p.

    Returns:
        (n,), bool, on the generator's device; on the CPU without one.

    Raises:
        ValueError: an argument out of range.
    """
    n, p = integer("n", n, 0), real("p", p, 0.0, 1.0, "a number in [0, 1]")
    empty = torch.empty(n, dtype=torch.bool, device=_device(generator))
    return empty.bernoulli_(p, generator=generator)


def flip(images: torch.Tensor, flips: torch.Tensor) -> torch.Tensor:
    """Mirror left and right, where `flips` is True.

    Args:
        images: (N, C, H, W), floating point.
        flips: (N,), bool, on the device of the images.

    Returns:
        A tensor with the shape, dtype and device of the images.

    Raises:
        ValueError: an argument of the wrong shape or dtype.
    """
    floating("images", images, (4,))
    if not isinstance(flips, torch.Tensor) or flips.dtype != torch.bool or flips.shape != images.shape[:1]:
        found = describe(flips) if isinstance(flips, torch.Tensor) else f"of type {type(flips).__name__}"
        refuse("flips", found, f"a bool tensor of shape {(len(images),)}")
    return torch.where(flips[:, None, None, None], torch.fliplr(images.movedim(3, 1)).movedim(1, 3), images)


def rectangle_size(height: int, width: int, area: float, ratio: float) -> tuple[int, int]:
    """Height and width of a rectangle with a given share of the image's area and a given height / width.

    h = √(area·H·W·ratio) and w = √(area·H·W / ratio), rounded; at least 1, at most the image's.

    Raises:
        ValueError: an argument out of range.

    Source: Zhong et al. 2020, "Random erasing data augmentation", algorithm 1.
    """
    height, width = integer("height", height, 1), integer("width", width, 1)
    area = real("area", area, 0.0, 1.0, "a number in [0, 1]")
    ratio = real("ratio", ratio, 1e-9, 1e9, "a number above 0")
    pixels = area * height * width
    rows, columns = round(math.sqrt(pixels * ratio)), round(math.sqrt(pixels / ratio))
    return min(max(rows, 1), height), min(max(columns, 1), width)


def draw_rectangles(
    n: int, height: int, width: int, area: float, ratio: float, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Which rectangle to erase in each of n images: all of one size, each place in the image equally likely.

    Zhong et al. draw area and ratio as well; here they are given, see `rectangle_size`.

    Returns:
        (n, 4), int64: top, left, height, width; on the generator's device, on the CPU without one.

    Raises:
        ValueError: an argument out of range.
    """
    n = integer("n", n, 0)
    rows, columns = rectangle_size(height, width, area, ratio)
    where: dict[str, Any] = {"generator": generator, "device": _device(generator)}
    top = torch.randint(height - rows + 1, (n,), **where)
    left = torch.randint(width - columns + 1, (n,), **where)
    return torch.stack([top, left, torch.full_like(top, rows), torch.full_like(left, columns)], dim=1)


def erase(images: torch.Tensor, rectangles: torch.Tensor, value: float = 0.0) -> torch.Tensor:
    """Put one value into a rectangle of each image, in every channel.

    Args:
        images: (N, C, H, W), floating point.
        rectangles: (N, 4), int64: top, left, height, width; inside the image.
        value: what to put there.

    Returns:
        A tensor with the shape, dtype and device of the images.

    Raises:
        ValueError: an argument out of range, or of the wrong shape or dtype; a rectangle that sticks out.
    """
    floating("images", images, (4,))
    height, width = images.shape[2:]
    _integers("rectangles", rectangles, (len(images), 4), 0, max(height, width))
    value = real("value", value, -math.inf, math.inf, "a finite number")
    erased = images.clone()
    for number, (top, left, rows, columns) in enumerate(rectangles.tolist()):
        if top + rows > height or left + columns > width:
            refuse("rectangles", f"[{top}, {left}, {rows}, {columns}] in row {number}", "inside the image")
        erased[number, :, top : top + rows, left : left + columns] = value
    return erased


def mixup(
    images: torch.Tensor,
    labels: torch.Tensor,
    partners: torch.Tensor,
    weights: torch.Tensor,
    num_classes: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mix each image with its partner, and their one-hot labels with the same weights.

    x̃_i = λ_i x_i + (1 − λ_i) x_j and q̃_i = λ_i e(y_i) + (1 − λ_i) e(y_j), with j = partners[i] and e(y)
    the one-hot vector of class y.

    Args:
        images: (N, C, H, W), floating point.
        labels: (N,), int64, in [0, num_classes).
        partners: (N,), int64, in [0, N).
        weights: λ, (N,), floating point, in [0, 1].
        num_classes: K, at least 2.

    Returns:
        The mixed images, like the images, and the mixed labels, (N, K), with the dtype of the images.

    Raises:
        ValueError: an argument out of range, or of the wrong shape or dtype.

    Source: Zhang et al. 2018, "mixup: beyond empirical risk minimization", equation 1.
    """
    floating("images", images, (4,))
    num_classes = integer("num_classes", num_classes, 2)
    _integers("labels", labels, (len(images),), 0, num_classes - 1)
    _integers("partners", partners, (len(images),), 0, len(images) - 1)
    floating("weights", weights, (1,))
    if weights.shape != labels.shape:
        refuse("weights", describe(weights), f"of shape {tuple(labels.shape)}")
    share = weights.to(images.dtype)
    one_hot = F.one_hot(labels, num_classes).to(images.dtype)
    mixed = torch.lerp(images[partners], images, share[:, None, None, None])
    return mixed, torch.lerp(one_hot[partners], one_hot, share[:, None])


def _device(generator: torch.Generator | None) -> torch.device:
    return torch.device("cpu") if generator is None else generator.device


def _integers(name: str, tensor: object, shape: tuple[int, ...], low: int, high: int) -> None:
    """Refuse what is not an int64 tensor of `shape` with values from low to high, both included."""
    allowed = f"an int64 tensor of shape {shape} with values from {low} to {high}"
    if not isinstance(tensor, torch.Tensor):
        refuse(name, f"of type {type(tensor).__name__}", allowed)
    if tensor.dtype != torch.int64 or tuple(tensor.shape) != shape:
        refuse(name, describe(tensor), allowed)
    if tensor.numel() and (int(tensor.min()) < low or int(tensor.max()) > high):
        worst = int(tensor.min()) if int(tensor.min()) < low else int(tensor.max())
        refuse(name, f"a tensor that holds {worst}", allowed)
