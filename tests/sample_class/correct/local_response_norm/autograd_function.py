"""Local response normalization with the gradient written by hand."""

import torch


def _window_sums(values, dims, reach):
    """The sum over the neighbours along each of the dimensions, by shifted additions."""
    for dim in dims:
        size = values.shape[dim]
        total = values.clone()
        for shift in range(1, min(reach, size - 1) + 1):
            near, far = values.narrow(dim, 0, size - shift), values.narrow(dim, shift, size - shift)
            total.narrow(dim, 0, size - shift).add_(far)
            total.narrow(dim, shift, size - shift).add_(near)
        values = total
    return values


class LocalResponseNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, dims, reach, k, alpha, beta):
        base = k + alpha * _window_sums(x * x, dims, reach)
        ctx.save_for_backward(x, base)
        ctx.constants = dims, reach, alpha, beta
        return x * base**-beta

    @staticmethod
    def backward(ctx, grad_y):
        x, base = ctx.saved_tensors
        dims, reach, alpha, beta = ctx.constants
        direct = grad_y * base**-beta
        # j lies in the window of i exactly if i lies in that of j, so the sum runs over the same windows
        through = _window_sums(grad_y * x * base ** (-beta - 1), dims, reach)
        return direct - 2 * alpha * beta * x * through, None, None, None, None, None


def lrn_across_channels(x, n, k, alpha, beta):
    return LocalResponseNorm.apply(x, (1,), n // 2, k, alpha, beta)


def lrn_within_channel(x, n, k, alpha, beta):
    return LocalResponseNorm.apply(x, (2, 3), n // 2, k, alpha, beta)
