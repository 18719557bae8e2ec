"""How long a whole assignment's checks take in a warm process: right solutions, and the slowest wrong one.

    python benchmarks/checks.py

A class of a thousand waits for them; the aim is under one second for each assignment on two cores.
"""

import statistics
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cnnlab.check import grade
from cnnlab.check.assignments import ASSIGNMENTS

ROOT = Path(__file__).parents[1]
RUNS = 7


def seconds(assignment: str, functions: dict[str, object]) -> list[float]:
    grade(assignment, functions, seed=0)
    times = []
    for seed in range(RUNS):
        start = time.perf_counter()
        grade(assignment, functions, seed=seed)
        times.append(time.perf_counter() - start)
    return times


def main() -> None:
    table = Table("assignment", "functions", "median s", "worst s", title=f"{RUNS} runs each, warm")
    for assignment, found in ASSIGNMENTS.items():
        for path in sorted((ROOT / "tests" / "sample_class" / "correct" / assignment).glob("*.py")):
            functions: dict[str, object] = {}
            exec(compile(path.read_text(), str(path), "exec"), functions)
            _row(table, assignment, path.stem, seconds(assignment, functions))
        # A wrong answer costs more: the catalogue is searched for its numbers.
        slowest = max(
            (seconds(assignment, {**found.right, **entry.functions}) for entry in found.misconceptions),
            key=statistics.median,
        )
        _row(table, assignment, "the slowest misconception", slowest)
    Console(file=sys.stdout).print(table)


def _row(table: Table, assignment: str, name: str, times: list[float]) -> None:
    table.add_row(assignment, name, f"{statistics.median(times):.2f}", f"{max(times):.2f}")


if __name__ == "__main__":
    main()
