"""Batch norm by explicit loops over channels and values, in Python numbers."""

import math

import torch


def _channels(x):
    """For each channel the list of its values, image by image."""
    return [x[:, c].flatten().tolist() for c in range(x.shape[1])]


def _like(x, channels):
    """The inverse of _channels: lists of values as a tensor of the shape of x."""
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    for c, values in enumerate(channels):
        y[:, c] = torch.tensor(values, dtype=x.dtype, device=x.device).reshape(x[:, c].shape)
    return y


def batch_norm_forward(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    outputs, means, variances, normalised, scales = [], [], [], [], []
    parameters = zip(gamma.tolist(), beta.tolist(), running_mean.tolist(), running_var.tolist(), strict=True)
    for values, (g, b, mean, var) in zip(_channels(x), parameters, strict=True):
        new_mean, new_var = mean, var
        if training:
            m = len(values)
            old_mean, old_var = mean, var
            mean = sum(values) / m
            squares = 0.0
            for value in values:
                squares += (value - mean) * (value - mean)
            var = squares / m
            new_mean = (1 - momentum) * old_mean + momentum * mean
            new_var = (1 - momentum) * old_var + momentum * squares / (m - 1)
        std = math.sqrt(var + eps)
        hats = [(value - mean) / std for value in values]
        outputs.append([g * hat + b for hat in hats])
        normalised.append(hats)
        scales.append((g, std))
        means.append(new_mean)
        variances.append(new_var)
    statistics = [torch.tensor(s, dtype=x.dtype, device=x.device) for s in (means, variances)]
    return _like(x, outputs), *statistics, (normalised, scales)


def batch_norm_backward(grad_y, cache):
    grad_x, grad_gamma, grad_beta = [], [], []
    for grads, hats, (g, std) in zip(_channels(grad_y), *cache, strict=True):
        m = len(grads)
        total, along = 0.0, 0.0
        for grad, hat in zip(grads, hats, strict=True):
            total += grad
            along += grad * hat
        grad_x.append(
            [g / std * (grad - total / m - hat * along / m) for grad, hat in zip(grads, hats, strict=True)]
        )
        grad_gamma.append(along)
        grad_beta.append(total)
    where = {"dtype": grad_y.dtype, "device": grad_y.device}
    return _like(grad_y, grad_x), torch.tensor(grad_gamma, **where), torch.tensor(grad_beta, **where)
