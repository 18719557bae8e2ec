"""Local response normalization with band matrices: entry (i, j) is 1 where j lies in the window of i."""

import torch


def _band(size, n, like):
    ones = torch.ones(size, size, dtype=like.dtype, device=like.device)
    return ones.triu(-(n // 2)).tril(n // 2)


def lrn_across_channels(x, n, k, alpha, beta):
    energy = torch.einsum("ij,njhw->nihw", _band(x.shape[1], n, x), x * x)
    return x * torch.pow(k + alpha * energy, -beta)


def lrn_within_channel(x, n, k, alpha, beta):
    rows, columns = _band(x.shape[2], n, x), _band(x.shape[3], n, x)
    energy = torch.einsum("ab,ncbd,de->ncae", rows, x * x, columns)
    return x * torch.pow(k + alpha * energy, -beta)
