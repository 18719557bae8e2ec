"""Preprocessing image by image, channel by channel."""

import math

import torch


def fit_standardization(images):
    means, stds = [], []
    for c in range(images.shape[1]):
        values = images[:, c].flatten()
        mean = values.sum() / values.numel()
        means.append(mean)
        stds.append(((values - mean) ** 2).mean() ** 0.5)
    return torch.stack(means), torch.stack(stds)


def standardize(images, mean, std, eps=1e-6):
    result = torch.empty_like(images)
    for c in range(images.shape[1]):
        result[:, c] = (images[:, c] - mean[c]) / (std[c] + eps)
    return result


def _numbers(high, n, generator):
    device = "cpu" if generator is None else generator.device
    numbers = [torch.randint(high, (1,), generator=generator, device=device) for _ in range(n)]
    return torch.cat(numbers) if numbers else torch.zeros(0, dtype=torch.int64, device=device)


def draw_crops(n, padding, generator=None):
    return _numbers(2 * padding + 1, 2 * n, generator).reshape(n, 2)


def crop(images, padding, offsets):
    height, width = images.shape[-2:]
    result = torch.zeros_like(images)
    for number, (row, column) in enumerate(offsets.tolist()):
        for i in range(height):
            for j in range(width):
                y, x = i + row - padding, j + column - padding
                if 0 <= y < height and 0 <= x < width:
                    result[number, :, i, j] = images[number, :, y, x]
    return result


def draw_flips(n, p, generator=None):
    device = "cpu" if generator is None else generator.device
    flips = torch.zeros(n, dtype=torch.bool, device=device)
    for i in range(n):
        flips[i] = torch.rand(1, generator=generator, device=device).item() < p
    return flips


def flip(images, flips):
    result = images.clone()
    for i, flipped in enumerate(flips):
        if flipped:
            result[i] = images[i].flip(-1)
    return result


def draw_rectangles(n, height, width, area, ratio, generator=None):
    rows = round(math.sqrt(area * height * width * ratio))
    columns = round(math.sqrt(area * height * width / ratio))
    rows, columns = min(max(1, rows), height), min(max(1, columns), width)
    tops = _numbers(height - rows + 1, n, generator).tolist()
    lefts = _numbers(width - columns + 1, n, generator).tolist()
    rectangles = [[top, left, rows, columns] for top, left in zip(tops, lefts, strict=True)]
    device = "cpu" if generator is None else generator.device
    return torch.tensor(rectangles, dtype=torch.int64, device=device).reshape(n, 4)


def erase(images, rectangles, value=0.0):
    result = images.clone()
    for image, (top, left, rows, columns) in zip(result, rectangles.tolist(), strict=True):
        image[:, top : top + rows, left : left + columns] = value
    return result


def mixup(images, labels, partners, weights, num_classes):
    mixed = torch.zeros_like(images)
    targets = torch.zeros(len(images), num_classes, dtype=images.dtype, device=images.device)
    for i in range(len(images)):
        j = partners[i]
        mixed[i] = weights[i] * images[i] + (1 - weights[i]) * images[j]
        targets[i, labels[i]] += weights[i]
        targets[i, labels[j]] += 1 - weights[i]
    return mixed, targets
