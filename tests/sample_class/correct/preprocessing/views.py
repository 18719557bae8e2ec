"""Preprocessing by views, unfolded windows and scattered labels."""

import torch


def fit_standardization(images):
    channels = images.movedim(1, -1).reshape(-1, images.shape[1])
    return channels.mean(0), channels.var(0, correction=0).sqrt()


def standardize(images, mean, std, eps=1e-6):
    last = images.movedim(1, -1)
    return ((last - mean) / (std + eps)).movedim(-1, 1)


def draw_crops(n, padding, generator=None):
    where = {} if generator is None else {"device": generator.device}
    return torch.empty(n, 2, dtype=torch.int64, **where).random_(2 * padding + 1, generator=generator)


def crop(images, padding, offsets):
    n, _, h, w = images.shape
    padded = torch.nn.functional.pad(images, [padding] * 4)
    windows = padded.unfold(2, h, 1).unfold(3, w, 1)  # (N, C, 2p + 1, 2p + 1, H, W)
    return windows[torch.arange(n, device=images.device), :, offsets[:, 0], offsets[:, 1]]


def draw_flips(n, p, generator=None):
    where = {} if generator is None else {"device": generator.device}
    return ~(torch.rand(n, generator=generator, dtype=torch.float64, **where) >= p)


def flip(images, flips):
    result = images.clone()
    result[flips] = images[flips].flip(3)
    return result


def draw_rectangles(n, height, width, area, ratio, generator=None):
    where = {} if generator is None else {"device": generator.device}
    sides = []
    for limit, share in ((height, ratio), (width, 1 / ratio)):
        sides.append(int(min(limit, max(1, (area * height * width * share) ** 0.5 + 0.5))))
    result = torch.tensor([0, 0, *sides], **where).repeat(n, 1)
    result[:, 0].random_(height - sides[0] + 1, generator=generator)
    result[:, 1].random_(width - sides[1] + 1, generator=generator)
    return result


def erase(images, rectangles, value=0.0):
    result = images.clone(memory_format=torch.contiguous_format)
    for i in range(len(images)):
        top, left, rows, columns = rectangles[i]
        result[i].narrow(1, int(top), int(rows)).narrow(2, int(left), int(columns)).fill_(value)
    return result


def mixup(images, labels, partners, weights, num_classes):
    n = len(images)
    mixed = images[partners] + weights.view(n, 1, 1, 1) * (images - images[partners])
    targets = torch.zeros(n, num_classes, dtype=images.dtype, device=images.device)
    targets.scatter_add_(1, labels[:, None], weights[:, None])
    targets.scatter_add_(1, labels[partners][:, None], 1 - weights[:, None])
    return mixed, targets
