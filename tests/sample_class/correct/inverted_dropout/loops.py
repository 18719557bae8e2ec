"""Inverted dropout, one element after the other, in Python numbers."""

import torch


def dropout_forward(x, p, training=True, generator=None):
    if not training or p == 0:
        return x.clone(), None
    draws = torch.rand(x.numel(), generator=generator, device=x.device).tolist()
    values, kept = [], []
    for value, draw in zip(x.flatten().tolist(), draws, strict=True):
        keep = draw >= p
        kept.append(keep)
        values.append(value / (1 - p) if keep else 0.0)
    y = torch.tensor(values, dtype=x.dtype, device=x.device).reshape(x.shape)
    return y, torch.tensor(kept, dtype=torch.bool, device=x.device).reshape(x.shape)


def dropout_backward(grad_y, mask, p):
    if mask is None:
        return grad_y.clone()
    values = []
    for value, keep in zip(grad_y.flatten().tolist(), mask.flatten().tolist(), strict=True):
        values.append(value / (1 - p) if keep and p < 1 else 0.0)
    return torch.tensor(values, dtype=grad_y.dtype, device=grad_y.device).reshape(grad_y.shape)
