"""What the search harness costs, and what coarse-to-fine and TPE gain over plain random search.

    python benchmarks/search.py

Overhead is the time of a whole search over the time of its trials' own training, less one, with a study in
memory and with one in a SQLite file; the aim is under 3 %. Both times are of one run and one process, so
their ratio holds on a busy machine, too. Then each method searches the same space with the same number of trials,
over several seeds of the search; what counts is the accuracy of the winner on fresh seeds, not its own score.
"""

import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cnnlab.data import load
from cnnlab.experiments import Recipe, final, interval
from cnnlab.tuning import powers, search

AIM = 0.03
TRIALS, SEARCHES, FRESH = 16, 6, range(100, 104)
METHODS = ("random", "coarse-to-fine", "tpe")
SPACE = {"lr": powers(-6, 0), "weight_decay": powers(-5, 2)}
LONG = Recipe(
    data=partial(load, "mnist-5k", train_size=2000), options={"hidden": (128,)}, training={"epochs": 8}
)
SHORT = Recipe(
    data=partial(load, "digits", train_size=300),
    model="two_layer",
    options={"inputs": 64},
    training={"epochs": 8},
)


def overhead(storage: Path | None) -> float:
    start = time.perf_counter()
    table = search(LONG, SPACE, trials=12, jobs=1, cache=False, storage=storage).table
    return (time.perf_counter() - start) / table["seconds"].sum() - 1


def fresh(method: str, seed: int) -> float:
    """Accuracy of the winner of one search on seeds that it has not seen."""
    found = search(SHORT, SPACE, method, trials=TRIALS, seed=seed, jobs=1, cache=False)
    runs = final(found.confirm(FRESH, jobs=1))
    return float(runs[runs["variant"] == "winner"]["accuracy"].mean())


def main() -> int:
    search(LONG, SPACE, trials=1, jobs=1, cache=False)  # imports, and the data's first reading
    with tempfile.TemporaryDirectory() as folder:
        costs = {"in memory": overhead(None), "SQLite": overhead(Path(folder) / "study.db")}
    table = Table("", "", title=f"{TRIALS} trials, {SEARCHES} searches per method")
    for name, cost in costs.items():
        table.add_row(f"overhead, study {name}", f"{100 * cost:.2f} %")
    results = {method: [fresh(method, seed) for seed in range(SEARCHES)] for method in METHODS}
    for method, values in results.items():
        low, mean, high = interval(100 * value for value in values)
        table.add_row(f"accuracy on fresh seeds, {method}", f"{mean:.1f} % ({low:.1f} to {high:.1f})")
    for method in METHODS[1:]:
        pairs = zip(results[method], results["random"], strict=True)
        low, mean, high = interval(100 * (mine - other) for mine, other in pairs)
        table.add_row(f"{method} minus random, points", f"{mean:+.1f} ({low:+.1f} to {high:+.1f})")
    Console(file=sys.stdout).print(table)
    return max(costs.values()) > AIM


if __name__ == "__main__":
    sys.exit(main())
