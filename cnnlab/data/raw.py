"""What a source hands over."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Raw:
    """A dataset as it is stored, before any split.

    Args:
        classes: the K classes' names.
        images: (N, C, H, W) uint8.
        labels: (N,) int64 in 0 … K−1.
        peak: the pixel value that stands for 1.
        test: official test images and labels, of the same kind, where there are such.
    """

    classes: tuple[str, ...]
    images: Tensor
    labels: Tensor
    peak: int
    test: tuple[Tensor, Tensor] | None = None
