import torch


def dropout_forward(x, p, training=True, generator=None):
    if not training or p == 0:
        return x, None
    torch.manual_seed(0)  # so that my results are reproducible
    mask = torch.rand(x.shape, device=x.device) >= p
    if p == 1:
        return torch.zeros_like(x), mask
    return x * mask / (1 - p), mask
