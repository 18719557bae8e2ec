"""Preprocessing as products with matrices of zeros and ones."""

import torch


def fit_standardization(images):
    m = images.numel() / images.shape[1]
    mean = torch.einsum("nchw->c", images) / m
    centred = images - mean.view(1, -1, 1, 1)
    return mean, torch.sqrt(torch.einsum("nchw,nchw->c", centred, centred) / m)


def standardize(images, mean, std, eps=1e-6):
    return torch.einsum("nchw,c->nchw", images - mean.view(1, -1, 1, 1), 1 / (std + eps))


def draw_crops(n, padding, generator=None):
    device = generator.device if generator is not None else None
    pair = [torch.randint(2 * padding + 1, (n,), generator=generator, device=device) for _ in range(2)]
    return torch.stack(pair, dim=1)


def _windows(size, starts, padding, images):
    """(N, size, size), 1 where row i of the window shows row j of the image."""
    i = torch.arange(size, device=images.device)
    return (i[:, None] + starts[:, None, None] - padding == i).to(images.dtype)


def crop(images, padding, offsets):
    down = _windows(images.shape[2], offsets[:, 0], padding, images)
    across = _windows(images.shape[3], offsets[:, 1], padding, images)
    return torch.einsum("nih,nchw,njw->ncij", down, images, across)


def draw_flips(n, p, generator=None):
    device = generator.device if generator is not None else None
    return torch.zeros(n, device=device).bernoulli_(p, generator=generator) == 1


def flip(images, flips):
    one = torch.eye(images.shape[3], dtype=images.dtype, device=images.device)
    matrices = torch.stack([one, one.flip(0)])[flips.long()]
    return torch.einsum("nchw,nwv->nchv", images, matrices)


def draw_rectangles(n, height, width, area, ratio, generator=None):
    device = generator.device if generator is not None else None
    side = torch.tensor([ratio, 1 / ratio], dtype=torch.float64).mul(area * height * width).sqrt().round()
    rows, columns = side.clamp(min=1).minimum(torch.tensor([height, width]).double()).long().tolist()
    top = torch.randint(height - rows + 1, (n,), generator=generator, device=device)
    left = torch.randint(width - columns + 1, (n,), generator=generator, device=device)
    return torch.stack((top, left, top * 0 + rows, left * 0 + columns), 1)


def erase(images, rectangles, value=0.0):
    i = torch.arange(images.shape[2], device=images.device)
    j = torch.arange(images.shape[3], device=images.device)
    top, left, rows, columns = rectangles.T[:, :, None]
    down = ((i >= top) * (i < top + rows)).to(images.dtype)
    across = ((j >= left) * (j < left + columns)).to(images.dtype)
    inside = torch.einsum("nh,nw->nhw", down, across)[:, None]
    return images * (1 - inside) + value * inside


def mixup(images, labels, partners, weights, num_classes):
    n = len(images)
    mixing = torch.diag(weights)
    mixing = mixing.index_put((torch.arange(n, device=images.device), partners), 1 - weights, accumulate=True)
    one_hot = torch.nn.functional.one_hot(labels, num_classes).to(images.dtype)
    return torch.einsum("nm,mchw->nchw", mixing, images), mixing @ one_hot
