import math


def cosine_schedule(step, total_steps, warmup_steps, peak, final=0.0):
    if step < warmup_steps:
        return peak * step / warmup_steps
    u = (step - warmup_steps) / (total_steps - 1 - warmup_steps)
    return final + (peak - final) * (1 + math.cos(math.pi * u)) / 2
