"""How much faster a comparison is on two processes than on one, and how long the same runs take from disk.

    python benchmarks/compare.py

The aim is a factor of at least 1.6 on two cores that are otherwise idle. Where others use the cores too,
times on the clock say little; the factor in processor time is then the better one: the single process over
the busier of the two. Starting the processes, a few seconds once per session, is shown apart: they stay for
later comparisons.
"""

import os
import statistics
import sys
import tempfile
import time
from functools import partial

import psutil
from rich.console import Console
from rich.table import Table

from cnnlab.data import load
from cnnlab.experiments import Recipe, compare

REPETITIONS = 5
AIM = 1.6
SEEDS = range(8)
BASE = Recipe(
    data=partial(load, "mnist-5k", train_size=500, label_noise=0.3),
    options={"hidden": (128, 128)},
    training={"epochs": 15},
)
VARIANTS = {"plain": BASE, "dropout": BASE.change(dropout=0.5)}


def seconds(**options: object) -> float:
    start = time.perf_counter()
    compare(VARIANTS, seeds=SEEDS, **options)  # type: ignore[arg-type]
    return time.perf_counter() - start


def busiest() -> dict[int, float]:
    """Processor time of this process and of those it has started, by process."""
    here = psutil.Process()
    return {one.pid: sum(one.cpu_times()[:2]) for one in (here, *here.children(recursive=True))}


def measured(jobs: int) -> tuple[float, float]:
    """Seconds on the clock, and processor time of the busiest process."""
    before = busiest()
    passed = seconds(jobs=jobs, cache=False)
    return passed, max(now - before.get(pid, 0.0) for pid, now in busiest().items())


def main() -> int:
    cold = seconds(jobs=2, cache=False)
    pairs = [(measured(1), measured(2)) for _ in range(REPETITIONS)]
    clock = statistics.median(one[0] / two[0] for one, two in pairs)
    processor = statistics.median(one[1] / two[1] for one, two in pairs)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CNNLAB_CACHE"] = folder
        seconds(jobs=2)
        kept = seconds(jobs=2)
    runs, load = len(VARIANTS) * len(SEEDS), os.getloadavg()[0]
    table = Table("", "", title=f"{runs} runs, {os.cpu_count()} cores, load of the machine {load:.1f}")
    table.add_row("one process", f"{statistics.median(one[0] for one, _ in pairs):.2f} s")
    table.add_row("two processes, first time", f"{cold:.2f} s")
    table.add_row("two processes, started", f"{statistics.median(two[0] for _, two in pairs):.2f} s")
    table.add_row("factor on the clock, median", f"{clock:.2f}")
    table.add_row("factor in processor time, median", f"{processor:.2f}")
    table.add_row("from disk", f"{kept:.2f} s")
    Console(file=sys.stdout).print(table)
    return max(clock, processor) < AIM


if __name__ == "__main__":
    sys.exit(main())
