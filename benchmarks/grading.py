"""How much faster a class is graded than by stock nbgrader, and where the processor time goes.

    python benchmarks/grading.py [--submissions 40] [--rounds 3]

Both sides grade the same honest batch norm submissions, experiment cells left out, on this machine in one
run: `nbgrader autograde` with its default configuration, where a check runs in the student's kernel, and
`cnnlab grade` with its sandbox, which also writes the feedback pages and the table of grades. Times are those
of whole commands, start included. Where others use the cores too, times on the clock say little: the
processor time is shown beside them, and our side is measured in several rounds.

Aims: 15 times the submissions per minute on two cores, 0.25 core-seconds per submission beyond the computing
of the checks and of the students, 0.85 of a core's throughput for each core added, and a peak of 1 GiB and
250 MiB per worker in memory.
"""

import argparse
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import jupytext
import nbformat
import psutil
import torch
from rich.console import Console
from rich.table import Table

from cnnlab.check import grade

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))
from sample_class import build  # noqa: E402

NAME = "batch_norm"
# nbgrader starts `alembic` by name.
os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
AIM_RATIO, AIM_OVERHEAD, AIM_SCALING = 15.0, 0.25, 0.85
ACCOUNTS = Path("/sys/fs/cgroup/cpuacct")
STYLES = sorted((build.CORRECT / NAME).glob("*.py"))
CELLS = f"""
    SELECT submitted_assignment.student_id, base_cell.name, grade.auto_score
    FROM grade JOIN submitted_notebook ON submitted_notebook.id = grade.notebook_id
    JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
    JOIN assignment ON assignment.id = submitted_assignment.assignment_id
    JOIN base_cell ON base_cell.id = grade.cell_id WHERE assignment.name = '{NAME}'
"""

Scores = dict[tuple[str, str], float | None]  # of a student and a cell


@dataclass(frozen=True)
class Cost:
    """What one command took: seconds on the clock, core-seconds, and bytes of memory at its peak."""

    clock: float
    processor: float
    memory: int


def measured(command: list[str], cwd: Path, cores: int | None = None) -> Cost:
    """Run a command and everything it starts, in an account of its own, on all cores or on fewer."""
    usable = sorted(os.sched_getaffinity(0))[:cores]
    account = Path(tempfile.mkdtemp(prefix="cnnlab-", dir=ACCOUNTS)) if os.access(ACCOUNTS, os.W_OK) else None

    def enter() -> None:
        os.sched_setaffinity(0, usable)
        if account is not None:
            (account / "cgroup.procs").write_text(str(os.getpid()))

    before, busy, peak = time.perf_counter(), busy_seconds(), 0
    with open(cwd / "log.txt", "w") as log:
        running = subprocess.Popen(command, cwd=cwd, stdout=log, stderr=log, preexec_fn=enter)
        while True:
            try:
                code = running.wait(timeout=2)
                break
            except subprocess.TimeoutExpired:
                peak = max(peak, resident(running.pid))
    clock = time.perf_counter() - before
    if code != 0:
        sys.exit(f"{' '.join(command)} ended with {code}:\n{(cwd / 'log.txt').read_text()[-2000:]}")
    if account is None:
        return Cost(clock, busy_seconds() - busy, peak)
    used = int((account / "cpuacct.usage").read_text()) / 1e9
    account.rmdir()
    return Cost(clock, used, peak)


def busy_seconds() -> float:
    """Of the whole machine, for systems where a command has no account of its own."""
    times = psutil.cpu_times()
    return float(times.user + times.system)


def resident(pid: int) -> int:
    """Memory of a process and all it has started; what they share counts once."""
    total = 0
    for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        try:
            total += process.memory_full_info().pss
        except psutil.Error:  # it has just ended
            continue
    return total


def prepare(root: Path, submissions: int) -> tuple[Path, Path]:
    """Two courses with the same assignment and submissions: ours, and one for stock nbgrader."""
    ours, stock = root / "ours", root / "stock"
    (ours / "solutions").mkdir(parents=True)
    source = jupytext.read(REPOSITORY / f"solutions/{NAME}.md")
    source.cells = [cell for cell in source.cells if "experiment" not in cell.metadata.get("tags", [])]
    jupytext.write(source, ours / f"solutions/{NAME}.md", fmt="md:myst")
    subprocess.run([script("cnnlab"), "release", NAME], cwd=ours, check=True, stdout=subprocess.DEVNULL)
    released = nbformat.read(ours / f"exercises/{NAME}/{NAME}.ipynb", as_version=4)
    for number in range(submissions):
        path = ours / f"course/submitted/student{number:04d}/{NAME}/{NAME}.ipynb"
        path.parent.mkdir(parents=True)
        answers = build.answers(STYLES[number % len(STYLES)], NAME)
        nbformat.write(build.filled(released, answers), path)
    shutil.copytree(ours / "course/source", stock / "source")
    shutil.copytree(ours / "course/submitted", stock / "submitted")
    generate = [script("nbgrader"), "generate_assignment", NAME]
    subprocess.run(generate, cwd=stock, check=True, stderr=subprocess.DEVNULL)
    return ours, stock


