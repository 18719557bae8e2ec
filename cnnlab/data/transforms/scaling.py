"""Centring and standardising: per channel, or per pixel with a mean image."""

import torch
from torch import Tensor

from cnnlab.data.transforms.fitted import Fitted
from cnnlab.errors import InputError, unknown

# Over which of (N, C, H, W) a statistic is taken; what is left is (C, 1, 1) or (C, H, W).
OVER = {"channel": (0, 2, 3), "pixel": (0,)}
EPSILON = 1e-6  # added to the standard deviation. Source: S0


class Centre(Fitted):
    """Subtract the training images' mean.

    Args:
        per: "channel", one number per colour; "pixel", the mean image.

    Source: per channel Simonyan & Zisserman 2015 (VGG); the mean image Krizhevsky et al. 2012 (AlexNet).
    """

    mean: Tensor

    def __init__(self, per: str = "channel") -> None:
        super().__init__()
        if per not in OVER:
            raise unknown("kind of statistics", per, OVER)
        self.per = per
        self.register_buffer("mean", torch.empty(0))

    def _measure(self, images: Tensor) -> dict[str, Tensor]:
        return {"mean": images.mean(dim=OVER[self.per], keepdim=True)[0]}

    def forward(self, x: Tensor) -> Tensor:
        """(…, C, H, W) to the same shape."""
        self._require_fit()
        wanted = self.mean.shape
        if x.ndim < 3 or x.shape[-3] != wanted[0] or (self.per == "pixel" and x.shape[-3:] != wanted):
            kind = f"{wanted[0]} channels" if self.per == "channel" else f"shape {tuple(wanted)}"
            raise InputError(
                f"{type(self).__name__} was fitted on images of {kind}; these are {tuple(x.shape)}."
            )
        return x - self.mean


class Standardise(Centre):
    """Subtract the training images' mean and divide by their standard deviation plus 1e-6.

    The variance is the biased one, as in NumPy and scikit-learn. With "pixel", a pixel that is the same in
    all training images is divided by 1e-6: if it differs in a test image, its value becomes huge.

    Args:
        per: "channel" (ResNet's) or "pixel".
    """

    std: Tensor

    def __init__(self, per: str = "channel") -> None:
        super().__init__(per)
        self.register_buffer("std", torch.empty(0))

    def _measure(self, images: Tensor) -> dict[str, Tensor]:
        std = images.std(dim=OVER[self.per], keepdim=True, correction=0)[0]
        return super()._measure(images) | {"std": std}

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) / (self.std + EPSILON)
