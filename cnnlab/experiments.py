"""Fair comparisons: variants × seeds, paired, in one tidy table, with intervals over the seeds.

Paired means that the runs of one seed share everything but what the variant changes: the split, the initial
weights of every layer they have in common, and the order of the batches. The difference of two variants is
then taken seed by seed, so that what a seed does to both runs alike does not blur it.
"""

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import joblib  # type: ignore[import-untyped]
import pandas as pd
import torch
from scipy.special import stdtrit
from torch import nn

from cnnlab.data import Dataset
from cnnlab.errors import InputError, unknown
from cnnlab.models import build, initialise
from cnnlab.training import Diverged, evaluate, fit

COLUMNS = ["variant", "metric", "mean", "low", "high", "pairs", "failed", "verdict"]
HIGHER_IS_BETTER = {"accuracy": True, "loss": False}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything one training run needs except its seed.

    Attributes:
        data: called as `data(seed=seed)`.
        model: a name in `cnnlab.models.MODELS`, or a function that returns a network.
        options: passed to `model`.
        training: passed to `cnnlab.training.fit`.
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


def compare(
    variants: Mapping[str, Recipe],
    seeds: Iterable[int] = range(8),
    *,
    test: bool = False,
    jobs: int | None = None,
) -> pd.DataFrame:
    """Train every variant with every seed.

    Args:
        test: also measure the finished model on the test split (one row with split "test"). Leave it out
            while you are still choosing.
        jobs: processes; one per core unless given, a single one when there is a CUDA device. Each computes
            with one thread, so the numbers do not depend on it.

    Returns:
        One row per variant, seed, epoch and split: variant, seed, epoch, split, loss, accuracy, failure. A
        run that failed is one row, at the epoch that failed, with the reason in `failure` (else empty).

    Raises:
        InputError: for an unknown model or option, before anything is trained.
    """
    for recipe in variants.values():
        _built(recipe, seed=0)
    runs = [(name, recipe, seed) for name, recipe in variants.items() for seed in seeds]
    if jobs is None:
        jobs = 1 if torch.cuda.is_available() else max(1, min(len(runs), joblib.cpu_count()))
    tables = []
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        results = joblib.Parallel(n_jobs=jobs, return_as="generator")(
            joblib.delayed(_run)(name, recipe, seed, test) for name, recipe, seed in runs
        )
        for done, table in enumerate(results, 1):
            tables.append(table)
            _report(done, len(runs))
    together: pd.DataFrame = pd.concat(tables, ignore_index=True)
    return together


def final(table: pd.DataFrame, split: str = "validation") -> pd.DataFrame:
    """The last epoch of every run on one split; runs that failed are left out."""
    finished = table[table["failure"] == ""]
    if finished.empty:
        raise InputError(f"no run finished. The first reason: {table['failure'].iloc[0]}")
    if split not in set(finished["split"]):
        raise unknown("split", split, set(finished["split"]))
    rows = finished[finished["split"] == split]
    last = rows.groupby(["variant", "seed"], sort=False)["epoch"].transform("max")
    return rows[rows["epoch"] == last].reset_index(drop=True)


def differences(
    table: pd.DataFrame,
    baseline: str,
    *,
    metric: str = "accuracy",
    split: str = "validation",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """How far each variant is from the baseline at the last epoch, seed by seed.

    Returns:
        One row per variant: variant, metric, mean (variant minus baseline), low, high (ends of the interval),
        pairs (seeds where both runs finished), failed (seeds where one did not), verdict. The verdict is
        "better" or "worse" only when the interval excludes zero, otherwise "no difference shown".
    """
    if metric not in HIGHER_IS_BETTER:
        raise unknown("metric", metric, HIGHER_IS_BETTER)
    if baseline not in set(table["variant"]):
        raise unknown("variant", baseline, set(table["variant"]))
    values = final(table, split).pivot(index="seed", columns="variant", values=metric)
    rows = []
    for name in [name for name in table["variant"].unique() if name != baseline]:
        both = values.reindex(columns=[name, baseline]).dropna()
        low, mean, high = interval(both[name] - both[baseline], confidence)
        verdict = "no difference shown"
        if low > 0 or high < 0:
            verdict = "better" if (low > 0) == HIGHER_IS_BETTER[metric] else "worse"
        stopped = table[table["variant"].isin([name, baseline]) & (table["failure"] != "")]
        failed = stopped["seed"].nunique()
        rows.append((name, metric, mean, low, high, len(both), failed, verdict))
    return pd.DataFrame(rows, columns=COLUMNS)


def interval(values: Iterable[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """Lower end, mean and upper end of Student's t-interval for the mean of `values`."""
    sample = pd.Series(list(values), dtype=float)
    if len(sample) < 2:
        raise InputError(f"an interval needs at least two finished runs; there are {len(sample)}.")
    mean, error = sample.mean(), sample.std(ddof=1) / len(sample) ** 0.5
    reach = float(stdtrit(len(sample) - 1, (1 + confidence) / 2)) * error
    return float(mean - reach), float(mean), float(mean + reach)


def in_words(row: Any) -> str:
    """A row of `differences` as a phrase: "better by 2.1 percentage points (95 % interval +1.0 to +3.2)"."""
    scale, digits, unit = (100, 1, "percentage points") if row.metric == "accuracy" else (1, 2, "nats")
    mean, low, high = (
        f"{scale * value:+.{digits}f}".replace("-", "−") for value in (row.mean, row.low, row.high)
    )
    if row.verdict == "no difference shown":
        return f"no difference shown (mean {mean} {unit}, 95 % interval {low} to {high})"
    return f"{row.verdict} by {mean[1:]} {unit} (95 % interval {low} to {high})"


def _built(recipe: Recipe, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        model = build(recipe.model, **recipe.options)
    recipe.initialise(model, seed)
    return model


def _run(name: str, recipe: Recipe, seed: int, test: bool) -> pd.DataFrame:
    """One run as a table; whatever goes wrong becomes a row, so that the other runs are not lost."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        data = recipe.data(seed=seed)
        model = _built(recipe, seed)
        history = fit(model, data.train, data.validation, seed=seed, **recipe.training)
        if test:
            loss, accuracy = evaluate(model, data.test)
            row = {"epoch": history["epoch"].max(), "split": "test", "loss": loss, "accuracy": accuracy}
            history = pd.concat([history, pd.DataFrame([row])])
        history["failure"] = ""
    except InputError:
        raise  # the caller's mistake, the same in every run
    except Exception as error:
        epoch = error.epoch if isinstance(error, Diverged) else 0
        row = {"epoch": epoch, "split": "train", "loss": float("nan"), "accuracy": float("nan")}
        history = pd.DataFrame([{**row, "failure": f"{type(error).__name__}: {error}"}])
    finally:
        torch.set_num_threads(threads)
    history.insert(0, "variant", name)
    history.insert(1, "seed", seed)
    return history


def _report(done: int, total: int) -> None:
    """A line that counts the runs; silent while a book is built or the output is not watched."""
    if "CNNLAB_QUIET" in os.environ or not (sys.stderr.isatty() or "ipykernel" in sys.modules):
        return
    print(f"\r{done} of {total} runs", end="\n" if done == total else "", file=sys.stderr, flush=True)
