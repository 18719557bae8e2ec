"""Batch norm as a computational graph: every forward step is kept and walked back in turn."""

import torch


def batch_norm_forward(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    if x.ndim == 4:
        n, c, h, w = x.shape
        flat = x.permute(0, 2, 3, 1).reshape(n * h * w, c)
    else:
        flat = x
    m = flat.shape[0]
    if not training:
        y = gamma * ((flat - running_mean) / (running_var + eps).sqrt()) + beta
        return _restore(y, x.shape), running_mean.clone(), running_var.clone(), None
    step1 = flat.sum(0) / m
    step2 = flat - step1
    step3 = step2 * step2
    step4 = step3.sum(0) / m
    step5 = (step4 + eps).sqrt()
    step6 = 1 / step5
    step7 = step2 * step6
    step8 = gamma * step7
    y = step8 + beta
    new_mean = momentum * step1 + (1 - momentum) * running_mean
    new_var = momentum * step4 * m / (m - 1) + (1 - momentum) * running_var
    return _restore(y, x.shape), new_mean, new_var, (x.shape, m, gamma, step2, step5, step6, step7)


def batch_norm_backward(grad_y, cache):
    shape, m, gamma, step2, step5, step6, step7 = cache
    grad = grad_y.permute(0, 2, 3, 1).reshape(m, -1) if len(shape) == 4 else grad_y
    grad_beta = grad.sum(0)
    grad_gamma = (grad * step7).sum(0)
    grad7 = grad * gamma
    grad6 = (grad7 * step2).sum(0)
    grad2 = grad7 * step6
    grad5 = -grad6 / step5**2
    grad4 = 0.5 * grad5 / step5
    grad3 = torch.ones_like(step2) * grad4 / m
    grad2 = grad2 + 2 * step2 * grad3
    grad1 = -grad2.sum(0)
    grad_flat = grad2 + grad1 / m
    return _restore(grad_flat, shape), grad_gamma, grad_beta


def _restore(flat, shape):
    if len(shape) == 2:
        return flat
    n, c, h, w = shape
    return flat.reshape(n, h, w, c).permute(0, 3, 1, 2)
