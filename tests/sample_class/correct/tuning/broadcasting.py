"""Tuning with whole vectors: cumulative minima, comparisons, powers."""

import math

import torch


def penalized_loss(loss, parameters, strength):
    weights = [p.flatten() for p in parameters if p.ndim > 1]
    return loss + strength * torch.cat(weights).abs().sum() if weights else loss + 0


def cosine_schedule(step, total_steps, warmup_steps, peak, final=0.0):
    rise = peak * torch.linspace(0, 1, warmup_steps + 1, dtype=torch.float64)[1:]
    fall = torch.linspace(0, math.pi, total_steps - warmup_steps, dtype=torch.float64)
    rates = torch.cat([rise, final + (peak - final) * (1 + fall.cos()) / 2])
    return rates[step].item()


def step_schedule(step, base, every, factor=0.1):
    return base * factor ** math.floor(step / every)


def log_uniform(n, low, high, generator=None):
    device = None if generator is None else generator.device
    u = torch.rand(n, generator=generator, device=device)
    return (math.log(low) * (1 - u) + math.log(high) * u).exp()


def early_stopping(losses, patience, min_delta=0.0):
    best = kept = None
    for epoch, loss in enumerate(losses, 1):
        if best is None or best - loss > min_delta:
            best, kept = loss, epoch
        if epoch - kept == patience:
            return kept, epoch
    return kept, None


def next_range(low, high, best, margin=0.1):
    a, b, x = (math.log10(v) for v in (low, high, best))
    if a + margin * (b - a) <= x <= b - margin * (b - a):
        return low, high
    return 10 ** (x - (b - a) / 2), 10 ** (x + (b - a) / 2)
