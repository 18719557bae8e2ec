"""One training run, as data: what it needs, and how it is carried out with a seed."""

import copy
import inspect
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
import torch
from torch import nn

from cnnlab.data import Dataset
from cnnlab.errors import InputError, unknown
from cnnlab.models import build, initialise
from cnnlab.training import Diverged, EarlyStopping, evaluate, fit

# Options of `fit` that a recipe may set; the others are the comparison's to set, or make no sense there.
TRAINING = set(inspect.signature(fit).parameters) - {"model", "train", "validation", "seed", "checkpoint"}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything one training run needs except its seed.

    Attributes:
        data: called as `data(seed=seed)`.
        model: a name in `cnnlab.models.MODELS`, or a function that returns a network.
        options: passed to `model`.
        training: passed to `cnnlab.training.fit`. Every run gets copies of its own of the objects in it, so
            that an `EarlyStopping`, say, may serve in many runs.
        initialise: draws the initial weights from the seed.
    """

    data: Callable[..., Dataset]
    model: str | Callable[..., nn.Module] = "mlp"
    options: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    initialise: Callable[[nn.Module, int], None] = initialise

    def change(self, **options: Any) -> "Recipe":
        """The same recipe with some of the model's options changed."""
        return replace(self, options={**self.options, **options})

    def check(self) -> None:
        """Raise `InputError` for an unknown model or option; builds the network, trains nothing."""
        for option in self.training:
            if option not in TRAINING:
                raise unknown("training option", option, TRAINING)
        self.built(seed=0)

    def built(self, seed: int) -> nn.Module:
        """The network with the initial weights of `seed`; the global random state is put back."""
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.manual_seed(seed)
            model = build(self.model, **self.options)
        self.initialise(model, seed)
        return model


def run(recipe: Recipe, seed: int) -> pd.DataFrame:
    """One run as a table; whatever goes wrong becomes a row, so that the other runs are not lost.

    The test split is measured too, once, at the end: a comparison shows it only on request, and need not
    train again to do so.

    Returns:
        Columns seed, epoch, split, loss, accuracy, failure, seconds, stopped, kept; see `compare`.
    """
    threads, start = torch.get_num_threads(), time.perf_counter()
    torch.set_num_threads(1)
    try:
        history = _history(recipe, seed)
        history["failure"] = ""
    except InputError:
        raise  # the caller's mistake, the same in every run
    except Exception as error:
        epoch = error.epoch if isinstance(error, Diverged) else 0
        row = {"epoch": epoch, "split": "train", "loss": float("nan"), "accuracy": float("nan")}
        row |= {"stopped": epoch, "kept": epoch, "failure": f"{type(error).__name__}: {error}"}
        history = pd.DataFrame([row])
    finally:
        torch.set_num_threads(threads)
    history["seconds"] = time.perf_counter() - start
    history.insert(0, "seed", seed)
    return history


def _history(recipe: Recipe, seed: int) -> pd.DataFrame:
    data = recipe.data(seed=seed)
    model = recipe.built(seed)
    training = {"progress": False} | copy.deepcopy(dict(recipe.training))
    history = fit(model, data.train, data.validation, seed=seed, **training)
    stopped = kept = int(history["epoch"].max())
    for plug in training.get("after_epoch", ()):
        if isinstance(plug, EarlyStopping) and plug.restore:
            kept = plug.best_epoch
    loss, accuracy = evaluate(model, data.test)
    row = {"epoch": kept, "split": "test", "loss": loss, "accuracy": accuracy}
    history = pd.concat([history, pd.DataFrame([row])], ignore_index=True)
    return history.assign(stopped=stopped, kept=kept)
