"""Batch norm in two centred passes, with keepdim in place of reshapes."""

import torch


def batch_norm_forward(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    dims = [d for d in range(x.dim()) if d != 1]
    shape = [1] * x.dim()
    shape[1] = -1
    if training:
        mean = x.mean(dims, keepdim=True)
        mean = mean + (x - mean).mean(dims, keepdim=True)  # the second pass removes the rounding of the first
        var = ((x - mean) ** 2).mean(dims, keepdim=True)
        m = x.numel() / x.size(1)
        new_mean = torch.lerp(running_mean, mean.flatten(), momentum)
        new_var = torch.lerp(running_var, var.flatten() * m / (m - 1), momentum)
    else:
        mean, var = running_mean.view(shape), running_var.view(shape)
        new_mean, new_var = running_mean, running_var
    std = torch.sqrt(var + eps)
    x_hat = (x - mean) / std
    y = x_hat * gamma.view(shape) + beta.view(shape)
    return y, new_mean, new_var, (x_hat, gamma.view(shape) / std)


def batch_norm_backward(grad_y, cache):
    x_hat, slope = cache
    dims = [d for d in range(grad_y.dim()) if d != 1]
    mean_grad = grad_y.mean(dims, keepdim=True)
    mean_along = (grad_y * x_hat).mean(dims, keepdim=True)
    grad_x = slope * (grad_y - mean_grad - x_hat * mean_along)
    return grad_x, (grad_y * x_hat).sum(dims), grad_y.sum(dims)
