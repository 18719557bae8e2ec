"""Batch normalization of features (N × C) and of images (N × C × H × W)."""

import math

import torch

from cnnlab.reference.arguments import describe, floating, like, real, refuse


def batch_norm(
    x: torch.Tensor,
    gamma: torch.Tensor,
    beta: torch.Tensor,
    running_mean: torch.Tensor,
    running_var: torch.Tensor,
    *,
    training: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Normalise each channel, then scale by gamma and shift by beta.

    y = γ (x − μ) / √(σ² + ε) + β. In training μ and σ² are the batch's mean and *biased* variance over the
    m = N (or N·H·W) values of a channel, and the running statistics move towards the batch's:
    r ← (1 − momentum) r + momentum · s, where s is the mean, or the *unbiased* variance σ²·m/(m − 1).
    In evaluation μ and σ² are the running statistics, which stay as they are.

    Args:
        x: (N, C) or (N, C, H, W), floating point.
        gamma, beta, running_mean, running_var: (C,) on the device of x; not modified.
        momentum: the weight of the new batch, in [0, 1].
        eps: added to the variance under the root, at least 0.

    Returns:
        y with the shape, dtype and device of x; the new running mean and variance, (C,).

    Raises:
        ValueError: an argument out of range, or of the wrong shape, dtype or device; in training, fewer
            than two values per channel, which have no variance.

    Source: Ioffe and Szegedy 2015, "Batch normalization", algorithms 1 and 2; running variance as in
    `torch.nn.BatchNorm2d`.
    """
    floating("x", x, (2, 4))
    channels = x.shape[1]
    like("gamma", gamma, x, (channels,))
    like("beta", beta, x, (channels,))
    like("running_mean", running_mean, x, (channels,))
    like("running_var", running_var, x, (channels,))
    momentum = real("momentum", momentum, 0.0, 1.0, "a number in [0, 1]")
    eps = real("eps", eps, 0.0, math.inf, "a finite number of at least 0")
    if training and channels and x.numel() // channels < 2:
        refuse("x", describe(x), "at least two values per channel in training")
    mean, var = running_mean.detach().clone(), running_var.detach().clone()
    if not training and x.numel() == 0:
        return x, mean, var
    # Not F.batch_norm: it refuses eps = 0, which the formula allows.
    cudnn = torch.backends.cudnn.enabled
    y = torch.batch_norm(x, gamma, beta, mean, var, training, momentum, eps, cudnn)
    return y, mean, var
