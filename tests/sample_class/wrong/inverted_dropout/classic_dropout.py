import torch


def dropout_forward(x, p, training=True, generator=None):
    if not training:
        return x * (1 - p), None
    if p == 0:
        return x, None
    mask = torch.rand(x.shape, generator=generator, device=x.device) >= p
    return x * mask, mask


def dropout_backward(grad_y, mask, p):
    if mask is None:
        return grad_y
    return grad_y * mask
