import torch


def batch_norm_forward(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    dims = (0,) if x.dim() == 2 else (0, 2, 3)
    shape = (1, x.shape[1]) if x.dim() == 2 else (1, x.shape[1], 1, 1)
    if training:
        mean = x.mean(dims)
        var = ((x - mean.view(shape)) ** 2).mean(dims)
        new_mean = (1 - momentum) * running_mean + momentum * mean
        new_var = (1 - momentum) * running_var + momentum * var
    else:
        mean, var = running_mean, running_var
        new_mean, new_var = running_mean.clone(), running_var.clone()
    std = torch.sqrt(var + eps).view(shape)
    xhat = (x - mean.view(shape)) / std
    y = gamma.view(shape) * xhat + beta.view(shape)
    return y, new_mean, new_var, (xhat, std, gamma.view(shape), dims)


def batch_norm_backward(grad_y, cache):
    xhat, std, gamma, dims = cache
    grad_beta = grad_y.sum(dims)
    grad_gamma = (grad_y * xhat).sum(dims)
    g = grad_y * gamma
    grad_x = (g - g.mean(dims, keepdim=True) - xhat * (g * xhat).mean(dims, keepdim=True)) / std
    return grad_x, grad_gamma, grad_beta
