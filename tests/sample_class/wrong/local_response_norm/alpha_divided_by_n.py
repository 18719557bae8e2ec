import torch


def lrn_across_channels(x, n, k, alpha, beta):
    C = x.shape[1]
    squares = x * x
    total = torch.zeros_like(x)
    for i in range(C):
        for j in range(max(0, i - n // 2), min(C, i + n // 2 + 1)):
            total[:, i] = total[:, i] + squares[:, j]
    return x / (k + alpha / n * total) ** beta
