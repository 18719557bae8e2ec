"""Tuning with NumPy's numbers where a number is asked for, and a norm."""

import numpy as np
import torch


def penalized_loss(loss, parameters, strength):
    norms = [torch.linalg.vector_norm(p, ord=1) for p in parameters if p.dim() > 1]
    return torch.stack([loss, *(strength * norm for norm in norms)]).sum()


def cosine_schedule(step, total_steps, warmup_steps, peak, final=0.0):
    if step + 1 <= warmup_steps:
        return np.interp(step + 1, [0, warmup_steps], [0, peak])
    u = np.linspace(0, 1, total_steps - warmup_steps)[step - warmup_steps]
    return peak - (peak - final) * np.sin(np.pi * u / 2) ** 2


def step_schedule(step, base, every, factor=0.1):
    return np.float64(base) * np.power(factor, step // every)


def log_uniform(n, low, high, generator=None):
    device = generator.device if generator else "cpu"
    return torch.pow(
        10, torch.rand(n, generator=generator, device=device) * np.log10(high / low) + np.log10(low)
    )


def early_stopping(losses, patience, min_delta=0.0):
    kept = np.int64(1)
    for epoch in np.arange(2, len(losses) + 1):
        if losses[epoch - 1] + min_delta < losses[kept - 1]:
            kept = epoch
        if epoch - kept >= patience:
            return [kept, epoch]
    return [kept, None]


def next_range(low, high, best, margin=0.1):
    a, x, b = np.log2([low, best, high])
    if (x - a) / (b - a) < margin or (b - x) / (b - a) < margin:
        a, b = x - (b - a) / 2, x + (b - a) / 2
        return np.exp2(a), np.exp2(b)
    return low, high
