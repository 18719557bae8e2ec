"""Local response normalization with the window sums as average pooling times the size of the window."""

import torch.nn.functional as F


def lrn_across_channels(x, n, k, alpha, beta):
    reach = n // 2
    size = 2 * reach + 1
    depth = F.pad((x**2).unsqueeze(1), (0, 0, 0, 0, reach, reach))  # (N, 1, C + 2·reach, H, W)
    mean = F.avg_pool3d(depth, (size, 1, 1), stride=1)
    return x / (k + alpha * size * mean.squeeze(1)) ** beta


def lrn_within_channel(x, n, k, alpha, beta):
    reach = n // 2
    size = 2 * reach + 1
    energy = F.avg_pool2d(x**2, size, stride=1, padding=reach, divisor_override=1)
    return x / (k + alpha * energy) ** beta
