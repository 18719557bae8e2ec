"""Batch norm with every sum as an einsum over (sample, channel, position)."""

import torch


def batch_norm_forward(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    values = x.reshape(x.shape[0], x.shape[1], -1)  # (N, C, H·W)
    if training:
        m = values.shape[0] * values.shape[2]
        first = values[:1, :, :1]  # subtracted before summing, so that a large offset does no harm
        mean = torch.einsum("ncp->c", values - first) / m + first[0, :, 0]
        centred = values - mean[:, None]
        squares = torch.einsum("ncp,ncp->c", centred, centred)
        var = squares / m
        stats = (
            running_mean + momentum * (mean - running_mean),
            running_var + momentum * (squares / (m - 1) - running_var),
        )
    else:
        centred, var = values - running_mean[:, None], running_var
        stats = (running_mean.clone(), running_var.clone())
    scale = (var + eps) ** -0.5
    hat = torch.einsum("ncp,c->ncp", centred, scale)
    y = torch.einsum("ncp,c->ncp", hat, gamma) + beta[:, None]
    return y.reshape(x.shape), *stats, {"hat": hat, "scale": scale, "gamma": gamma}


def batch_norm_backward(grad_y, cache):
    hat, scale, gamma = cache["hat"], cache["scale"], cache["gamma"]
    grad = grad_y.reshape(hat.shape)
    m = hat.shape[0] * hat.shape[2]
    grad_beta = torch.einsum("ncp->c", grad)
    grad_gamma = torch.einsum("ncp,ncp->c", grad, hat)
    along = torch.einsum("ncp,c->ncp", hat, grad_gamma)
    grad_x = torch.einsum("ncp,c,c->ncp", m * grad - grad_beta[:, None] - along, gamma, scale) / m
    return grad_x.reshape(grad_y.shape), grad_gamma, grad_beta
