"""One trial in a process of its own: train with every seed, return the mean of the results."""

import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from cnnlab.experiments import Recipe, cache, comparison, final
from cnnlab.experiments.recipe import run
from cnnlab.training import Diverged

WORST = {"accuracy": 0.0, "loss": math.inf}


@dataclass(frozen=True)
class Outcome:
    """What a trial's training said.

    Attributes:
        value: mean over the seeds; the worst there is when a run diverged, nan when one failed otherwise.
        values: by seed.
        failure: the reason of the first run that did not finish, else empty.
        epochs: trained in all, over the seeds.
        seconds: of the training, also when it was read from disk.
    """

    value: float
    values: tuple[float, ...]
    failure: str
    epochs: int
    seconds: float


def evaluate(recipe: Recipe, seeds: Sequence[int], metric: str, keep: bool) -> Outcome:
    """Train the recipe with every seed; the validation result is that of the finished network."""
    paths = cache.entries([("", recipe, seed) for seed in seeds])[0] if keep else [None] * len(seeds)
    tables = []
    for seed, path in zip(seeds, paths, strict=True):
        kept = cache.read(path) if path else None
        table = comparison.run_and_keep(recipe, seed, path) if kept is None else kept
        tables.append(table)
        if table["failure"].iloc[0]:
            break  # the other seeds cannot save it
    return _outcome(tables, metric)


def evaluate_up_to(recipe: Recipe, seeds: Sequence[int], metric: str, epochs: int, folder: Path) -> Outcome:
    """The same for the first `epochs` epochs; a later call with more goes on from there, to the same bits."""
    tables = []
    for seed in seeds:
        training = {**recipe.training, "epochs": epochs, "checkpoint": folder / f"{seed}.pt"}
        tables.append(run(replace(recipe, training=training), seed))
        if tables[-1]["failure"].iloc[0]:
            break
    return _outcome(tables, metric)


def _outcome(tables: Sequence[pd.DataFrame], metric: str) -> Outcome:
    epochs = sum(int(table["stopped"].iloc[0]) for table in tables)
    seconds = sum(float(table["seconds"].iloc[0]) for table in tables)
    failure = str(tables[-1]["failure"].iloc[0])
    if failure:
        diverged = failure.startswith(Diverged.__name__)
        return Outcome(WORST[metric] if diverged else math.nan, (), failure, epochs, seconds)
    named = [table.assign(variant="") for table in tables]
    values = tuple(float(final(table)[metric].iloc[0]) for table in named)
    return Outcome(sum(values) / len(values), values, "", epochs, seconds)


def in_worker(parent: int, function: Callable[..., Outcome], *arguments: Any) -> Outcome:
    """Call a function in a process that ends when the one that started it has gone, however that went."""
    _follow(parent)
    return function(*arguments)


@lru_cache(maxsize=1)
def _follow(parent: int) -> None:
    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
