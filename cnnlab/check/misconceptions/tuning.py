"""Wrong penalties, schedules, samplers and rules of a search that people write, made of the reference."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from cnnlab import reference
from cnnlab.check.catalogue import Misconception

Tensor = torch.Tensor
Generator = torch.Generator | None
Cdf = Callable[[Tensor], Tensor]


def _log_uniform(
    n: int, low: float, high: float, generator: Generator = None, *, numbers: Any = None
) -> Tensor:
    drawn = reference.log_uniform(n, low, high, generator)
    if isinstance(numbers, Tensor) and numbers.shape == (n,) and numbers.is_floating_point():
        return numbers.to(drawn)
    return drawn


RIGHT: dict[str, Callable[..., Any]] = {
    "penalized_loss": reference.penalized_loss,
    "cosine_schedule": reference.cosine_schedule,
    "step_schedule": reference.step_schedule,
    "log_uniform": _log_uniform,
    "early_stopping": reference.early_stopping,
    "next_range": reference.next_range,
}


def cdfs(low: float, high: float) -> tuple[Cdf, dict[str, Cdf]]:
    """The distribution function of log-uniform numbers, and those of named misconceptions."""

    def power(base: float, a: float, b: float) -> Cdf:
        """Of base ** U(a, b)."""
        return lambda x: (x.log() / math.log(base) - a) / (b - a)

    return power(math.e, math.log(low), math.log(high)), {
        "uniform_not_log": lambda x: (x - low) / (high - low),
        "bounds_taken_as_exponents": power(10, low, high),
        "logarithms_do_not_match": power(10, math.log(low), math.log(high)),
        "exponential_does_not_match": power(math.e, math.log10(low), math.log10(high)),
        "exponents_returned": lambda x: (x - math.log10(low)) / math.log10(high / low),
        "reciprocals_uniform": lambda x: (1 / low - 1 / x) / (1 / low - 1 / high),
    }


def _total(parameters: Sequence[Tensor], measure: Callable[[Tensor], Tensor], every: bool = False) -> Tensor:
    chosen = [measure(p) for p in parameters if every or p.ndim > 1]
    return torch.stack(chosen).sum() if chosen else torch.zeros(())


def _absolute(p: Tensor) -> Tensor:
    """Σ|w|, as the reference adds it to a loss of 0."""
    return reference.penalized_loss(p.new_zeros(()), [p.reshape(1, -1)], 1.0)


def _measured(measure: Callable[[Tensor], Tensor], every: bool = False) -> Callable[..., Tensor]:
    """A penalty strength · Σ measure(p)."""
    return lambda loss, parameters, strength: loss + strength * _total(parameters, measure, every).to(loss)


def _matrices(loss: Tensor, parameters: Sequence[Tensor], strength: float) -> Tensor:
    return reference.penalized_loss(loss, [p for p in parameters if p.ndim == 2], strength)


def _first_weight(loss: Tensor, parameters: Sequence[Tensor], strength: float) -> Tensor:
    return reference.penalized_loss(loss, [p for p in parameters if p.ndim > 1][:1], strength)


def _share(step: int, total: int, warmup: int) -> float:
    return (step - warmup) / (total - 1 - warmup)


def _after_warmup(rate: Callable[..., float]) -> Callable[..., float]:
    """Past the warm-up the rate is rate(u, peak, final), with u from 0 to 1."""

    def schedule(step: int, total: int, warmup: int, peak: float, final: float = 0.0) -> float:
        if step < warmup:
            return reference.cosine_schedule(step, total, warmup, peak, final)
        return rate(_share(step, total, warmup), peak, final)

    return schedule


def _warming(rate: Callable[..., float]) -> Callable[..., float]:
    """In the warm-up the rate is rate(step, w, peak, final)."""

    def schedule(step: int, total: int, warmup: int, peak: float, final: float = 0.0) -> float:
        if step >= warmup:
            return reference.cosine_schedule(step, total, warmup, peak, final)
        return rate(step, warmup, peak, final)

    return schedule


def _progress(share: Callable[[int, int, int], float]) -> Callable[..., float]:
    """Past the warm-up with another u: share(step, T, w)."""

    def schedule(step: int, total: int, warmup: int, peak: float, final: float = 0.0) -> float:
        if step < warmup:
            return reference.cosine_schedule(step, total, warmup, peak, final)
        return _wave(math.pi * share(step, total, warmup), peak, final)

    return schedule


def _wave(angle: float, peak: float, final: float) -> float:
    return final + (peak - final) * (1 + math.cos(angle)) / 2


def _no_warmup(step: int, total: int, warmup: int, peak: float, final: float = 0.0) -> float:
    return reference.cosine_schedule(step, total, 0, peak, final)


def _final_ignored(step: int, total: int, warmup: int, peak: float, final: float = 0.0) -> float:
    return reference.cosine_schedule(step, total, warmup, peak, 0.0)


def _dropped(exponent: Callable[[int, int], float]) -> Callable[..., float]:
    """base · factor ** exponent(step, every)."""
    return lambda step, base, every, factor=0.1: base * factor ** exponent(step, every)


def _drawn(change: Callable[[Tensor, float, float], Tensor]) -> Callable[..., Tensor]:
    """change(u, low, high) of uniform numbers u, never replayed."""

    def log_uniform(
        n: int, low: float, high: float, generator: Generator = None, numbers: Any = None
    ) -> Tensor:
        device = torch.device("cpu") if generator is None else generator.device
        return change(torch.rand(n, generator=generator, device=device, dtype=torch.float64), low, high)

    return log_uniform


def _power(base: float, a: float, b: float, u: Tensor) -> Tensor:
    return base ** (a + (b - a) * u)


def _shuffled_grid(u: Tensor, low: float, high: float) -> Tensor:
    places = (u.argsort().argsort() + 0.5) / max(len(u), 1)
    return low * (high / low) ** places


def _whole(u: Tensor, low: float, high: float) -> Tensor:
    a, b = math.log10(low), math.log10(high)
    return 10 ** (a + ((b - a + 1) * u).floor()).clamp(a, b)


def _other_generator(other: Callable[[Generator], Generator]) -> Callable[..., Tensor]:
    return lambda n, low, high, generator=None, numbers=None: reference.log_uniform(
        n, low, high, other(generator)
    )


def _device(generator: Generator) -> torch.device:
    return torch.device("cpu") if generator is None else generator.device


def _seeded(generator: Generator) -> Generator:
    return torch.Generator(_device(generator)).manual_seed(0)


def _reseeded(generator: Generator) -> Generator:
    return generator and generator.manual_seed(generator.initial_seed())


def _global(generator: Generator) -> Generator:
    torch.manual_seed(int(torch.randint(2**31, (), generator=generator, device=_device(generator))))
    return None


Stopped = tuple[int, int | None]


def _stopping(change: Callable[[Stopped, Sequence[float]], Stopped]) -> Callable[..., Stopped]:
    """change((best, stop), losses) of the right result."""
    return lambda losses, patience, min_delta=0.0: change(
        reference.early_stopping(losses, patience, min_delta), losses
    )


def _counting(
    better: Callable[[float, float, float], bool], last: bool = False, reset: bool = True
) -> Callable[..., Stopped]:
    """better(loss, best, min_delta) decides; against the epoch before if `last`; one count if not `reset`."""

    def early_stopping(losses: Sequence[float], patience: int, min_delta: float = 0.0) -> Stopped:
        best, kept, bad = losses[0], 1, 0
        for epoch, loss in enumerate(losses[1:], start=2):
            if better(loss, best, min_delta):
                best, kept, bad = loss, epoch, 0 if reset else bad
            else:
                bad += 1
            if last:
                best = loss
            if bad >= patience:
                return kept, epoch
        return kept, None

    return early_stopping


def _argmin(losses: Sequence[float]) -> int:
    return min(range(len(losses)), key=losses.__getitem__) + 1


def _moved(change: Callable[..., tuple[float, float]]) -> Callable[..., tuple[float, float]]:
    """Where the range is to move, change(low, high, best); else it stays."""

    def next_range(low: float, high: float, best: float, margin: float = 0.1) -> tuple[float, float]:
        new = reference.next_range(low, high, best, margin)
        return new if new == (low, high) else change(low, high, best)

    return next_range


def _where(edge: Callable[[float, float], bool], linear: bool = False) -> Callable[..., tuple[float, float]]:
    """The range moves where edge(u, margin) says so."""

    def next_range(low: float, high: float, best: float, margin: float = 0.1) -> tuple[float, float]:
        place = (best - low) / (high - low) if linear else math.log(best / low) / math.log(high / low)
        return _centred(low, high, best) if edge(place, margin) else (low, high)

    return next_range


def _centred(low: float, high: float, best: float) -> tuple[float, float]:
    half = math.sqrt(high / low)
    return best / half, best * half


def _away(low: float, high: float, best: float) -> tuple[float, float]:
    return _centred(low, high, low * high / best)


def _wrong(
    name: str, title: str, why: str, parts: str, function: str, wrong: Callable[..., Any]
) -> Misconception:
    return Misconception(name, title, why, {function: wrong}, tuple(parts.split()))


_BOTH, _LOSS, _COSINE, _STOP = (
    "penalty penalty_gradient",
    "penalized_loss",
    "cosine_schedule",
    "early_stopping",
)

MISCONCEPTIONS = (
    _wrong(
        "biases_penalized",
        "the biases were penalised as well",
        "A bias does not make a function wiggle; only parameters with more than one dimension count.",
        _BOTH,
        _LOSS,
        _measured(_absolute, every=True),
    ),
    _wrong(
        "mean_for_sum",
        "the absolute values were averaged",
        "The penalty is their sum, so that λ means the same for every weight, however many there are.",
        _BOTH,
        _LOSS,
        _measured(lambda p: _absolute(p) / p.numel()),
    ),
    _wrong(
        "squares_for_absolute_values",
        "the weights were squared",
        "That is the L2 penalty; its gradient fades near 0, and no weight gets there.",
        _BOTH,
        _LOSS,
        _measured(lambda p: p.square().sum()),
    ),
    _wrong(
        "root_of_squares",
        "each parameter's Euclidean norm was added",
        "The L1 norm is the sum of the absolute values.",
        _BOTH,
        _LOSS,
        _measured(lambda p: p.square().sum().sqrt()),
    ),
    _wrong(
        "penalty_halved",
        "the penalty has a factor ½",
        "The ½ belongs to the L2 penalty, where it cancels the 2 of the derivative.",
        _BOTH,
        _LOSS,
        _measured(lambda p: _absolute(p) / 2),
    ),
    _wrong(
        "absolute_value_missing",
        "the weights were added with their signs",
        "Then a weight lowers the loss by becoming more and more negative.",
        _BOTH,
        _LOSS,
        _measured(lambda p: p.sum()),
    ),
    _wrong(
        "penalty_subtracted",
        "the penalty was subtracted",
        "Large weights are to cost something.",
        _BOTH,
        _LOSS,
        _measured(lambda p: -_absolute(p)),
    ),
    _wrong(
        "only_matrices",
        "the kernels of convolutions were left out",
        "They have four dimensions; every parameter with more than one counts.",
        _BOTH,
        _LOSS,
        _matrices,
    ),
    _wrong(
        "only_the_first_weight",
        "only the first weight parameter was penalised",
        "Add up over all of them.",
        _BOTH,
        _LOSS,
        _first_weight,
    ),
    _wrong(
        "penalty_alone",
        "the loss itself was lost",
        "The penalty is added to the loss.",
        "penalty",
        _LOSS,
        lambda loss, parameters, strength: reference.penalized_loss(loss * 0, parameters, strength),
    ),
    _wrong(
        "strength_missing",
        "the penalty was not multiplied by the strength",
        "λ decides how much the weights' size counts against the data.",
        _BOTH,
        _LOSS,
        lambda loss, parameters, strength: reference.penalized_loss(loss, parameters, 1.0),
    ),
    _wrong(
        "cut_off",
        "no gradient flows: the penalty is a plain number, cut off from the weights",
        "A penalty without a gradient changes what is printed, not what is learnt; no .item(), .data or "
        "no_grad.",
        "penalty_gradient",
        _LOSS,
        lambda loss, parameters, strength: reference.penalized_loss(
            loss, [p.detach() for p in parameters], strength
        ),
    ),
    _wrong(
        "loss_cut_off",
        "no gradient flows to the loss",
        "The network is still to learn from its loss; do not detach it.",
        "penalty_gradient",
        _LOSS,
        lambda loss, parameters, strength: reference.penalized_loss(
            loss.detach() + 0 * loss, parameters, strength
        ),
    ),
    _wrong(
        "no_warmup",
        "there is no warm-up",
        "During the first steps the rate rises to the peak; the cosine starts after them.",
        "cosine",
        _COSINE,
        _no_warmup,
    ),
    _wrong(
        "warmup_starts_at_zero",
        "the first rate of the warm-up is 0, and its last one is below the peak",
        "A step at rate 0 is wasted: at step t of the warm-up the rate is peak·(t + 1) / w.",
        "cosine",
        _COSINE,
        _warming(lambda t, w, peak, final: peak * t / w),
    ),
    _wrong(
        "warmup_misses_the_peak",
        "the warm-up does not reach the peak",
        "Its last step, w − 1, has the peak: peak·(t + 1) / w.",
        "cosine",
        _COSINE,
        _warming(lambda t, w, peak, final: peak * (t + 1) / (w + 1)),
    ),
    _wrong(
        "warmup_starts_at_final",
        "the warm-up rises from the final rate",
        "It rises from peak / w; the final rate is that of the last step.",
        "cosine",
        _COSINE,
        _warming(lambda t, w, peak, final: final + (peak - final) * (t + 1) / w),
    ),
    _wrong(
        "constant_warmup",
        "the rate is the peak from the first step on",
        "In the warm-up it rises in a straight line.",
        "cosine",
        _COSINE,
        _warming(lambda t, w, peak, final: peak),
    ),
    _wrong(
        "cosine_over_all_steps",
        "the cosine counts from the first step, so the rate jumps where the warm-up ends",
        "It starts at the peak at step w: u = (step − w) / (T − 1 − w).",
        "cosine",
        _COSINE,
        _progress(lambda t, total, w: t / (total - 1)),
    ),
    _wrong(
        "end_not_reached",
        "the last step does not have the final rate",
        "The last step is T − 1, and there u is 1: u = (step − w) / (T − 1 − w).",
        "cosine",
        _COSINE,
        _progress(lambda t, total, w: (t - w) / (total - w)),
    ),
    _wrong(
        "degrees",
        "the angle is in degrees",
        "math.cos and torch.cos take radians: half a turn is π.",
        "cosine",
        _COSINE,
        _progress(lambda t, total, w: 180 / math.pi * _share(t, total, w)),
    ),
    _wrong(
        "full_wave",
        "the rate climbs back to the peak",
        "That is a whole wave; half of one, cos(πu), goes from 1 to −1.",
        "cosine",
        _COSINE,
        _progress(lambda t, total, w: 2 * _share(t, total, w)),
    ),
    _wrong(
        "quarter_wave",
        "the cosine runs over a quarter of a wave",
        "(1 + cos πu) / 2 goes from 1 to 0 and is flat at both ends.",
        "cosine",
        _COSINE,
        _after_warmup(lambda u, peak, final: final + (peak - final) * math.cos(math.pi * u / 2)),
    ),
    _wrong(
        "rate_becomes_negative",
        "the rate becomes negative",
        "cos runs from 1 to −1; (1 + cos πu) / 2 runs from 1 to 0.",
        "cosine",
        _COSINE,
        _after_warmup(lambda u, peak, final: final + (peak - final) * math.cos(math.pi * u)),
    ),
    _wrong(
        "straight_descent",
        "the rate falls in a straight line",
        "It follows (1 + cos πu) / 2.",
        "cosine",
        _COSINE,
        _after_warmup(lambda u, peak, final: peak + (final - peak) * u),
    ),
    _wrong(
        "final_ignored",
        "the rate falls to 0 whatever `final` is",
        "Its last value is `final`.",
        "cosine",
        _COSINE,
        _final_ignored,
    ),
    _wrong(
        "final_added",
        "the final rate was added to the whole cosine",
        "Then it starts above the peak: the cosine's height is peak − final.",
        "cosine",
        _COSINE,
        _after_warmup(lambda u, peak, final: final + peak * (1 + math.cos(math.pi * u)) / 2),
    ),
    _wrong(
        "one_step_late",
        "each drop comes one step late",
        "Steps count from 0: the first `every` of them are 0 … every − 1.",
        "step",
        "step_schedule",
        _dropped(lambda step, every: max(step - 1, 0) // every),
    ),
    _wrong(
        "one_step_early",
        "each drop comes one step early",
        "Steps count from 0: step every − 1 is the last one before the drop.",
        "step",
        "step_schedule",
        _dropped(lambda step, every: (step + 1) // every),
    ),
    _wrong(
        "not_floored",
        "the rate falls at every step",
        "The exponent is the whole number ⌊step / every⌋.",
        "step",
        "step_schedule",
        _dropped(lambda step, every: step / every),
    ),
    _wrong(
        "rounded",
        "the drops come half an interval early",
        "step / every is rounded down, not to the nearest whole number.",
        "step",
        "step_schedule",
        _dropped(lambda step, every: math.floor(step / every + 0.5)),
    ),
    _wrong(
        "compounding",
        "the rate was multiplied at every step",
        "It is multiplied once after `every` steps.",
        "step",
        "step_schedule",
        _dropped(lambda step, every: step),
    ),
    _wrong(
        "only_one_drop",
        "the rate drops only once",
        "It drops again after each further `every` steps.",
        "step",
        "step_schedule",
        _dropped(lambda step, every: min(step // every, 1)),
    ),
    _wrong(
        "factor_multiplied",
        "the rate was multiplied by factor · ⌊step / every⌋",
        "Each drop multiplies by the factor once more: a power.",
        "step",
        "step_schedule",
        lambda step, base, every, factor=0.1: base * (factor * (step // every) if step >= every else 1.0),
    ),
    _wrong(
        "divided_by_factor",
        "the rate was divided by the factor",
        "The factor is below 1 and is multiplied with.",
        "step",
        "step_schedule",
        _dropped(lambda step, every: -(step // every)),
    ),
    _wrong(
        "uniform_not_log",
        "the numbers are uniform, not log-uniform",
        "Then nine tenths of them lie in the top decade, and the small ones are never tried.",
        "log_uniform",
        "log_uniform",
        _drawn(lambda u, low, high: low + (high - low) * u),
    ),
    _wrong(
        "bounds_taken_as_exponents",
        "low and high were taken as exponents",
        "They are the smallest and the largest number; take their logarithms first.",
        "log_uniform",
        "log_uniform",
        _drawn(lambda u, low, high: _power(10, low, high, u)),
    ),
    _wrong(
        "logarithms_do_not_match",
        "10 was raised to a natural logarithm",
        "10**x undoes log10, exp undoes log.",
        "log_uniform",
        "log_uniform",
        _drawn(lambda u, low, high: _power(10, math.log(low), math.log(high), u)),
    ),
    _wrong(
        "exponential_does_not_match",
        "exp was taken of a decimal logarithm",
        "10**x undoes log10, exp undoes log.",
        "log_uniform",
        "log_uniform",
        _drawn(lambda u, low, high: _power(math.e, math.log10(low), math.log10(high), u)),
    ),
    _wrong(
        "exponents_returned",
        "the exponents were returned",
        "Raise 10 to them.",
        "log_uniform",
        "log_uniform",
        _drawn(lambda u, low, high: math.log10(low) + math.log10(high / low) * u),
    ),
    _wrong(
        "reciprocals_uniform",
        "the reciprocals are uniform, not the logarithms",
        "Then nine tenths of the numbers lie in the lowest decade.",
        "log_uniform",
        "log_uniform",
        _drawn(lambda u, low, high: 1 / (1 / low + (1 / high - 1 / low) * u)),
    ),
    _wrong(
        "whole_exponents",
        "only a few different numbers are drawn",
        "That is a grid; between two powers of ten every number is possible.",
        "log_uniform",
        "log_uniform",
        _drawn(_whole),
    ),
    _wrong(
        "one_number_for_all",
        "all numbers of a call are the same",
        "n independent numbers are asked for.",
        "log_uniform",
        "log_uniform",
        _drawn(lambda u, low, high: (low * (high / low) ** u)[:1].expand(len(u)).clone()),
    ),
    _wrong(
        "evenly_spaced",
        "the numbers are evenly spaced instead of independent",
        "A shuffled grid is still a grid; draw each number by itself.",
        "log_uniform",
        "log_uniform",
        _drawn(_shuffled_grid),
    ),
    _wrong(
        "fixed_seed",
        "every call draws the same",
        "Then a second search tries the same settings again; do not seed inside the function.",
        "log_uniform",
        "log_uniform",
        _other_generator(_seeded),
    ),
    _wrong(
        "generator_ignored",
        "the generator was not used",
        "Pass `generator` on to the call that draws, or nobody can repeat a search.",
        "log_uniform",
        "log_uniform",
        _other_generator(lambda generator: None),
    ),
    _wrong(
        "reseeds_generator",
        "the generator was seeded again inside the function",
        "The caller owns the generator; drawing from it moves it on, and the next call draws anew.",
        "log_uniform",
        "log_uniform",
        _other_generator(_reseeded),
    ),
    _wrong(
        "reseeds_globally",
        "the global random state was used or seeded, though a generator was given",
        "It changes what every other part of the program draws next; draw from `generator` alone.",
        "log_uniform",
        "log_uniform",
        _other_generator(_global),
    ),
    _wrong(
        "stops_one_epoch_late",
        "training stops one epoch late",
        "It stops after the epoch in which `patience` epochs in a row have brought no improvement.",
        "early_stopping",
        _STOP,
        lambda losses, patience, min_delta=0.0: reference.early_stopping(losses, patience + 1, min_delta),
    ),
    _wrong(
        "stops_one_epoch_early",
        "training stops one epoch early",
        "The epoch of the best loss is not one without improvement.",
        "early_stopping",
        _STOP,
        lambda losses, patience, min_delta=0.0: reference.early_stopping(
            losses, max(patience - 1, 1), min_delta
        ),
    ),
    _wrong(
        "compares_with_the_last",
        "each epoch was compared with the one before",
        "An epoch must beat the best so far; a slow rise with small dips would never stop.",
        "early_stopping",
        _STOP,
        _counting(lambda loss, best, delta: loss < best - delta, last=True),
    ),
    _wrong(
        "last_weights_kept",
        "the weights of the last epoch are kept",
        "Patience lets the loss rise before training stops; go back to the epoch of the best loss.",
        "early_stopping",
        _STOP,
        _stopping(lambda found, losses: (found[1] or len(losses), found[1])),
    ),
    _wrong(
        "looks_past_the_stop",
        "the best epoch was looked for among all losses",
        "When training has stopped, the later epochs do not exist.",
        "early_stopping",
        _STOP,
        _stopping(lambda found, losses: (_argmin(losses), found[1])),
    ),
    _wrong(
        "small_improvements_kept",
        "the lowest loss was kept though it was no improvement",
        "Only an epoch that beats the best by more than min_delta counts.",
        "early_stopping",
        _STOP,
        _stopping(lambda found, losses: (_argmin(losses[: found[1]]), found[1])),
    ),
    _wrong(
        "patience_never_restored",
        "the epochs without improvement were counted over the whole training",
        "An improvement starts the count afresh: `patience` epochs in a row.",
        "early_stopping",
        _STOP,
        _counting(lambda loss, best, delta: loss < best - delta, reset=False),
    ),
    _wrong(
        "min_delta_added",
        "min_delta makes an improvement easier instead of harder",
        "The loss must lie below best − min_delta.",
        "early_stopping",
        _STOP,
        _counting(lambda loss, best, delta: loss < best + delta),
    ),
    _wrong(
        "min_delta_ignored",
        "min_delta was not used",
        "An improvement of no more than min_delta is none.",
        "early_stopping",
        _STOP,
        _counting(lambda loss, best, delta: loss < best),
    ),
    _wrong(
        "min_delta_relative",
        "min_delta was taken as a share of the best loss",
        "It is in the unit of the loss: best − min_delta.",
        "early_stopping",
        _STOP,
        _counting(lambda loss, best, delta: loss < best * (1 - delta)),
    ),
    _wrong(
        "ties_are_improvements",
        "a loss exactly at best − min_delta counted as an improvement",
        "It must lie below, or a loss that stands still would never stop.",
        "early_stopping",
        _STOP,
        _counting(lambda loss, best, delta: loss <= best - delta),
    ),
    _wrong(
        "higher_is_better",
        "a higher loss counted as an improvement",
        "That is for accuracies.",
        "early_stopping",
        _STOP,
        _counting(lambda loss, best, delta: loss > best + delta),
    ),
    _wrong(
        "epochs_from_zero",
        "the epochs count from 0",
        "Here the first epoch is number 1.",
        "early_stopping",
        _STOP,
        _stopping(lambda found, losses: (found[0] - 1, None if found[1] is None else found[1] - 1)),
    ),
    _wrong(
        "number_for_none",
        "a stop was reported though the losses ended first",
        "stop_epoch is None when patience did not run out.",
        "early_stopping",
        _STOP,
        _stopping(lambda found, losses: (found[0], found[1] or len(losses))),
    ),
    _wrong(
        "linear_scale",
        "the place in the range was measured on a linear scale",
        "On a linear scale almost the whole of a range from 1e-4 to 1e-1 lies next to its lower edge.",
        "next_range",
        "next_range",
        _where(lambda u, margin: u < margin or u > 1 - margin, linear=True),
    ),
    _wrong(
        "only_the_upper_edge",
        "the range does not move at its lower edge",
        "The optimum may lie beyond either edge.",
        "next_range",
        "next_range",
        _where(lambda u, margin: u > 1 - margin),
    ),
    _wrong(
        "only_the_lower_edge",
        "the range does not move at its upper edge",
        "The optimum may lie beyond either edge.",
        "next_range",
        "next_range",
        _where(lambda u, margin: u < margin),
    ),
    _wrong(
        "always_moves",
        "the range moves wherever the best value is",
        "A best value well inside is what the range was for.",
        "next_range",
        "next_range",
        _where(lambda u, margin: True),
    ),
    _wrong(
        "never_moves",
        "the range never moves",
        "A best value at the edge says that better ones may lie beyond it.",
        "next_range",
        "next_range",
        _where(lambda u, margin: False),
    ),
    _wrong(
        "edge_rule_inverted",
        "the range moves when the best value lies inside, and stays when it is at the edge",
        "It is the edge that says that better values may lie beyond.",
        "next_range",
        "next_range",
        _where(lambda u, margin: margin <= u <= 1 - margin),
    ),
    _wrong(
        "only_the_very_edge",
        "the range moves only when the best value is the edge itself",
        "Drawn values hardly ever are; within `margin` of it is near enough.",
        "next_range",
        "next_range",
        _where(lambda u, margin: u < 1e-9 or u > 1 - 1e-9),
    ),
    _wrong(
        "centred_on_a_linear_scale",
        "the best value was put into the middle of a linear scale",
        "On that scale the lower edge can become negative; divide and multiply by √(high / low).",
        "next_range",
        "next_range",
        _moved(lambda low, high, best: (best - (high - low) / 2, best + (high - low) / 2)),
    ),
    _wrong(
        "moved_away",
        "the range moved away from the best value",
        "It moves towards the edge at which the best value lies, and beyond.",
        "next_range",
        "next_range",
        _moved(_away),
    ),
    _wrong(
        "width_not_halved",
        "the new range is twice as wide",
        "From the middle to each edge is half the old width on the logarithmic scale, √(high / low).",
        "next_range",
        "next_range",
        _moved(lambda low, high, best: (best * low / high, best * high / low)),
    ),
    _wrong(
        "best_becomes_an_edge",
        "the best value became an edge of the new range",
        "Then what lies on its other side is lost; put it into the middle.",
        "next_range",
        "next_range",
        _moved(
            lambda low, high, best: (
                (best * low / high, best) if best * best < low * high else (best, best * high / low)
            )
        ),
    ),
)
