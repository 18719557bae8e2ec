"""Local response normalization on overlapping windows: zeros around, then a view made by as_strided."""

import torch


def _window_sums(values, dim, reach):
    """The sum over 2·reach + 1 neighbours along one dimension; beyond the border there are zeros."""
    shape = list(values.shape)
    shape[dim] = reach
    border = values.new_zeros(shape)
    padded = torch.cat([border, values, border], dim=dim).contiguous()
    sizes, strides = list(values.shape), list(padded.stride())
    windows = padded.as_strided([*sizes, 2 * reach + 1], [*strides, strides[dim]])
    return windows.sum(-1)


def lrn_across_channels(x, n, k, alpha, beta):
    energy = _window_sums(x.pow(2), 1, n // 2)
    return x / torch.pow(k + alpha * energy, beta)


def lrn_within_channel(x, n, k, alpha, beta):
    energy = _window_sums(_window_sums(x.pow(2), 2, n // 2), 3, n // 2)
    return x / torch.pow(k + alpha * energy, beta)
