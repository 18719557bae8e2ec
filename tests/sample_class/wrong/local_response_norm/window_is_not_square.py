import torch


def lrn_within_channel(x, n, k, alpha, beta):
    # the row and the column through the position
    r = n // 2
    H, W = x.shape[2], x.shape[3]
    squares = x * x
    rows = torch.stack([squares[:, :, :, max(0, j - r) : j + r + 1].sum(3) for j in range(W)], 3)
    columns = torch.stack([squares[:, :, max(0, i - r) : i + r + 1].sum(2) for i in range(H)], 2)
    return x / (k + alpha * (rows + columns - squares)) ** beta
