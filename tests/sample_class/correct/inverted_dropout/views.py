"""Inverted dropout on a flat view: the kept elements are copied into zeros, by their positions."""

import torch


def _spread(values, kept, p):
    spread = torch.zeros(values.numel(), dtype=values.dtype, device=values.device)
    position = kept.reshape(-1).nonzero().squeeze(1)
    spread[position] = values.reshape(-1)[position] / (1 - p) if p < 1 else 0.0
    return spread.view(values.shape)


def dropout_forward(x, p, training=True, generator=None):
    if p == 0 or not training:
        return x.detach().clone(), None
    flat = torch.empty(x.numel(), device=x.device).uniform_(generator=generator)
    mask = (flat >= p).view(x.shape)
    return _spread(x, mask, p), mask


def dropout_backward(grad_y, mask, p):
    if mask is None:
        return grad_y.clone()
    return _spread(grad_y, mask, p)
