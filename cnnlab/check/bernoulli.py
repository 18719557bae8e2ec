"""Exact tests of a dropout mask: right rate, independent elements, independent calls.

A mask is random, so a right answer can fail by chance. Each test here fails a right answer with
probability at most `ALPHA`; a whole assignment runs fewer than a thousand of them, so the chance that it
fails a right answer stays below 1e-9. The tail probabilities are those of the binomial distribution
itself, not of its normal approximation.
"""

from collections.abc import Sequence

import torch
from scipy.special import bdtr, bdtrc

from cnnlab.check.compare import Wrong

ALPHA = 1e-12


def _unlikely(successes: int, trials: int, probability: float, alpha: float) -> bool:
    """Whether a Binomial(trials, probability) count is as extreme as this with probability below alpha."""
    below = bdtr(successes, trials, probability)
    above = bdtrc(successes - 1, trials, probability) if successes > 0 else 1.0
    return bool(2 * min(below, above) < alpha)


def plausible(mask: torch.Tensor, keep: float) -> bool:
    """Whether the mask's share of True can be that of independent draws with probability `keep`."""
    return not _unlikely(int(mask.sum()), mask.numel(), keep, ALPHA)


def rate(
    mask: torch.Tensor,
    keep: float,
    what: str = "mask",
    never: str | None = None,
    always: str | None = "nothing_dropped",
) -> None:
    """Raise `Wrong` unless the share of True is that of independent draws with probability `keep`.

    `never` names the misconception if the mask is never True, `always` if it always is.
    """
    if plausible(mask, keep):
        return
    kept, size = int(mask.sum()), mask.numel()
    suspect = "keep_probability_in_mask" if plausible(mask, 1 - keep) else None
    if kept in (0, size):
        suspect = always if kept else never
    raise Wrong(
        "randomness",
        f"{what} keeps {100 * kept / size:.3g} % of the elements; expected {100 * keep:.3g} %.",
        [("counted", f"{kept} of {size} kept; a right mask gives this with probability below {ALPHA:g}")],
        suspect=suspect,
    )


def not_shared(mask: torch.Tensor) -> None:
    """Raise `Wrong` if one small mask was repeated for the batch, or for each channel of (N, C, H, W)."""
    if bool((mask == mask[:1]).all()):
        raise Wrong("randomness", "every sample has the same mask.", suspect="one_mask_per_batch")
    if mask.ndim == 4 and bool((mask == mask[:, :, :1, :1]).all()):
        raise Wrong("randomness", "each channel is kept or dropped as a whole.", suspect="whole_channels")


def independent(mask: torch.Tensor, keep: float, axes: Sequence[str]) -> None:
    """Raise `Wrong` if slices of the mask along some axis agree with each other more, or less, than chance.

    Every pair of slices is compared, so a mask shared by the batch, by all channels, or repeated every so
    many rows is found. `axes` names the dimensions.
    """
    worst = 0.0, ""
    for axis, name in enumerate(axes):
        slices = mask.movedim(axis, 0).reshape(mask.shape[axis], -1)
        size, trials = slices.shape
        signs = slices.double() * 2 - 1
        agree = ((signs @ signs.T + trials) / 2).round().long()
        pairs = torch.triu_indices(size, size, offset=1)
        counts = agree[pairs[0], pairs[1]]
        for extreme in (counts.argmax(), counts.argmin()):
            found, chance = int(counts[extreme]), _agreement(keep)
            if _unlikely(found, trials, chance, ALPHA / counts.numel()):
                first, second = int(pairs[0, extreme]), int(pairs[1, extreme])
                text = (
                    f"the mask is not independent: {name} {first} and {name} {second} agree in {found} of "
                    f"{trials} elements; chance gives about {chance * trials:.0f}."
                )
                worst = max(worst, (abs(found / trials - chance), text))
    if worst[1]:
        raise Wrong("randomness", worst[1])


def _agreement(keep: float) -> float:
    return keep * keep + (1 - keep) * (1 - keep)


def fresh(first: torch.Tensor, second: torch.Tensor, keep: float, what: str, suspect: str) -> None:
    """Raise `Wrong` unless two masks are independent of each other."""
    same, size = int((first == second).sum()), first.numel()
    if _unlikely(same, size, _agreement(keep), ALPHA):
        raise Wrong(
            "randomness",
            f"{what} gave masks that agree in {same} of {size} elements; "
            f"chance gives about {_agreement(keep) * size:.0f}.",
            suspect=suspect if same == size else None,
        )
