"""Batch norm on a (C, m) matrix: every channel is a row, whatever the input looked like."""

import torch


def _rows(x):
    return x.movedim(1, 0).reshape(x.shape[1], -1)


def _back(rows, shape):
    return rows.reshape(shape[1], shape[0], *shape[2:]).movedim(0, 1).contiguous()


def batch_norm_forward(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    rows = _rows(x)
    mean, var = running_mean, running_var
    new_mean, new_var = running_mean.clone(), running_var.clone()
    if training:
        var, mean = torch.var_mean(rows, dim=1, correction=0)
        unbiased = torch.var(rows, dim=1, correction=1)
        new_mean = new_mean.mul_(1 - momentum).add_(mean, alpha=momentum)
        new_var = new_var.mul_(1 - momentum).add_(unbiased, alpha=momentum)
    inverse = torch.rsqrt(var + eps).unsqueeze(1)
    hat = (rows - mean.unsqueeze(1)) * inverse
    y = torch.addcmul(beta.unsqueeze(1), gamma.unsqueeze(1), hat)
    return _back(y, x.shape), new_mean, new_var, [hat, inverse, gamma]


def batch_norm_backward(grad_y, cache):
    hat, inverse, gamma = cache
    grad = _rows(grad_y)
    grad_gamma = (grad * hat).sum(1)
    grad_hat = grad * gamma.unsqueeze(1)
    centred = grad_hat - grad_hat.mean(1, keepdim=True)
    projected = centred - hat * (grad_hat * hat).mean(1, keepdim=True)
    return _back(inverse * projected, grad_y.shape), grad_gamma, grad.sum(1)
