"""One function that searches hyperparameters: alone, on all cores, or together with workers elsewhere."""

import inspect
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import joblib  # type: ignore[import-untyped]
import torch

from cnnlab.data.arguments import refused, whole
from cnnlab.errors import InputError, unknown
from cnnlab.experiments import HIGHER_IS_BETTER, Recipe, fingerprint
from cnnlab.training import fit
from cnnlab.tuning import engine
from cnnlab.tuning import storage as place
from cnnlab.tuning.refine import next_space, stage_sizes, starts
from cnnlab.tuning.result import Search, trial_table
from cnnlab.tuning.settings import check_names, with_values
from cnnlab.tuning.space import Params, Space, checked, described, grid
from cnnlab.tuning.trials import best
from cnnlab.tuning.work import work

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

# What each method is called, and whether its trials are the same in whatever order they finish.
METHODS = {"grid": True, "random": True, "coarse-to-fine": True, "tpe": False, "halving": False}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A search, checked: what is tried in which order, and how each trial is measured."""

    source: Recipe | Callable[..., Recipe]
    space: Space
    method: str
    metric: str
    trials: int | None
    seeds: tuple[int, ...]
    sizes: tuple[int, ...]
    points: list[Params]
    first: int
    keep: bool

    def space_at(self, trials: Sequence["FrozenTrial"], position: int) -> Space | None:
        """The ranges of the trial at a position; None while a stage before it is not finished."""
        space = self.space
        for start in starts(self.sizes)[1:]:
            if position < start:
                break
            earlier = list(trials[:start])
            if len(earlier) < start or not all(trial.state.is_finished() for trial in earlier):
                return None
            if found := best(earlier, HIGHER_IS_BETTER[self.metric]):
                space, _ = next_space(space, self.space, found.params)
        return space


def search(
    recipe: Recipe | Callable[..., Recipe],
    space: Mapping[str, object],
    method: str = "random",
    *,
    trials: int | None = None,
    seconds: float | None = None,
    seeds: Sequence[int] = (0,),
    metric: str = "accuracy",
    seed: int = 0,
    stages: int = 2,
    levels: int = 3,
    jobs: int | None = None,
    storage: place.Address = None,
    name: str = "search",
    cache: bool = True,
) -> Search:
    """Look for the hyperparameters with the best validation result.

    With a `storage`, every finished trial is kept, and the same call goes on where it was: after an
    interruption, `kill -9` included, with the very trials that an uninterrupted search would have had (if it
    runs in one process). What was running is taken up again; nothing counts twice. The same call on another
    machine with the same storage joins in: the budget is that of all workers together.

    Args:
        recipe: a `Recipe`, in which the names of `space` are options of its optimizer (lr, momentum,
            weight_decay …), epochs, batch_size, or options of its model. Or a function that is called with
            one value per name and returns a `Recipe`; called without, it returns the default.
        space: ranges by name; see `cnnlab.tuning.space.checked` for the short forms.
        method: "grid"; "random"; "coarse-to-fine": random stages, each looking closer around the best trial
            so far, and moving where that lies at the edge of its range; "tpe": Bayesian, by tree-structured
            Parzen estimators; "halving": random, but only the best third of what was tried goes on after a
            ninth and after a third of the epochs.
        trials: how many in all, with those that the storage holds. All of the grid's unless given.
        seconds: begin no trial after this time of this call.
        seeds: each trial is trained with each of them and is worth the mean.
        metric: "accuracy" or "loss", on the validation split at the end of the training. A run that diverged
            counts as the accuracy 0, or an infinite loss.
        seed: of what is drawn.
        stages: of a coarse-to-fine search.
        levels: values per range in a grid; lists are tried in full.
        jobs: processes. Unless given, one per core if the result does not depend on it (a search by grid, at
            random, or from coarse to fine), otherwise one; and one where there is a CUDA device.
        storage: a file (SQLite), or the address of a database such as postgresql+psycopg://user@host/database.
        name: of the study; a database holds many.
        cache: also keep each run on disk as `cnnlab.experiments.compare` does; halving does not.

    Raises:
        InputError: a setting that is out of range, a storage that cannot be used or holds another search, or
            no Optuna.
    """
    place.need_optuna()

    plan, settings = _plan(
        recipe, space, method, trials, seconds, seeds, metric, seed, stages, levels, cache, name
    )
    if jobs is not None:
        jobs = whole("jobs", jobs, 1)
    elif torch.cuda.is_available() or not METHODS[method]:
        jobs = 1
    else:
        jobs = min(joblib.cpu_count(), plan.trials or joblib.cpu_count())
    direction = "maximize" if HIGHER_IS_BETTER[metric] else "minimize"
    with place.quiet(), place.plain_errors(storage):
        study = place.open_study(storage, name, direction, settings)
        study.sampler = engine.sampler(method, seed, plan.points)
        study.pruner = engine.pruner(method, plan.first)
        try:
            work(study, plan, jobs, math.inf if seconds is None else float(seconds))
            table, ranges = trial_table(study, plan)
        finally:
            place.close(study)
    if table["value"].isna().all():
        reasons = [reason for reason in table["failure"] if reason]
        raise InputError(
            f"no trial finished. The first reason: {reasons[0] if reasons else 'the time was up'}"
        )
    return Search(plan=plan, table=table, ranges=ranges, study=study)


def _plan(
    recipe: Recipe | Callable[..., Recipe],
    space: Mapping[str, object],
    method: str,
    trials: int | None,
    seconds: float | None,
    seeds: Sequence[int],
    metric: str,
    seed: int,
    stages: int,
    levels: int,
    cache: bool,
    name: str,
) -> tuple[Plan, dict[str, object]]:
    """Everything that can be wrong is found here, before anything is trained or written."""
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    if metric not in HIGHER_IS_BETTER:
        raise unknown("metric", metric, HIGHER_IS_BETTER)
    if not isinstance(name, str) or not name:
        raise refused("name", name, "a text")
    ranges = checked(space)
    check_names(recipe, ranges)
    seeds = tuple(whole("each of seeds", one, 0) for one in seeds)
    if not seeds or len(set(seeds)) < len(seeds):
        raise refused("seeds", list(seeds), "a list of different whole numbers, at least one")
    seed, stages, levels = whole("seed", seed, 0), whole("stages", stages, 1), whole("levels", levels, 1)
    if seconds is not None and not (isinstance(seconds, int | float) and 0 < seconds < math.inf):
        raise refused("seconds", seconds, "a number above 0")
    points = grid(ranges, levels) if method == "grid" else []
    random.Random(seed).shuffle(points)  # so that a part of a grid is a fair sample of it
    if method == "grid":
        trials = len(points) if trials is None else min(whole("trials", trials, 1), len(points))
    elif trials is not None:
        trials = whole("trials", trials, 1)
    elif seconds is None:
        raise InputError("the search has no end: give trials, seconds, or both.")
    sizes: tuple[int, ...] = ()
    if method == "coarse-to-fine":
        if trials is None or trials < stages:
            raise InputError(
                f"a coarse-to-fine search needs a number of trials, at least one per stage; trials is "
                f"{trials}, stages {stages}."
            )
        sizes = tuple(stage_sizes(trials, stages))
    middle = with_values(recipe, grid(ranges, 1)[0])
    middle.check()
    if method == "halving" and "epochs" in ranges:
        raise InputError("halving compares trials after the same epochs, so it cannot search epochs as well.")
    epochs = middle.training.get("epochs", inspect.signature(fit).parameters["epochs"].default)
    first = engine.rungs(whole("epochs", epochs, 1))[0]
    plan = Plan(
        source=recipe, space=ranges, method=method, metric=metric, trials=trials, seeds=seeds, sizes=sizes,
        points=points, first=first, keep=bool(cache),
    )  # fmt: skip
    settings: dict[str, object] = {
        "space": described(ranges), "method": method, "metric": metric, "seeds": list(seeds), "seed": seed,
        "stages": list(sizes), "levels": levels if method == "grid" else None, "recipe": _name(recipe),
    }  # fmt: skip
    return plan, settings


def _name(recipe: object) -> str | None:
    """What the recipe is made of, so that a study is not gone on with for another one."""
    try:
        return fingerprint.content(recipe)
    except fingerprint.Unknowable:
        return None
