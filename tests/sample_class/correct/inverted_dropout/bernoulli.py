"""Inverted dropout with the mask drawn by torch.bernoulli; in evaluation the input itself comes back."""

import torch


def dropout_forward(x, p, training=True, generator=None):
    if not training:
        return x, None
    if p == 0:
        return x, None
    keep = torch.full(x.shape, 1.0 - p, device=x.device)
    mask = torch.bernoulli(keep, generator=generator).bool()
    if p == 1:
        return torch.zeros_like(x), mask
    return x.masked_fill(~mask, 0) / (1 - p), mask


def dropout_backward(grad_y, mask, p):
    if mask is None:
        return grad_y
    if p == 1:
        return torch.zeros_like(grad_y)
    return grad_y.masked_fill(~mask, 0) / (1 - p)
