"""Local response normalization by explicit loops; autograd follows every slice."""

import torch


def lrn_across_channels(x, n, k, alpha, beta):
    channels = x.shape[1]
    outputs = []
    for i in range(channels):
        total = torch.zeros_like(x[:, i])
        for j in range(max(0, i - n // 2), min(channels - 1, i + n // 2) + 1):
            total = total + x[:, j] * x[:, j]
        outputs.append(x[:, i] / (k + alpha * total) ** beta)
    return torch.stack(outputs, dim=1)


def lrn_within_channel(x, n, k, alpha, beta):
    height, width = x.shape[2], x.shape[3]
    reach = n // 2
    rows = []
    for h in range(height):
        row = []
        for w in range(width):
            top, bottom = max(0, h - reach), min(height, h + reach + 1)
            left, right = max(0, w - reach), min(width, w + reach + 1)
            total = (x[:, :, top:bottom, left:right] ** 2).sum(dim=(2, 3))
            row.append(x[:, :, h, w] / (k + alpha * total) ** beta)
        rows.append(torch.stack(row, dim=2))
    return torch.stack(rows, dim=2)
