"""Many runs at once: every variant with every seed, on all cores, each finished run kept on disk."""

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import joblib  # type: ignore[import-untyped]
import pandas as pd
import torch

from cnnlab.errors import InputError
from cnnlab.experiments import cache as disk
from cnnlab.experiments.recipe import Recipe, run
from cnnlab.training import Diverged
from cnnlab.training.progress import watched

COLUMNS = [
    *("variant", "seed", "epoch", "split", "loss", "accuracy"),
    *("failure", "seconds", "stopped", "kept"),
]


def compare(
    variants: Mapping[str, Recipe],
    seeds: Iterable[int] = range(8),
    *,
    test: bool = False,
    jobs: int | None = None,
    cache: bool = True,
) -> pd.DataFrame:
    """Train every variant with every seed.

    A finished run is kept on disk, under a name made from the content of the code and the settings that it
    depends on; asked for again, it is read instead. So a comparison that was killed goes on where it was, and
    one with more seeds or variants trains only these. What is kept lies in `.cache/experiments` of the
    repository, or in the folder that CNNLAB_CACHE names, and may be deleted at any time.

    Args:
        test: also show how the finished model does on the test split (one row with split "test"). Leave it
            out while you are still choosing; finished runs are not trained again for it.
        jobs: processes; unless given, as many as CNNLAB_JOBS says, else one per core, or a single one when
            there is a CUDA device. Each computes with one thread, so the numbers do not depend on it.
        cache: False to train every run, and to keep none.

    Returns:
        One row per variant, seed, epoch and split: variant, seed, epoch, split, loss, accuracy, failure,
        seconds (of the whole run, when it was trained), stopped (its last epoch), kept (the epoch whose
        weights the finished model has: the last one, unless early stopping put others back). A run that
        failed is one row, at the epoch that failed, with the reason in `failure` (else empty).
        `attrs["cached"]` counts the runs that were read from disk, `attrs["runs"]` all of them, and
        `attrs["not_cacheable"]` has the reason for every variant that cannot be kept.

    Raises:
        InputError: for an unknown model or option, before anything is trained.
    """
    seeds = list(seeds)
    if not variants or not seeds:
        raise InputError(f"there is nothing to compare: {len(variants)} variants, {len(seeds)} seeds.")
    for recipe in variants.values():
        recipe.check()
    runs = [(name, recipe, seed) for name, recipe in variants.items() for seed in seeds]
    paths, reasons = disk.entries(runs) if cache else ([None] * len(runs), {})
    tables = {number: table for number, path in enumerate(paths) if (table := _kept(path)) is not None}
    missing = [number for number in range(len(runs)) if number not in tables]
    cached = len(tables)
    _say(len(runs), cached, reasons)
    jobs = _processes(len(missing)) if jobs is None else jobs
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        results = joblib.Parallel(n_jobs=jobs, return_as="generator", batch_size=1)(
            joblib.delayed(run_and_keep)(runs[number][1], runs[number][2], paths[number])
            for number in missing
        )
        for done, (number, table) in enumerate(zip(missing, results, strict=True), 1):
            tables[number] = table
            _count(done, len(missing))
    named = [tables[number].assign(variant=name) for number, (name, _, _) in enumerate(runs)]
    together: pd.DataFrame = pd.concat(named, ignore_index=True)[COLUMNS]
    if not test:
        together = together[together["split"] != "test"].reset_index(drop=True)
    together.attrs |= {"cached": cached, "runs": len(runs), "not_cacheable": reasons}
    return together


def _processes(runs: int) -> int:
    if (chosen := os.environ.get("CNNLAB_JOBS")) is not None:
        if not chosen.isdecimal() or int(chosen) < 1:
            raise InputError(f"CNNLAB_JOBS is {chosen!r}; it must be a whole number of at least 1.")
        return max(1, min(runs, int(chosen)))
    return 1 if torch.cuda.is_available() else max(1, min(runs, joblib.cpu_count()))


def _kept(path: Path | None) -> pd.DataFrame | None:
    return None if path is None else disk.read(path)


def run_and_keep(recipe: Recipe, seed: int, path: Path | None) -> pd.DataFrame:
    """Keeps what it did itself, in its own process, so that it is kept even if the one that asked is gone."""
    table = run(recipe, seed)
    failure = str(table["failure"].iloc[0])
    # A failure that is not the training's own, such as too little memory, may not happen again.
    if path is not None and (not failure or failure.startswith(Diverged.__name__)):
        disk.write(path, table)
    return table


def _say(runs: int, cached: int, reasons: Mapping[str, str]) -> None:
    if not watched():
        return
    if cached:
        print(f"{cached} of {runs} runs are read from {disk.folder()}", file=sys.stderr)
    for name, reason in reasons.items():
        print(f"the runs of {name!r} cannot be kept for the next time: {reason}", file=sys.stderr)


def _count(done: int, total: int) -> None:
    """A line that counts the runs; silent while a book is built or the output is not watched."""
    if watched():
        end = "\n" if done == total else ""
        print(f"\r{done} of {total} runs", end=end, file=sys.stderr, flush=True)
