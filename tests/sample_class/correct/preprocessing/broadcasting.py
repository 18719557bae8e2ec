"""Preprocessing by broadcasting and masks."""

import torch


def _where(generator):
    return torch.device("cpu") if generator is None else generator.device


def fit_standardization(images):
    mean = images.mean(dim=(0, 2, 3), keepdim=True)
    std = ((images - mean) ** 2).mean(dim=(0, 2, 3)).sqrt()
    return mean.flatten(), std


def standardize(images, mean, std, eps=1e-6):
    return (images - mean[:, None, None]) / (std[:, None, None] + eps)


def draw_crops(n, padding, generator=None):
    u = torch.rand(n, 2, generator=generator, device=_where(generator), dtype=torch.float64)
    return (u * (2 * padding + 1)).floor().long()


def crop(images, padding, offsets):
    padded = torch.nn.functional.pad(images, (padding, padding, padding, padding))
    n, c, h, w = images.shape
    rows = offsets[:, 0, None, None, None] + torch.arange(h, device=images.device)[:, None]
    columns = offsets[:, 1, None, None, None] + torch.arange(w, device=images.device)
    by_rows = padded.gather(2, rows.expand(n, c, h, padded.shape[3]))
    return by_rows.gather(3, columns.expand(n, c, h, w))


def draw_flips(n, p, generator=None):
    return torch.rand((n,), generator=generator, device=_where(generator)).lt(p)


def flip(images, flips):
    return torch.where(flips[:, None, None, None], torch.flip(images, dims=[3]), images)


def draw_rectangles(n, height, width, area, ratio, generator=None):
    rows = max(1, min(height, round((area * height * width * ratio) ** 0.5)))
    columns = max(1, min(width, round((area * height * width / ratio) ** 0.5)))
    room = torch.tensor([height - rows + 1, width - columns + 1], device=_where(generator))
    u = torch.rand(n, 2, generator=generator, device=room.device, dtype=torch.float64)
    corner = (u * room).long()
    return torch.cat([corner, torch.tensor([rows, columns], device=room.device).repeat(n, 1)], 1)


def erase(images, rectangles, value=0.0):
    top, left, rows, columns = rectangles[:, :, None].unbind(1)
    i, j = (torch.arange(size, device=images.device) for size in images.shape[2:])
    down, across = (i >= top) & (i < top + rows), (j >= left) & (j < left + columns)
    return images.masked_fill((down[:, :, None] & across[:, None, :])[:, None], value)


def mixup(images, labels, partners, weights, num_classes):
    q = torch.eye(num_classes, dtype=images.dtype, device=images.device)[labels]
    column = weights[:, None]
    block = weights[:, None, None, None]
    return block * images + (1 - block) * images[partners], column * q + (1 - column) * q[partners]
