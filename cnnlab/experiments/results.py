"""From the table of a comparison to statements: last epochs, paired differences, intervals, words."""

from collections.abc import Iterable
from typing import Any

import pandas as pd
from scipy.special import stdtrit

from cnnlab.errors import InputError, unknown

COLUMNS = ["variant", "metric", "mean", "low", "high", "pairs", "failed", "verdict"]
HIGHER_IS_BETTER = {"accuracy": True, "loss": False}


def final(table: pd.DataFrame, split: str = "validation") -> pd.DataFrame:
    """The last epoch of every run on one split; runs that failed are left out.

    Where early stopping put the weights of an earlier epoch back, that epoch counts as the last: it is the
    one the finished network is from.
    """
    finished = table[table["failure"] == ""]
    if finished.empty:
        raise InputError(f"no run finished. The first reason: {table['failure'].iloc[0]}")
    if split not in set(finished["split"]):
        raise unknown("split", split, set(finished["split"]))
    rows = finished[finished["split"] == split]
    if "kept" in rows:
        rows = rows[rows["epoch"] <= rows["kept"]]
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
        "better" or "worse" only when the interval excludes zero, otherwise "no difference shown"; "not
        comparable", without numbers, when fewer than two seeds finished with both.
    """
    if metric not in HIGHER_IS_BETTER:
        raise unknown("metric", metric, HIGHER_IS_BETTER)
    if baseline not in set(table["variant"]):
        raise unknown("variant", baseline, set(table["variant"]))
    values = final(table, split).pivot(index="seed", columns="variant", values=metric)
    rows = []
    for name in [name for name in table["variant"].unique() if name != baseline]:
        both = values.reindex(columns=[name, baseline]).dropna()
        enough = len(both) > 1
        change = both[name] - both[baseline]
        low, mean, high = interval(change, confidence) if enough else 3 * (float("nan"),)
        verdict = "no difference shown" if enough else "not comparable"
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
    if row.verdict == "not comparable":
        return f"not comparable: {row.failed} seeds failed, {row.pairs} finished"
    scale, digits, unit = (100, 1, "percentage points") if row.metric == "accuracy" else (1, 2, "nats")
    mean, low, high = (
        f"{scale * value:+.{digits}f}".replace("-", "−") for value in (row.mean, row.low, row.high)
    )
    if row.verdict == "no difference shown":
        return f"no difference shown (mean {mean} {unit}, 95 % interval {low} to {high})"
    return f"{row.verdict} by {mean[1:]} {unit} (95 % interval {low} to {high})"
