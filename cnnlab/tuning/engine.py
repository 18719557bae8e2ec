"""How trials are drawn: Optuna's samplers, seeded per trial, and its successive halving."""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cnnlab.tuning.space import Params
from cnnlab.tuning.trials import index

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

FACTOR = 3  # successive halving lets about one in three go on, for three times as many epochs


def seeded(make: Callable[[int, int], "BaseSampler"], seed: int) -> "BaseSampler":
    """A sampler that begins anew for each trial, from the search's seed and the trial's index.

    The index is looked up when the first value is drawn: it is not certain before.

    A sampler's own random numbers would start again from the first when a search is resumed, and repeat the
    trials that are there already. So drawn, trial 17 is the same whether the search was interrupted or not.

    Args:
        make: called with the index and the seed of a trial.
    """
    from optuna.samplers import BaseSampler

    class Seeded(BaseSampler):
        """Hands every value to the present trial's sampler; trials are asked for one at a time."""

        inner: BaseSampler
        number: int | None = None

        def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
            return {}  # none of our samplers draws several values together

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
            return {}

        def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
            if trial.number != self.number:
                position, self.number = index(study, trial), trial.number
                digest = hashlib.blake2b(f"{seed}/{position}".encode(), digest_size=4).digest()
                self.inner = make(position, int.from_bytes(digest))
                self.inner.before_trial(study, trial)
            return self.inner.sample_independent(study, trial, param_name, param_distribution)

    return Seeded()


def sampler(method: str, seed: int, points: list[Params]) -> "BaseSampler":
    """The sampler of a method; `points` are those of a grid."""
    from optuna import samplers

    def make(position: int, trial_seed: int) -> "BaseSampler":
        plain = samplers.RandomSampler(trial_seed)
        if method == "tpe":
            return samplers.TPESampler(seed=trial_seed)
        if method == "grid" and position < len(points):
            return samplers.PartialFixedSampler(points[position], plain)
        return plain

    return seeded(make, seed)


def pruner(method: str, first: int) -> "BasePruner":
    """Successive halving from `first` epochs on, for the method that asks for it.

    Source: Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning" (asynchronous halving).
    """
    from optuna import pruners

    if method != "halving":
        return pruners.NopPruner()
    return pruners.SuccessiveHalvingPruner(min_resource=first, reduction_factor=FACTOR)


def rungs(epochs: int, first: int | None = None) -> list[int]:
    """After how many epochs halving decides, and the last epoch, where it does not."""
    step = first or max(1, epochs // FACTOR**2)
    found = []
    while step < epochs:
        found.append(step)
        step *= FACTOR
    if first is None and len(found) > 2:  # a last rung just before the end saves nothing
        found = found[:2]
    return [*found, epochs]
