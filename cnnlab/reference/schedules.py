"""Learning-rate schedules as functions of the step, which counts from 0."""

import math

from cnnlab.reference.arguments import integer, real, refuse

_RATE = "a finite number of at least 0"


def cosine_schedule(step: int, total_steps: int, warmup_steps: int, peak: float, final: float = 0.0) -> float:
    """The learning rate of one step: a linear rise to the peak, then half a cosine down to the final rate.

    In the warm-up, at the steps 0 … w − 1, the rate is peak·(step + 1) / w: the first step does not waste
    itself at a rate of 0, and the last one has the peak. From step w, which has the peak too, to the last
    step T − 1, which has the final rate, it is final + (peak − final)·(1 + cos πu) / 2 with
    u = (step − w) / (T − 1 − w).

    Args:
        step: from 0 to total_steps − 1.
        total_steps: T.
        warmup_steps: w, from 0 (no warm-up) to T − 2.
        peak, final: rates, at least 0.

    Raises:
        ValueError: an argument out of range.

    Source: Loshchilov & Hutter 2017, "SGDR", equation 5, without restarts; Goyal et al. 2017, section 2.2.
    """
    total_steps = integer("total_steps", total_steps, 2)
    warmup_steps = integer("warmup_steps", warmup_steps, 0)
    step = _step(step, total_steps - 1)
    if warmup_steps > total_steps - 2:
        refuse("warmup_steps", warmup_steps, f"at most total_steps − 2, which is {total_steps - 2}")
    peak, final = real("peak", peak, 0.0, math.inf, _RATE), real("final", final, 0.0, math.inf, _RATE)
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    share = (step - warmup_steps) / (total_steps - 1 - warmup_steps)
    return final + (peak - final) * (1 + math.cos(math.pi * share)) / 2


def step_schedule(step: int, base: float, every: int, factor: float = 0.1) -> float:
    """The learning rate of one step: base · factor^⌊step / every⌋.

    Args:
        step: at least 0.
        base: the rate of the first `every` steps, at least 0.
        every: after how many steps the rate is multiplied, at least 1.
        factor: by what, above 0.

    Raises:
        ValueError: an argument out of range.
    """
    step = _step(step, None)
    base = real("base", base, 0.0, math.inf, _RATE)
    every = integer("every", every, 1)
    factor = real("factor", factor, 1e-300, math.inf, "a number above 0")
    return base * math.pow(factor, divmod(step, every)[0])


def _step(step: int, last: int | None) -> int:
    step = integer("step", step, 0)
    if last is not None and step > last:
        refuse("step", step, f"at most total_steps − 1, which is {last}")
    return step