def script(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def scores(gradebook: Path) -> Scores:
    with closing(sqlite3.connect(gradebook)) as database:
        return {(student, cell): score for student, cell, score in database.execute(CELLS)}


def different(ours: Scores, theirs: Scores) -> list[str]:
    """The cells with two scores, in words."""
    return [
        f"{student}, {cell}: {ours.get((student, cell))}, stock {theirs.get((student, cell))}"
        for student, cell in sorted(ours.keys() | theirs.keys())
        if ours.get((student, cell)) != theirs.get((student, cell))
    ]


def needed() -> float:
    """Core-seconds of the checks and the students' functions alone, per submission: in one process, warm."""
    torch.set_num_threads(1)
    spent = []
    for style in STYLES:
        names: dict[str, object] = {}
        exec(style.read_text(), names)
        functions = {name: names[name] for name in build.ASSIGNMENTS[NAME]}
        grade(NAME, functions, seed=0, devices=[torch.device("cpu")])  # type: ignore[arg-type]
        start = time.process_time()
        grade(NAME, functions, seed=1, devices=[torch.device("cpu")])  # type: ignore[arg-type]
        spent.append(time.process_time() - start)
    return sum(spent) / len(spent)


@dataclass(frozen=True)
class Round:
    """One measurement of our side: whole commands, and the computing that no grader can save."""

    start: Cost
    two: Cost
    start_one: Cost
    one: Cost
    computing: float
    submissions: int

    @property
    def own(self) -> float:
        """Core-seconds per submission, the start left out."""
        return (self.two.processor - self.start.processor) / (self.submissions - 1)

    @property
    def overhead(self) -> float:
        return self.own - self.computing

    @property
    def scaling(self) -> float:
        """What the second core adds, in throughputs of the first, the start left out."""
        return (self.one.clock - self.start_one.clock) / (self.two.clock - self.start.clock) - 1


def one_round(course: Path, submissions: int) -> Round:
    command = [script("cnnlab"), "grade", NAME, "--force"]
    alone, two, one = ["--student", "student0000"], ["--workers", "2"], ["--workers", "1"]
    return Round(
        start=measured([*command, *two, *alone], course),
        two=measured([*command, *two], course),
        start_one=measured([*command, *one, *alone], course, cores=1),
        one=measured([*command, *one], course, cores=1),
        computing=needed(),
        submissions=submissions,
    )


def middle(values: Iterable[float]) -> str:
    """The median, and what it is the median of."""
    ordered = sorted(values)
    return f"{median(ordered):.2f} ({', '.join(f'{value:.2f}' for value in ordered)})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--submissions", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3, help="measurements of our side; the median counts")
    parser.add_argument("--ours-only", action="store_true", help="leave stock nbgrader out")
    wanted = parser.parse_args()
    if wanted.rounds < 1 or wanted.submissions < 2:
        parser.error("it takes one round or more, and two submissions or more.")
    number, cores = wanted.submissions, len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        ours, stock = prepare(Path(folder), number)
        rounds = [one_round(ours, number) for _ in range(wanted.rounds)]
        theirs = None if wanted.ours_only else measured([script("nbgrader"), "autograde", NAME], stock)
        gradebooks = ours / "course/gradebook.db", stock / "gradebook.db"
        apart = [] if wanted.ours_only else different(*map(scores, gradebooks))
    typical = sorted(rounds, key=lambda one: one.two.clock)[len(rounds) // 2]
    overhead, scaling = (median(getattr(one, name) for one in rounds) for name in ("overhead", "scaling"))
    table = Table("", "clock", "core-seconds", "peak memory", title=f"{number} submissions, {cores} cores")
    rows = {
        "cnnlab, 1 submission": typical.start,
        "cnnlab, 2 workers": typical.two,
        "cnnlab, 1 worker, 1 core": typical.one,
    }
    for name, cost in (rows | ({"stock nbgrader": theirs} if theirs else {})).items():
        table.add_row(name, f"{cost.clock:.1f} s", f"{cost.processor:.1f}", f"{cost.memory / 2**20:.0f} MiB")
    console = Console(file=sys.stdout)
    console.print(table)
    console.print(f"load of the machine before and after: {load:.1f}, {os.getloadavg()[0]:.1f}")
    if theirs:
        console.print(f"times faster than stock, on the clock: {theirs.clock / typical.two.clock:.1f}")
        console.print(
            f"times faster than stock, in core-seconds: {theirs.processor / typical.two.processor:.1f}"
        )
        console.print(f"scores that differ: {', '.join(apart) or 'none'}")
        for left in (AIM_OVERHEAD, 0.0):
            least = typical.start.clock + (number - 1) * (typical.computing + left) / cores
            best = f"{theirs.clock / least:.1f}"
            console.print(f"with an overhead of {left:.2f} on {cores} cores it would be at most: {best}")
    console.print(f"core-seconds per submission: {middle(one.own for one in rounds)}")
    console.print(f"of which computing: {middle(one.computing for one in rounds)}")
    console.print(f"overhead per submission: {middle(one.overhead for one in rounds)} core-seconds")
    console.print(
        f"throughput that the second core adds: {middle(one.scaling for one in rounds)} of the first"
    )
    failed = bool(apart) or overhead > AIM_OVERHEAD or scaling < AIM_SCALING
    return failed or (theirs is not None and theirs.clock / typical.two.clock < AIM_RATIO)


if __name__ == "__main__":
    sys.exit(main())
