import torch


def lrn_across_channels(x, n, k, alpha, beta):
    squares = x.detach() ** 2
    parts = []
    for i in range(x.shape[1]):
        parts.append(squares[:, max(0, i - n // 2) : i + n // 2 + 1].sum(1))
    return x / (k + alpha * torch.stack(parts, 1)) ** beta


def lrn_within_channel(x, n, k, alpha, beta):
    r = n // 2
    H, W = x.shape[2], x.shape[3]
    squares = x.detach() ** 2
    total = torch.zeros_like(squares)
    for i in range(H):
        for j in range(W):
            window = squares[:, :, max(0, i - r) : i + r + 1, max(0, j - r) : j + r + 1]
            total[:, :, i, j] = window.sum((2, 3))
    return x / (k + alpha * total) ** beta
