"""What the instructor sees: a line per submission while the class is graded, and a table at the end."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from cnnlab.errors import InputError
from cnnlab.grading.archives import printable
from cnnlab.grading.classroom import Classroom, Outcome
from cnnlab.grading.submission import NEVER_RUN


def grade_class(
    classroom: Classroom,
    assignments: Sequence[str],
    students: Sequence[str],
    force: bool,
    console: Console,
    question: str = "",
) -> list[Outcome]:
    """Grade the assignments' submissions, show how it goes, and write the grades.

    Args:
        classroom: the course.
        assignments: whose submissions to grade.
        students: only these; everybody when empty.
        force: also what has been graded before and has not changed.
        console: where to show it.
        question: grade this check again and leave the rest; of one assignment only.

    Raises:
        InputError: an unknown name; nothing has been graded then.
    """
    if question and len(assignments) != 1:
        raise InputError(f"name the one assignment that has the question {question}.")
    queue = [(name, classroom.students(name, students)) for name in assignments]
    if question:
        classroom.check_question(assignments[0], question)
    wall = "bubblewrap" if classroom.walled else "none, the notebooks run with your own rights"
    workers = f"the cluster at {classroom.scheduler}" if classroom.scheduler else classroom.workers
    console.print(f"Sandbox: {wall}. Workers: {workers}.", highlight=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeRemainingColumn(),
        TextColumn("[red]{task.fields[failed]}[/]"),
    )
    outcomes: list[Outcome] = []

    def waiting(names: list[str]) -> None:
        text = f"… waiting for {printable(', '.join(names[:5]))}{' …' if names[5:] else ''}"
        console.print(escape(text), highlight=False, soft_wrap=True)

    with Progress(*columns, console=console, transient=True) as progress:
        for name, submitters in queue:
            task = progress.add_task(name, total=len(submitters), pace="", failed="")
            for outcome in classroom.grade(name, submitters, force, question, waiting):
                outcomes.append(outcome)
                progress.console.print(line(outcome), highlight=False, soft_wrap=True)
                failed = sum(one.state == "needs attention" for one in outcomes)
                speed = progress.tasks[task].speed
                pace = f"{60 * speed:.1f} a minute" if speed else ""
                progress.update(
                    task, advance=1, pace=pace, failed=f"{failed} need attention" if failed else ""
                )
    console.print(summary(outcomes, console.width))
    if never := sum(NEVER_RUN in outcome.notes for outcome in outcomes):
        console.print(f"Handed in without outputs, as if never run: {never}.", highlight=False)
    console.print(f"Grades are in {_shown(classroom.export())}.", highlight=False, soft_wrap=True)
    attention = [outcome for outcome in outcomes if outcome.state == "needs attention"]
    for outcome in attention:
        text = f"[bold red]Needs attention[/]: {escape(printable(outcome.student))}, {outcome.assignment}: "
        console.print(text + escape(printable(outcome.reason)), highlight=False, soft_wrap=True)
    return outcomes


def line(outcome: Outcome) -> str:
    """One submission in one line of Rich markup, and its notes; the commonest is only counted, at the end."""
    name = f"{outcome.assignment}  {escape(printable(outcome.student))}  "
    notes = "".join(f"\n    {escape(printable(note))}" for note in outcome.notes if note != NEVER_RUN)
    if outcome.state == "needs attention":
        return f"[red]![/] {name}[red]needs attention[/]: {escape(printable(outcome.reason))}{notes}"
    parts = [f"{grade_id} {_score(outcome, grade_id)}" for grade_id in outcome.scores]
    total = f"[bold]{_total(outcome):g}[/]/{sum(outcome.max_scores.values()):g}"
    again = " (unchanged)" if outcome.state == "unchanged" else ""
    return f"[green]✓[/] {name}{total}{again}  [dim]{'  '.join(parts)}[/]{notes}"


def summary(outcomes: Sequence[Outcome], width: int) -> Table:
    """One row per assignment; a list of its numbers where the terminal is too narrow, which cuts none."""
    heads = ("assignment", "all", "graded", "same", "attention", "to read", "mean", "of")
    rows = [_row(name, outcomes) for name in dict.fromkeys(outcome.assignment for outcome in outcomes)]
    columns = [list(column) for column in zip(heads, *rows, strict=True)]
    wide = sum(max(map(len, column)) + 3 for column in columns) + 1 <= width  # with the frame
    table = Table(title="Grades", show_header=wide)
    for column in columns if wide else []:
        table.add_column(column[0], no_wrap=True, justify="left" if column is columns[0] else "right")
    for line in rows if wide else [pair for row in rows for pair in zip(heads, row, strict=True)]:
        table.add_row(*line, end_section=not wide and line[0] == heads[-1])
    return table


def _row(name: str, outcomes: Sequence[Outcome]) -> list[str]:
    mine = [outcome for outcome in outcomes if outcome.assignment == name]
    states = [outcome.state for outcome in mine]
    scored = [outcome for outcome in mine if outcome.scores]
    by_hand = sum(None in outcome.scores.values() for outcome in scored)
    least = "≥ " if by_hand else ""  # what is to be read counts as nothing yet
    mean = f"{least}{sum(map(_total, scored)) / len(scored):.2f}" if scored else "–"
    possible = f"{sum(scored[0].max_scores.values()):g}" if scored else "–"
    counts = [len(mine), *(states.count(state) for state in ("graded", "unchanged", "needs attention"))]
    return [name, *map(str, counts), str(by_hand), mean, possible]


def _total(outcome: Outcome) -> float:
    return sum(score for score in outcome.scores.values() if score is not None)


def _score(outcome: Outcome, grade_id: str) -> str:
    score = outcome.scores[grade_id]
    return "to read" if score is None else f"{score:g}/{outcome.max_scores[grade_id]:g}"


def _shown(path: Path) -> Path:
    """The path as short as it can be written from here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
