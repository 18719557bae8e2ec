"""`cnnlab …`: each command calls one function.

Imports stand inside the commands: students have no nbgrader, and `cnnlab --help` should not wait for torch.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cnnlab import __version__
from cnnlab.cells import CELL_SECONDS
from cnnlab.desk import commands as desk
from cnnlab.errors import InputError, in_a_sentence, unknown
from cnnlab.grading import commands
from cnnlab.grading.commands import Database
from cnnlab.grading.commands import grading_packages as _grading

app = typer.Typer(
    help="Train convolutional networks well: release, collect and grade the course's assignments.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

EXECUTORS = ("processes", "dask")
Names = Annotated[
    list[str] | None, typer.Argument(help="Assignments; all when none is named.", show_default=False)
]
Root = Annotated[Path, typer.Option(help="The course folder: submissions, grades, gradebook.db.")]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"cnnlab {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    pass


@app.command()
def release(
    names: Names = None,
    to: Annotated[Path, typer.Option(help="Where the students' notebooks go.")] = Path("exercises"),
    solutions: Annotated[Path, typer.Option(help="The assignments' sources.")] = Path("solutions"),
    root: Root = Path("course"),
    force: Annotated[bool, typer.Option("--force", help="Replace notebooks that were edited.")] = False,
    db: Database = None,
) -> None:
    """Generate the students' notebooks from solutions/, without the solutions."""
    with _grading():
        from cnnlab.grading.release import release
    for path in release(names or (), solutions=solutions, course=root, to=to, force=force, db=db):
        print(path)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Around the grading: Ctrl-C ends it and all of its processes at once, in one sentence.

    Not by an exception, which is lost where Python ignores them. What is killed leaves nothing half done.
    """

    def end(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # an impatient second one
        if workers := sys.modules.get("cnnlab.grading.workers"):
            getattr(workers, "stop", int)()  # there is nothing to stop where it is not all imported yet
        if sys.stdout.isatty():
            os.write(1, b"\033[?25h\n")  # the cursor, which the progress bar hides
        os.write(2, b"cnnlab: stopped; run it again to go on.\n")
        os._exit(130)

    before = signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@app.command()
def grade(
    assignments: Annotated[list[str], typer.Argument(help="Whose submissions to grade.")],
    student: Annotated[list[str] | None, typer.Option(help="Only this student; may be repeated.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Also what was graded and has not changed.")] = False,
    question: Annotated[
        str, typer.Option(help="Grade this check again, for all, and leave the other points as they are.")
    ] = "",
    timeout: Annotated[
        int, typer.Option(min=1, help="Seconds that one cell or check may run.")
    ] = CELL_SECONDS,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one per core by default.")] = None,
    executor: Annotated[
        str, typer.Option(help="processes of this machine, or dask: the workers of a cluster.")
    ] = "processes",
    scheduler: Annotated[
        str | None, typer.Option(help="The address of Dask's scheduler, such as tcp://10.0.0.1:8786.")
    ] = None,
    sandbox: Annotated[
        str,
        typer.Option(help="require bubblewrap, auto: where it works, none: trust the class."),
    ] = "require",
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the checks' cases; by default a secret one per submission.")
    ] = None,
    root: Root = Path("course"),
    db: Database = None,
) -> None:
    """Run and score the submissions, write feedback and grades.csv; exit code 1 when any needs attention."""
    with _grading():
        from cnnlab.grading.launch import start_zygote
        from cnnlab.grading.sandbox import MODES, choose
    if sandbox not in MODES:
        raise unknown("sandbox", sandbox, MODES)
    if executor not in EXECUTORS:
        raise unknown("executor", executor, EXECUTORS)
    if (executor == "dask") != (scheduler is not None):
        raise InputError("--executor dask and --scheduler ADDRESS go together; give both, or neither.")
    if executor == "dask" and find_spec("distributed") is None:
        raise InputError('Dask is not installed; run pip install "cnnlab[cluster]" first.')
    with _stoppable():
        if scheduler is None:
            start_zygote(choose(sandbox))  # it imports for seconds, and so does this process
        with _grading():
            from cnnlab.grading.archives import printable
            from cnnlab.grading.classroom import Classroom
            from cnnlab.grading.collect import refused
            from cnnlab.grading.report import grade_class
        classroom = Classroom(
            root, timeout, workers=workers, sandbox=sandbox, seed=seed, db=db, scheduler=scheduler
        )
        assignments = list(dict.fromkeys(assignments))
        outcomes = grade_class(classroom, assignments, student or (), force, Console(), question)
        remarks = [
            printable(f"{who}, {name}: what was handed in was refused by collect: {why.rstrip('.')}.")
            for name in assignments
            for who, why in refused(root, name, student or ()).items()
        ]
        remarks += classroom.misplaced(student or ())
        for remark in remarks:
            print(f"Needs attention: {remark}")
        if remarks or any(outcome.state == "needs attention" for outcome in outcomes):
            raise typer.Exit(1)


@app.command()
def doctor() -> None:
    """Say whether this machine is ready for the course, and what to type if not; exit code 1 if not."""
    from cnnlab.desk.doctor import Finding, examine

    console = Console()
    with console.status("looking"):
        findings = list(examine(Path()))
        if find_spec("nbgrader"):  # an instructor's installation
            from cnnlab.grading.sandbox import obstacle

            problem = obstacle()
            if problem is None:
                findings.append(Finding("grading's sandbox", "ready", "works"))
            else:
                todo = "apt-get install bubblewrap; or grade only whom you trust, with --sandbox none"
                findings.append(Finding("grading's sandbox", "fault", problem, todo))
    if not desk.show(findings, console):
        raise typer.Exit(1)


app.command()(desk.submission)


@app.command("sample-class")
def sample_class(names: Names = None, root: Root = Path("course")) -> None:
    """Put the bundled sample class into the course's submitted/ folder."""
    with _grading():
        from cnnlab.grading.sample import submit_sample_class
    for name, students in submit_sample_class(names or (), course=root).items():
        print(f"{name}: {len(students)} submissions")


