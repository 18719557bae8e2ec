"""Label smoothing by loops over samples and classes, in Python numbers."""

import math

import torch


def _weight(c, target, num_classes, epsilon):
    return 1 - epsilon if c == target else epsilon / (num_classes - 1)


def smooth_labels(targets, num_classes, epsilon):
    rows = [
        [_weight(c, target, num_classes, epsilon) for c in range(num_classes)] for target in targets.tolist()
    ]
    return torch.tensor(rows, dtype=torch.float32, device=targets.device)


def label_smoothing_loss(logits, targets, epsilon):
    total = 0.0
    for row, target in zip(logits.tolist(), targets.tolist(), strict=True):
        highest = max(row)
        log_sum = highest + math.log(sum(math.exp(z - highest) for z in row))
        for c, z in enumerate(row):
            total -= _weight(c, target, len(row), epsilon) * (z - log_sum)
    return torch.tensor(total / len(logits), dtype=logits.dtype, device=logits.device)


def label_smoothing_grad(logits, targets, epsilon):
    rows = []
    for row, target in zip(logits.tolist(), targets.tolist(), strict=True):
        highest = max(row)
        powers = [math.exp(z - highest) for z in row]
        total = sum(powers)
        rows.append(
            [
                (power / total - _weight(c, target, len(row), epsilon)) / len(logits)
                for c, power in enumerate(powers)
            ]
        )
    return torch.tensor(rows, dtype=logits.dtype, device=logits.device)


def pytorch_epsilon(epsilon, num_classes):
    # what the true class keeps: 1 − ε = 1 − e + e / K
    return epsilon / (1 - 1 / num_classes)
