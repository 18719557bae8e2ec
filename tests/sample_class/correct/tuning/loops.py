"""Tuning step by step: each rate from the one before, each weight by itself."""

import math

import torch


def penalized_loss(loss, parameters, strength):
    penalty = 0.0
    for parameter in parameters:
        if parameter.ndim < 2:
            continue
        for weight in parameter.flatten():
            penalty = penalty + (weight if weight > 0 else -weight)
    return loss + strength * penalty


def cosine_schedule(step, total_steps, warmup_steps, peak, final=0.0):
    rate = 0.0
    for _ in range(min(step + 1, warmup_steps)):
        rate += peak / warmup_steps
    if step >= warmup_steps:
        u = (step - warmup_steps) / (total_steps - 1 - warmup_steps)
        rate = final + (peak - final) * math.cos(math.pi * u / 2) ** 2
    return rate


def step_schedule(step, base, every, factor=0.1):
    rate = base
    for t in range(1, step + 1):
        if t % every == 0:
            rate *= factor
    return rate


def log_uniform(n, low, high, generator=None):
    device = torch.device("cpu") if generator is None else generator.device
    numbers = torch.zeros(n, dtype=torch.float64, device=device)
    for i in range(n):
        u = float(torch.rand((), generator=generator, device=device))
        numbers[i] = low ** (1 - u) * high**u
    return numbers


def early_stopping(losses, patience, min_delta=0.0):
    best, best_epoch, bad = float("inf"), 0, 0
    for i, loss in enumerate(losses):
        if loss < best - min_delta:
            best, best_epoch, bad = loss, i + 1, 0
            continue
        bad += 1
        if bad >= patience:
            return best_epoch, i + 1
    return best_epoch, None


def next_range(low, high, best, margin=0.1):
    u = (math.log(best) - math.log(low)) / (math.log(high) - math.log(low))
    if min(u, 1 - u) >= margin:
        return low, high
    factor = math.sqrt(high / low)
    return best / factor, best * factor
