"""Local response normalization with the window sums as convolutions with a kernel of ones."""

import torch
import torch.nn.functional as F


def lrn_across_channels(x, n, k, alpha, beta):
    reach = n // 2
    samples, channels, height, width = x.shape
    lines = x.square().permute(0, 2, 3, 1).reshape(-1, 1, channels)
    kernel = torch.ones(1, 1, 2 * reach + 1, dtype=x.dtype, device=x.device)
    sums = F.conv1d(lines, kernel, padding=reach)
    energy = sums.reshape(samples, height, width, channels).permute(0, 3, 1, 2)
    return x * (k + alpha * energy).pow(-beta)


def lrn_within_channel(x, n, k, alpha, beta):
    reach, channels = n // 2, x.shape[1]
    kernel = torch.ones(channels, 1, 2 * reach + 1, 2 * reach + 1, dtype=x.dtype, device=x.device)
    energy = F.conv2d(x.square(), kernel, padding=reach, groups=channels)
    return x * (k + alpha * energy).pow(-beta)
