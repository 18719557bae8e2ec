"""Local response normalization by distance: all pairs of positions, and a mask of those that are near."""

import torch


def _near(size, n, device):
    index = torch.arange(size, device=device)
    return (index[:, None] - index[None, :]).abs() <= n // 2


def lrn_across_channels(x, n, k, alpha, beta):
    squares = x.square().unsqueeze(1)  # (N, 1, C, H, W)
    near = _near(x.shape[1], n, x.device)[None, :, :, None, None]  # (1, C, C, 1, 1)
    return x / (k + alpha * (squares * near).sum(2)) ** beta


def lrn_within_channel(x, n, k, alpha, beta):
    squares = x.square()
    near_rows = _near(x.shape[2], n, x.device)[:, :, None]  # (H, H, 1)
    near_columns = _near(x.shape[3], n, x.device)  # (W, W)
    by_rows = (squares.unsqueeze(2) * near_rows).sum(3)  # (N, C, H, W)
    energy = (by_rows.unsqueeze(3) * near_columns).sum(4)
    return x / (k + alpha * energy) ** beta
