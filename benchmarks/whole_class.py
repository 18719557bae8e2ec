"""One class of a thousand, graded in every way there is: the same grades, nobody missing, memory flat.

    python benchmarks/whole_class.py [--submissions 1000] [--only NAME …]

The class is the whole corpus of attacks, faults and accidents, once, and the sample classes of all
assignments again and again. It is graded with 2, 1 and 4 workers, by a run that is killed in the middle
(`kill -9`) and started again, into PostgreSQL, and on a Dask cluster; always with the same secret, so with
the same cases. Every run must account for every submission and give the grades of the first; every sample of
the corpus must end as expected; and the process that keeps the gradebook must not grow.

Limits are tighter than an instructor's, because some of these notebooks use up all that they are given: 10 s
for a cell or a check, 90 s for a notebook, 1 GiB of memory.
"""

import argparse
import itertools
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nbformat
import psutil
from rich.console import Console
from rich.table import Table

from cnnlab.grading.classroom import Classroom, Outcome
from cnnlab.grading.release import release

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))
import servers  # noqa: E402
from corpus.making import verdict  # noqa: E402
from corpus.samples import ALL  # noqa: E402
from sample_class import build  # noqa: E402

SECONDS, NOTEBOOK_SECONDS = 10, 90
LIMITS = {"memory": 1 << 30, "processes": 64, "disk": 32 << 20}
WATCH_SECONDS = 2
MOST_GROWTH = (
    0.1  # of the memory of the process that keeps the gradebook, from the second third of a run to the last
)
LONGEST_ID = 128  # characters that PostgreSQL takes; of more, only SQLite has a grade
CORPUS = {(one.assignment, one.student): one for one in ALL if len(one.student) <= LONGEST_ID}


@dataclass
class Ran:
    """What one run came to: outcomes by assignment and student, and what it took."""

    outcomes: dict[tuple[str, str], Outcome]
    seconds: float
    keeper: list[int]  # bytes of the process that keeps the gradebook, over time
    peak: int  # bytes of it and all that it started


def prepare(course: Path, number: int) -> None:
    """Release the assignments and hand the class in."""
    release_all(course)
    for one in CORPUS.values():
        folder = course / "submitted" / one.student / one.assignment
        released = handed_out(course, one.assignment)
        one.write(folder, released)
        one.write_again(folder, released)
    left = number - len(CORPUS)
    for student, assignment, notebook in repeated(course):
        if left <= 0:
            return
        folder = course / "submitted" / student / assignment
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{assignment}.ipynb")
        left -= 1


def handed_out(course: Path, assignment: str) -> Path:
    return course / "exercises" / assignment / f"{assignment}.ipynb"


def repeated(course: Path) -> Iterator[tuple[str, str, Any]]:
    """(student, assignment, notebook) of the sample classes, without end."""
    classes = {name: list(build.submissions(name, handed_out(course, name))) for name in build.ASSIGNMENTS}
    longest = max(map(len, classes.values()))
    for place in itertools.count():
        for assignment, members in classes.items():
            if place % longest >= len(members):
                continue
            kind, notebook = members[place % longest]
            if kind != "endless_loop" or place < longest:  # each of them costs its time limit
                yield f"{kind}-{place // longest}", assignment, notebook


def grade(course: Path, told: Path, options: dict[str, Any]) -> None:
    """The child's part: grade every assignment, and write down each outcome as it comes."""
    warnings.simplefilter("ignore")  # nbgrader and SQLAlchemy warn where they meet
    classroom = Classroom(course, timeout=SECONDS, **options)
    classroom.config.ExecuteCells.notebook_seconds = NOTEBOOK_SECONDS
    classroom.config.ExecuteCells.limits = LIMITS
    with told.open("a") as file:
        for assignment in classroom.assignments():
            if not any(course.glob(f"submitted/*/{assignment}")):  # a small class has not got that far
                continue
            for outcome in classroom.grade(assignment, classroom.students(assignment)):
                file.write(json.dumps(asdict(outcome)) + "\n")
                file.flush()


def run(course: Path, options: dict[str, Any], kill_after: int | None = None) -> Ran:
    """Grade the class in a process of its own; with `kill_after`, kill it then, and start it again."""
    told = course.parent / f"{course.name}.jsonl"
    command = [sys.executable, __file__, "--grade", str(course), str(told), json.dumps(options)]
    began, keeper, peak = time.monotonic(), [], 0
    with (course.parent / f"{course.name}.log").open("w") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log)
        while child.poll() is None:
            time.sleep(WATCH_SECONDS)
            own, everything = memory(child.pid)
            keeper.append(own)
            peak = max(peak, everything)
            if kill_after is not None and told.is_file() and len(told.read_text().splitlines()) >= kill_after:
                child.send_signal(signal.SIGKILL)
                child.wait()
                told.unlink()  # the second run has to account for everybody by itself
                child, kill_after = subprocess.Popen(command, stdout=log, stderr=log), None
    if child.returncode != 0:
        sys.exit(f"{course.name} ended with {child.returncode}:\n{Path(log.name).read_text()[-2000:]}")
    lines = [Outcome(**json.loads(line)) for line in told.read_text().splitlines()]
    outcomes = {(outcome.assignment, outcome.student): outcome for outcome in lines}
    return Ran(outcomes, time.monotonic() - began, keeper, peak)


