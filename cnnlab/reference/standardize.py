"""Standardisation of images by the statistics of their channels."""

import math

import torch

from cnnlab.reference.arguments import describe, floating, like, real, refuse


def fit_standardization(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean and the standard deviation of each channel.

    Both are taken over the m = N·H·W values of a channel. The standard deviation is the root of the mean
    squared deviation, without Bessel's correction: it describes these images and estimates nothing.

    Args:
        images: (N, C, H, W), floating point: the *training* images, and no others.

    Returns:
        mean, std: (C,) each, with the dtype and device of the images.

    Raises:
        ValueError: not images, or no value per channel.
    """
    floating("images", images, (4,))
    if images.numel() == 0:
        refuse("images", describe(images), "at least one value per channel")
    std, mean = torch.std_mean(images, dim=(0, 2, 3), correction=0)
    return mean, std


def standardize(
    images: torch.Tensor, mean: torch.Tensor, std: torch.Tensor, eps: float = 1e-6
) -> torch.Tensor:
    """Shift and scale each channel by statistics that were fitted before: (x − mean) / (std + eps).

    Args:
        images: (N, C, H, W), floating point; training, validation or test images.
        mean, std: (C,) on the device of the images, from `fit_standardization` on the training images.
        eps: added to the standard deviation, at least 0, so that a constant channel gives 0.

    Returns:
        A tensor with the shape, dtype and device of the images.

    Raises:
        ValueError: an argument out of range, or of the wrong shape, dtype or device.
    """
    floating("images", images, (4,))
    channels = images.shape[1]
    like("mean", mean, images, (channels,))
    like("std", std, images, (channels,))
    eps = real("eps", eps, 0.0, math.inf, "a finite number of at least 0")
    return (images - mean[:, None, None]) / (std[:, None, None] + eps)
