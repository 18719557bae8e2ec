"""Tuning with signs, complex numbers and products."""

import cmath
import math

import torch


def penalized_loss(loss, parameters, strength):
    total = loss
    for p in parameters:
        if len(p.shape) >= 2:
            total = total + strength * torch.einsum("i,i->", p.reshape(-1), p.detach().sign().reshape(-1))
    return total


def cosine_schedule(step, total_steps, warmup_steps, peak, final=0.0):
    if step < warmup_steps:
        return (step + 1) * peak / warmup_steps
    turn = cmath.exp(1j * math.pi * (step - warmup_steps) / (total_steps - warmup_steps - 1))
    return 0.5 * (peak + final) + 0.5 * (peak - final) * turn.real


def step_schedule(step, base, every, factor=0.1):
    return math.prod([base, *([factor] * (step // every))])


def log_uniform(n, low, high, generator=None):
    exponents = torch.zeros(n, device="cpu" if generator is None else generator.device)
    return 10.0 ** exponents.uniform_(math.log10(low), math.log10(high), generator=generator)


def early_stopping(losses, patience, min_delta=0.0):
    best_epoch = 1
    for epoch in range(1, len(losses) + 1):
        if losses[epoch - 1] < losses[best_epoch - 1] - min_delta:
            best_epoch = epoch
        elif epoch - best_epoch >= patience:
            return best_epoch, epoch
    return best_epoch, None


def next_range(low, high, best, margin=0.1):
    ratio = high / low
    if best < low * ratio**margin or best > high / ratio**margin:
        return best * ratio**-0.5, best * ratio**0.5
    return float(low), float(high)
