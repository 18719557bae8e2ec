"""Inverted dropout as x · mask · scale, the scale a tensor without dimensions."""

import torch


def _scale(like, p):
    return torch.tensor(1 / (1 - p) if p < 1 else 0.0, dtype=like.dtype, device=like.device)


def dropout_forward(x, p, training=True, generator=None):
    if not (training and p > 0):
        return x, None
    mask = torch.rand(x.shape, generator=generator, device=x.device) >= p
    return x * mask * _scale(x, p), mask


def dropout_backward(grad_y, mask, p):
    return grad_y if mask is None else grad_y * mask * _scale(grad_y, p)