@app.command()
def train(
    name: Annotated[str, typer.Argument(help="fashion-mnist, cifar10 or mnist.")] = "fashion-mnist",
    epochs: Annotated[int | None, typer.Option(min=1, help="By default 5, 20 for CIFAR-10.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the split, the weights and every draw.")] = 0,
    validation: Annotated[int | None, typer.Option(min=1, help="Number of validation images.")] = None,
    root: Annotated[Path | None, typer.Option(help="Folder with the files; else CNNLAB_DATA.")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Written every epoch; gone on from.")] = None,
) -> None:
    """Train a network on a public data set and report its accuracy on the test images, looked at once."""
    from rich.table import Table

    from cnnlab.training import train_standard

    done = train_standard(
        name, epochs=epochs, seed=seed, validation=validation, root=root, checkpoint=checkpoint
    )
    low, high = done.interval()
    table = Table(title=f"{done.name}: {done.images:,} test images, looked at once", show_header=False)
    table.add_row("test accuracy", f"{100 * done.accuracy:.2f} %")
    table.add_row("95 % interval (binomial)", f"{100 * low:.2f} to {100 * high:.2f} %")
    table.add_row("seconds, of processor time", f"{done.seconds:.0f}, {done.processor_seconds:.0f}")
    table.add_row("seed", str(done.seed))
    Console().print(table)


commands.add_to(app)


def main() -> None:
    """The console script: bad input is one sentence and exit code 2, never a traceback."""
    try:
        app()
    except Exception as error:
        said = in_a_sentence(error)
        if said is None:
            raise
        print(f"cnnlab: {said}", file=sys.stderr)
        sys.exit(2)
