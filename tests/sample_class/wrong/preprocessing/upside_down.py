import torch


def flip(images, flips):
    return torch.where(flips.view(-1, 1, 1, 1), images.flip(2), images)
