"""What the search harness costs, and what coarse-to-fine and TPE gain over plain random search.

    python benchmarks/search.py

Overhead is the time of a search over the time of its trials' own training, less one, for a study in memory
and for one in a SQLite file; the aim is under 3 % for a small convolutional network on 2,000 images. What a
database costs is a fixed time per trial, shown beside it: shorter trials pay a larger share. Both times are
of one run and one process, so their ratio holds on a busy machine, too.

Then each method searches the same space with the same number of trials, over several seeds of the search;
what counts is the accuracy of the winner on fresh seeds, not its own score.
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
TRIALS, SEARCHES, FRESH = 16, 12, range(100, 104)
TIMED = 8  # trials whose time is compared with their training's
METHODS = ("random", "coarse-to-fine", "tpe")
SPACE = {"lr": powers(-6, 0), "weight_decay": powers(-5, 2)}
LONG = Recipe(data=partial(load, "mnist-5k", train_size=2000), model="cnn", training={"epochs": 8})
SHORT = Recipe(
    data=partial(load, "digits", train_size=300),
    model="two_layer",
    options={"inputs": 64},
    training={"epochs": 8},
)


def overhead(storage: Path | None) -> tuple[float, float, float]:
    """Overhead beyond opening the study, as a share and in seconds per trial, and the seconds of opening it.

    The last is what a search with nothing left to do takes.
    """
    times = [0.0, 0.0]
    for call in range(1 if storage is None else 2):
        start = time.perf_counter()
        table = search(LONG, SPACE, trials=TIMED, jobs=1, cache=False, storage=storage).table
        times[call] = time.perf_counter() - start
    training = table["seconds"].sum()
    beyond = times[0] - times[1] - training
    return beyond / training, beyond / TIMED, times[1]


def fresh(method: str, seed: int) -> float:
    """Accuracy of the winner of one search on seeds that it has not seen."""
    found = search(SHORT, SPACE, method, trials=TRIALS, seed=seed, jobs=1, cache=False)
    runs = final(found.confirm(FRESH, jobs=1))
    return float(runs[runs["variant"] == "winner"]["accuracy"].mean())


def main() -> int:
    search(LONG, SPACE, trials=1, jobs=1, cache=False)  # imports, and the data's first reading
    with tempfile.TemporaryDirectory() as folder:
        search(SHORT, SPACE, trials=1, jobs=1, storage=Path(folder) / "first.db")
        costs = {"in memory": overhead(None), "SQLite": overhead(Path(folder) / "study.db")}
    table = Table("", "", title=f"{TRIALS} trials, {SEARCHES} searches per method")
    for name, (share, seconds, opening) in costs.items():
        said = f"{100 * share:.2f} %, {1000 * seconds:.0f} ms per trial; {opening:.2f} s to open it"
        table.add_row(f"overhead, study {name}", said)
    results = {method: [fresh(method, seed) for seed in range(SEARCHES)] for method in METHODS}
    for method, values in results.items():
        low, mean, high = interval(100 * value for value in values)
        table.add_row(f"accuracy on fresh seeds, {method}", f"{mean:.1f} % ({low:.1f} to {high:.1f})")
    for method in METHODS[1:]:
        pairs = zip(results[method], results["random"], strict=True)
        low, mean, high = interval(100 * (mine - other) for mine, other in pairs)
        table.add_row(f"{method} minus random, points", f"{mean:+.1f} ({low:+.1f} to {high:+.1f})")
    Console(file=sys.stdout).print(table)
    return max(share for share, *_ in costs.values()) > AIM


if __name__ == "__main__":
    sys.exit(main())
