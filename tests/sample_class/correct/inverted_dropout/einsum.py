"""Inverted dropout as a product with a diagonal matrix, written by its diagonal."""

import torch


def dropout_forward(x, p, training=True, generator=None):
    if training is False or p == 0.0:
        return 1 * x, None
    uniform = torch.rand(x.shape, generator=generator, dtype=torch.float64, device=x.device)
    mask = uniform < 1 - p
    scale = 0.0 if p == 1 else 1 / (1 - p)
    diagonal = mask.to(x.dtype) * scale
    return torch.einsum("...,...->...", x, diagonal), mask


def dropout_backward(grad_y, mask, p):
    if mask is None:
        return 1 * grad_y
    scale = 0.0 if p == 1 else 1 / (1 - p)
    return torch.einsum("...,...->...", grad_y, mask.to(grad_y.dtype) * scale)
