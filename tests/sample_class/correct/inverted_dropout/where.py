"""Inverted dropout with torch.where, which never multiplies by the infinite scale of p = 1."""

import torch


def dropout_forward(x, p, training=True, generator=None):
    if training and p > 0:
        mask = torch.rand(x.size(), generator=generator, device=x.device).ge(p)
        keep = max(1 - p, torch.finfo(x.dtype).tiny)
        return torch.where(mask, x / keep, 0.0), mask
    return x + 0, None


def dropout_backward(grad_y, mask, p):
    if mask is None:
        return grad_y + 0
    keep = max(1 - p, torch.finfo(grad_y.dtype).tiny)
    return torch.where(mask, grad_y / keep, 0.0)
