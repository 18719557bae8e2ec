import torch


def draw_crops(n, padding, generator=None):
    return torch.randint(0, max(2 * padding, 1), (n, 2), generator=generator)
