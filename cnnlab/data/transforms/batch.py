"""Augmentation of a whole batch at once, on the device where it lies, each image with its own draw.

The draws come from a generator on the CPU, so they are the same numbers whatever the device; only they, a few
per image, travel to it. The distributions are those of torchvision's transforms of the same names.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnlab.data.arguments import refused, share, whole
from cnnlab.errors import InputError, unknown

Augment = Callable[[Tensor, torch.Generator], Tensor]
# What F.pad calls the modes that torchvision calls constant, edge, reflect.
PADDING = {"constant": "constant", "edge": "replicate", "reflect": "reflect"}
ERASE_TRIES = 10  # rectangles tried until one fits into the image. Source: torchvision's RandomErasing


def random_crop(
    images: Tensor, generator: torch.Generator, padding: int = 4, *, mode: str = "constant", fill: float = 0.0
) -> Tensor:
    """Pad each image by `padding` on every side and cut out its old size at a place of its own.

    Args:
        images: (N, C, H, W).
        mode: what the border holds: "constant" (`fill`), "edge" or "reflect".
    """
    N, _, H, W = images.shape
    options = {"value": fill} if mode == "constant" else {}
    padded = F.pad(images, 4 * [padding], mode=PADDING[mode], **options)
    places = torch.randint(2 * padding + 1, (2, N), generator=generator, device=generator.device)
    top, left = places.to(images.device)
    # All (2p+1)² crops as a view that copies nothing; indexing then copies the N that were drawn.
    views = padded.unfold(2, H, 1).unfold(3, W, 1)  # (N, C, 2p+1, 2p+1, H, W)
    return views[torch.arange(N, device=images.device), :, top, left]


def random_flip(
    images: Tensor, generator: torch.Generator, p: float = 0.5, *, vertical: bool = False
) -> Tensor:
    """Mirror each image with probability p: left and right change places, or top and bottom."""
    chosen = torch.rand(len(images), generator=generator, device=generator.device) < p
    index = chosen.nonzero().flatten().to(images.device)
    result = images.clone()
    result[index] = images[index].flip(-2 if vertical else -1)
    return result


def random_erase(
    images: Tensor,
    generator: torch.Generator,
    p: float = 0.5,
    *,
    area: tuple[float, float] = (0.02, 0.33),
    ratio: tuple[float, float] = (0.3, 3.3),
    value: float | str = 0.0,
) -> Tensor:
    """Overwrite, with probability p, a rectangle of each image.

    Args:
        area: least and largest share of the image that is asked for; uniform between them.
        ratio: least and largest height over width; its logarithm is uniform between theirs.
        value: what is written, or "random" for standard normal noise.

    Source: Zhong et al. 2020, "Random Erasing Data Augmentation", algorithm 1; details as torchvision's.
    """
    N, _, H, W = images.shape
    u = torch.rand(5, N, ERASE_TRIES, generator=generator, device=generator.device, dtype=torch.float64)
    asked = H * W * (area[0] + (area[1] - area[0]) * u[0])
    low, high = torch.tensor(ratio, dtype=torch.float64).log()
    shape = (low + (high - low) * u[1]).exp()
    height, width = (asked * shape).sqrt().round(), (asked / shape).sqrt().round()
    fits = (height < H) & (width < W)
    first = fits.int().argmax(dim=1, keepdim=True)  # the first try that fits; the first of all if none does
    top, left = (u[2] * (H - height + 1)).floor(), (u[3] * (W - width + 1)).floor()
    chosen = fits.any(dim=1) & (u[4, :, 0] < p)
    edges = torch.stack([top, top + height, left, left + width]).gather(2, first.expand(4, N, 1))
    edges = torch.where(chosen.unsqueeze(1), edges, 0.0).to(torch.int32).to(images.device)  # (4, N, 1)
    rows, columns = (torch.arange(side, device=images.device) for side in (H, W))
    erased_rows = (rows >= edges[0]) & (rows < edges[1])  # (N, H)
    erased_columns = (columns >= edges[2]) & (columns < edges[3])  # (N, W)
    mask = (erased_rows[:, :, None] & erased_columns[:, None, :]).unsqueeze(1)  # (N, 1, H, W)
    if value == "random":
        noise = torch.randn(images.shape, generator=generator, device=generator.device)
        return torch.where(mask, noise.to(images), images)
    return images.masked_fill(mask, float(value))


@dataclass(frozen=True)
class CropFlipErase:
    """Padded random crop, horizontal flip and random erasing in one call, for `fit(augment=…)`.

    Args:
        padding: pixels added on every side before the crop; 0 for no crop.
        flip: probability of the mirror image. Set 0 where it would change the label.
        erase: probability of an erased rectangle, 0 for none.
        mode, fill: of the padding; see `random_crop`.
        area, ratio, value: of the erasing; see `random_erase`.

    Raises:
        InputError: a value is out of its range, or `padding` is too large for the images.
    """

    padding: int = 4
    flip: float = 0.5
    erase: float = 0.0
    mode: str = "constant"
    fill: float = 0.0
    area: tuple[float, float] = (0.02, 0.33)
    ratio: tuple[float, float] = (0.3, 3.3)
    value: float | str = 0.0

    def __post_init__(self) -> None:
        whole("padding", self.padding, 0)
        share("flip", self.flip)
        share("erase", self.erase)
        if self.mode not in PADDING:
            raise unknown("padding mode", self.mode, PADDING)
        if not 0 <= self.area[0] <= self.area[1] <= 1:
            raise refused("area", self.area, "two shares, 0 ≤ low ≤ high ≤ 1")
        if not 0 < self.ratio[0] <= self.ratio[1]:
            raise refused("ratio", self.ratio, "two ratios, 0 < low ≤ high")
        if isinstance(self.value, str) and self.value != "random":
            raise refused("value", self.value, "a number or 'random'")

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        if images.ndim != 4:
            raise InputError(f"images are (N, C, H, W); these are {tuple(images.shape)}.")
        if self.padding:
            if self.mode == "reflect" and self.padding >= min(images.shape[-2:]):
                raise refused("padding", self.padding, f"below {min(images.shape[-2:])} to reflect")
            images = random_crop(images, generator, self.padding, mode=self.mode, fill=self.fill)
        if self.flip:
            images = random_flip(images, generator, self.flip)
        if self.erase:
            images = random_erase(
                images, generator, self.erase, area=self.area, ratio=self.ratio, value=self.value
            )
        return images


def chain(*augmentations: Augment) -> Augment:
    """One augmentation out of several, in order."""

    def augment(images: Tensor, generator: torch.Generator) -> Tensor:
        for one in augmentations:
            images = one(images, generator)
        return images

    return augment
