"""AlexNet's colour offset: a shift along the directions in which the training colours vary."""

import torch
from torch import Tensor

from cnnlab.data.arguments import refused
from cnnlab.data.transforms.fitted import Fitted
from cnnlab.errors import InputError


class ColourOffset(Fitted):
    """Add P (α₁λ₁, α₂λ₂, α₃λ₃)ᵀ to every pixel of an image, α drawn for each image anew from N(0, std²).

    P and λ are eigenvectors and eigenvalues of the 3×3 covariance of the training images' RGB values. The
    offset scales with the *square* of the pixels' unit: with 0 … 255 instead of 0 … 1 it would be 255 times
    as large against the range, so std belongs to one unit. For `fit(augment=…)`.

    Source: Krizhevsky et al. 2012, section 4.1, with std 0.1.
    """

    directions: Tensor
    variances: Tensor

    def __init__(self, std: float = 0.1) -> None:
        super().__init__()
        if not std >= 0:
            raise refused("std", std, "a number of at least 0")
        self.std = std
        self.register_buffer("directions", torch.empty(0))
        self.register_buffer("variances", torch.empty(0))

    def _measure(self, images: Tensor) -> dict[str, Tensor]:
        if images.shape[1] != 3:
            raise InputError(f"ColourOffset needs images with 3 channels; these have {images.shape[1]}.")
        colours = images.transpose(0, 1).flatten(1)  # (3, N·H·W)
        variances, directions = torch.linalg.eigh(torch.cov(colours, correction=0))
        return {"directions": directions, "variances": variances.clamp(min=0)}

    def forward(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(N, 3, H, W) to the same shape."""
        self._require_fit()
        alpha = self.std * torch.randn(len(images), 3, generator=generator, device=generator.device)
        offset = (alpha.to(self.variances) * self.variances) @ self.directions.T  # (N, 3)
        return images + offset.to(images)[:, :, None, None]
