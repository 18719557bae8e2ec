"""Inverted dropout with the mask saved from torch.rand_like, or from the generator when there is one."""

import torch


def dropout_forward(x, p, training=True, generator=None):
    if not training or p == 0:
        return x.clone(), None
    if generator is None:
        uniform = torch.rand_like(x)
    else:
        uniform = torch.rand(x.shape, dtype=x.dtype, device=x.device, generator=generator)
    mask = uniform >= p
    y = x.clone()
    y[~mask] = 0
    y[mask] *= 1 / (1 - p) if p != 1 else 0
    return y, mask


def dropout_backward(grad_y, mask, p):
    grad_x = grad_y.clone()
    if mask is not None:
        grad_x[~mask] = 0
        grad_x[mask] *= 1 / (1 - p) if p != 1 else 0
    return grad_x