def memory(pid: int) -> tuple[int, int]:
    """Bytes of a process, and of it with all that it has started; what they share counts once."""
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        own = processes[0].memory_info().rss
    except psutil.Error:  # it has just ended
        return 0, 0
    total = 0
    for process in processes:
        try:
            total += process.memory_full_info().pss
        except psutil.Error:
            continue
    return own, total


def grades(ran: Ran) -> dict[tuple[str, str], tuple[str, dict[str, float | None]]]:
    """What must be the same in every run."""
    states = {"unchanged": "graded"}
    return {key: (states.get(one.state, one.state), one.scores) for key, one in ran.outcomes.items()}


def growth(keeper: list[int]) -> float:
    """How much larger the process is in the last third of its time than in the second."""
    third = len(keeper) // 3
    return max(keeper[2 * third :]) / max(keeper[third : 2 * third]) - 1 if third else 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--submissions", type=int, default=1000)
    parser.add_argument("--only", nargs="+", default=[], help="names of runs; the first one is always there")
    wanted = parser.parse_args()
    console, problems = Console(file=sys.stdout), []
    with ExitStack() as around:
        folder = Path(around.enter_context(tempfile.TemporaryDirectory()))
        template = folder / "template"
        prepare(template, wanted.submissions)
        everybody = {
            (path.name, path.parent.name) for path in template.glob("submitted/*/*") if path.is_dir()
        }
        runs: dict[str, dict[str, Any]] = {
            "2 workers": {"workers": 2},
            "PostgreSQL": {"workers": 2},
            "Dask": {"workers": 2},
            "killed": {"workers": 2},
            "4 workers": {"workers": 4},
            "1 worker": {"workers": 1},
        }
        table = Table(
            "", "minutes", "per minute", "keeper's growth", "peak memory", "other grades", "missing"
        )
        first: Ran | None = None
        for name, options in runs.items():
            if first is not None and wanted.only and name not in wanted.only:
                continue
            course = folder / name.replace(" ", "-")
            shutil.copytree(template, course, symlinks=True)
            with ExitStack() as needed:
                if name == "PostgreSQL":
                    options["db"] = f"{needed.enter_context(servers.postgres())}/postgres"
                    release_all(course, options["db"])
                if name == "Dask":
                    place = folder / "dask"
                    place.mkdir()
                    options["scheduler"] = needed.enter_context(servers.dask_scheduler(place))
                    needed.enter_context(servers.dask_workers(options["scheduler"], place))
                ran = run(course, options, len(everybody) // 2 if name == "killed" else None)
            first = first or ran
            missing = everybody - ran.outcomes.keys()
            mine, theirs = grades(ran), grades(first)
            other = [key for key in everybody - missing if mine[key] != theirs.get(key)]
            grown = growth(ran.keeper)
            table.add_row(
                name,
                f"{ran.seconds / 60:.1f}",
                f"{60 * len(everybody) / ran.seconds:.0f}",
                f"{100 * grown:+.1f} %",
                f"{ran.peak / 2**20:.0f} MiB",
                str(len(other)),
                str(len(missing)),
            )
            console.print(table)
            found = [f"{name}: {key}: {mine[key]}, not {theirs.get(key)}" for key in sorted(other)]
            found += [f"{name}: nothing became of {key}" for key in sorted(missing)]
            found += [f"{name}: the process grew by {100 * grown:.0f} %"] if grown > MOST_GROWTH else []
            if ran is first:
                said = {
                    key: verdict(one, ran.outcomes[key]) for key, one in CORPUS.items() if key not in missing
                }
                bad = {key: text for key, text in said.items() if not text.startswith("as expected")}
                console.print(
                    f"of {len(said)} samples of the corpus {len(said) - len(bad)} ended as expected"
                )
                found += [f"{CORPUS[key].name}: {text}" for key, text in bad.items()]
            for problem in found:  # at once: the next runs take long
                console.print(problem, style="red", markup=False)
            problems += found
    return 1 if problems else 0


def release_all(course: Path, db: str | None = None) -> None:
    """Release the assignments into the course's own gradebook, or another one."""
    names = sorted(build.ASSIGNMENTS)
    release(names, solutions=REPOSITORY / "solutions", course=course, to=course / "exercises", db=db)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--grade"]:
        grade(Path(sys.argv[2]), Path(sys.argv[3]), json.loads(sys.argv[4]))
    else:
        sys.exit(main())
