"""`cnnlab …`: each command calls one function.

Imports stand inside the commands: students have no nbgrader, and `cnnlab --help` should not wait for torch.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cnnlab import __version__
from cnnlab.errors import InputError, unknown

app = typer.Typer(
    help="Train convolutional networks well: release, collect and grade the course's assignments.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# What only `cnnlab[grading]` installs.
GRADING_PACKAGES = {"nbgrader", "jupytext", "nbclient", "nbconvert", "nbformat", "sqlalchemy", "traitlets"}
Names = Annotated[
    list[str] | None, typer.Argument(help="Assignments; all when none is named.", show_default=False)
]
Root = Annotated[Path, typer.Option(help="The course folder: submissions, grades, gradebook.db.")]

Database = Annotated[
    str | None,
    typer.Option(envvar="CNNLAB_DB", help="The gradebook's database; gradebook.db in the course by default."),
]


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


@app.command()
def grade(
    assignments: Annotated[list[str], typer.Argument(help="Whose submissions to grade.")],
    student: Annotated[list[str] | None, typer.Option(help="Only this student; may be repeated.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Also what was graded and has not changed.")] = False,
    timeout: Annotated[int, typer.Option(min=1, help="Seconds that one cell or check may run.")] = 20,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one per core by default.")] = None,
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
        from cnnlab.grading.classroom import Classroom
        from cnnlab.grading.report import grade_class
        from cnnlab.grading.sandbox import MODES
    if sandbox not in MODES:
        raise unknown("sandbox", sandbox, MODES)
    classroom = Classroom(root, timeout, workers=workers, sandbox=sandbox, seed=seed, db=db)
    outcomes = grade_class(classroom, assignments, student or (), force, Console())
    if any(outcome.state == "needs attention" for outcome in outcomes):
        raise typer.Exit(1)


@app.command("sample-class")
def sample_class(names: Names = None, root: Root = Path("course")) -> None:
    """Put the bundled sample class into the course's submitted/ folder."""
    with _grading():
        from cnnlab.grading.sample import submit_sample_class
    for name, students in submit_sample_class(names or (), course=root).items():
        print(f"{name}: {len(students)} submissions")


@contextmanager
def _grading() -> Iterator[None]:
    """Around the imports that a student's installation lacks."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in GRADING_PACKAGES:
            raise
        raise InputError(f'{package} is not installed; run pip install "cnnlab[grading]" first.') from error


def main() -> None:
    """The console script: bad input is one sentence and exit code 2, never a traceback."""
    try:
        app()
    except InputError as error:
        print(f"cnnlab: {error}", file=sys.stderr)
        sys.exit(2)
