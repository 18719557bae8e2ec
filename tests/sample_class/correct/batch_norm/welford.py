"""Batch norm with the statistics gathered sample by sample, merged as by Welford and Chan."""

import torch


class Moments:
    """Count, mean and sum of squared deviations of each channel, updated by one sample after the other."""

    def __init__(self, x):
        self.count = 0
        self.mean = torch.zeros(x.shape[1], dtype=x.dtype, device=x.device)
        self.squares = torch.zeros_like(self.mean)

    def add(self, sample):
        """Merge a (C, L) sample."""
        length = sample.shape[1]
        mean = sample.mean(1)
        squares = (sample - mean[:, None]).pow(2).sum(1)
        delta = mean - self.mean
        total = self.count + length
        self.mean = self.mean + delta * (length / total)
        self.squares = self.squares + squares + delta * delta * (self.count * length / total)
        self.count = total


def batch_norm_forward(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    mean, biased = running_mean, running_var
    new_mean, new_var = running_mean, running_var
    if training:
        moments = Moments(x)
        for sample in x.unbind(0):
            moments.add(sample.reshape(x.shape[1], -1))
        mean, biased = moments.mean, moments.squares / moments.count
        unbiased = moments.squares / (moments.count - 1)
        new_mean = running_mean * (1 - momentum) + mean * momentum
        new_var = running_var * (1 - momentum) + unbiased * momentum
    std = (biased + eps).sqrt()
    hat = torch.stack([(s - _column(mean, s)) / _column(std, s) for s in x.unbind(0)])
    y = torch.stack([_column(gamma, s) * s + _column(beta, s) for s in hat.unbind(0)])
    return y, new_mean, new_var, (hat, std, gamma)


def batch_norm_backward(grad_y, cache):
    hat, std, gamma = cache
    grad_beta, grad_gamma = torch.zeros_like(gamma), torch.zeros_like(gamma)
    for grad, values in zip(grad_y.unbind(0), hat.unbind(0), strict=True):
        grad_beta = grad_beta + grad.reshape(len(gamma), -1).sum(1)
        grad_gamma = grad_gamma + (grad * values).reshape(len(gamma), -1).sum(1)
    m = hat.numel() // len(gamma)
    grad_x = [
        _column(gamma / std, values)
        * (grad - _column(grad_beta / m, values) - values * _column(grad_gamma / m, values))
        for grad, values in zip(grad_y.unbind(0), hat.unbind(0), strict=True)
    ]
    return torch.stack(grad_x), grad_gamma, grad_beta


def _column(vector, sample):
    """(C,) shaped so that it lines up with the channels of one sample, (C,) or (C, H, W)."""
    return vector.reshape(-1, *[1] * (sample.ndim - 1))
