import torch


def log_uniform(n, low, high, generator=None):
    return low + (high - low) * torch.rand(n, generator=generator)
