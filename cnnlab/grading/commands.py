"""The commands around grading: collecting, due dates, feedback, the report, export, regrading.

Imports stand inside the commands, as in `cnnlab.cli`.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.console import Console
from rich.markup import escape

from cnnlab.errors import InputError, unknown
from cnnlab.grading.garbage import importing

# What only `cnnlab[grading]` installs.
GRADING_PACKAGES = {
    *("nbgrader", "jupytext", "nbclient", "nbconvert", "nbformat", "sqlalchemy", "traitlets"),
    *("bleach", "dateutil", "jinja2", "copydetect"),
}
# With it jsonschema makes, for two seconds, a grammar of international addresses; no notebook has one.
SLOW = "rfc3987_syntax"
Root = Annotated[Path, typer.Option(help="The course folder: submissions, grades, gradebook.db.")]
Database = Annotated[
    str | None,
    typer.Option(envvar="CNNLAB_DB", help="The gradebook's database; gradebook.db in the course by default."),
]
Zone = Annotated[
    str | None, typer.Option(help="Of times without one, such as Europe/Berlin; by default this machine's.")
]


def add_to(app: typer.Typer) -> None:
    """Make these commands of `cnnlab`."""
    for command in (collect, due, feedback, report, export):
        app.command()(command)


@contextmanager
def grading_packages() -> Iterator[None]:
    """Around the imports that a student's installation lacks."""
    sys.modules.setdefault(SLOW, None)  # type: ignore[arg-type]
    try:
        with importing():
            yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in GRADING_PACKAGES:
            raise
        raise InputError(f'{package} is not installed; run pip install "cnnlab[grading]" first.') from error
    finally:
        if sys.modules[SLOW] is None:
            del sys.modules[SLOW]


def collect(
    archive: Annotated[Path, typer.Argument(help="The platform's zip archive, or a folder.")],
    assignment: Annotated[str, typer.Argument(help="What was handed in.")],
    roster: Annotated[
        Path | None, typer.Option(help="The class as a CSV file; ROOT/roster.csv where there is one.")
    ] = None,
    platform: Annotated[
        str | None, typer.Option("--from", help="moodle, canvas or plain; found out by default.")
    ] = None,
    received: Annotated[
        str | None, typer.Option(help="When all of it came in, where the export does not say.")
    ] = None,
    timezone: Zone = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also what may be newer; the old is kept.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    root: Root = Path("course"),
    db: Database = None,
) -> None:
    """Take submissions out of a Moodle or Canvas export, a zip archive or a folder into the course.

    Students are matched with the roster: our own columns (id, first name, last name, email, lms id), Canvas's
    exported gradebook, Moodle's grading worksheet (which also says when each submission came in) or its list
    of participants. Whoever cannot be matched for certain is listed and left; exit code 1 says that something
    is to be looked at. Nothing newer is overwritten, and what is replaced is kept under ROOT/collected.
    """
    with grading_packages():
        from cnnlab.grading.archives import printable
        from cnnlab.grading.collect import Collector, register
        from cnnlab.grading.course import released, writing
        from cnnlab.grading.lms import PLATFORMS
        from cnnlab.grading.roster import read_roster
        from cnnlab.grading.times import Clock, moment, zone
    if platform is not None and platform not in PLATFORMS:
        raise unknown("platform", platform, PLATFORMS)
    notebook = released(root, assignment)
    known = roster or (root / "roster.csv" if (root / "roster.csv").is_file() else None)
    students = read_roster(known) if known else None
    here = zone(timezone)
    clock = Clock(here, moment(received, here) if received else None)
    collector = Collector(root, notebook, students, clock, replace, dry_run)
    console, outcomes = Console(), []
    for note in students.notes if students else ():
        console.print(f"[dim]{escape(printable(note))}[/]", highlight=False, soft_wrap=True)
    with console.status(f"reading {archive.name}"):
        for outcome in collector.collect(archive, cast(Any, platform)):
            outcomes.append(outcome)
            console.print(_collected(outcome), highlight=False, soft_wrap=True)
    if students and not dry_run:
        with writing(root, db) as gradebook:
            register(students, gradebook)
    counts = {
        state: sum(o.state == state for o in outcomes)
        for state in ("new", "newer", "same", "kept", "refused", "left out")
    }
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    console.print(f"{assignment}: {told}{' (nothing was written)' if dry_run else ''}.", highlight=False)
    if students:
        missing = {s.id for s in students.students} - {o.student for o in outcomes if o.student}
        console.print(
            f"Students who are not in it: {len(missing)} of {len(students.students)}.", highlight=False
        )
    if counts["kept"] or counts["refused"] or counts["left out"]:
        raise typer.Exit(1)


def due(
    assignment: Annotated[str, typer.Argument(help="Which one.")],
    when: Annotated[
        str | None,
        typer.Argument(help='Such as "2026-11-30 23:59"; none takes a date away.', show_default=False),
    ] = None,
    student: Annotated[str | None, typer.Option(help="Only for this student: an extension.")] = None,
    late: Annotated[
        str | None,
        typer.Option(
            help='The course\'s policy: none, zero, "2 points per day", "10% per day, grace 15 minutes".'
        ),
    ] = None,
    timezone: Zone = None,
    root: Root = Path("course"),
    db: Database = None,
) -> None:
    """Set when an assignment is due, an extension for one student, and what being late costs.

    Penalties are taken once, from the scores as they are, and are in the gradebook; with new dates or a new
    policy they are taken anew. Without anything to set, shows what is set.
    """
    with grading_packages():
        from cnnlab.grading import late as lateness
        from cnnlab.grading.course import find_assignment, outdated, released, writing
        from cnnlab.grading.preferences import choose, preferences
        from cnnlab.grading.times import moment, naive_utc, zone
    released(root, assignment)
    if student is not None and when is None:
        raise InputError(
            f'--student {student} needs a date, as in: cnnlab due {assignment} "2026-12-02 12:00" '
            f"--student {student}."
        )
    here = zone(timezone)
    never = when is not None and when.strip().lower() == "none"
    until = None if when is None or never else naive_utc(moment(when, here))
    if late is not None:
        lateness.policy(late)
    with writing(root, db) as gradebook:
        found = find_assignment(gradebook, assignment)
        if student is not None:
            lateness.extend(gradebook, found, student, until)
        elif until:
            lateness.move(gradebook, found, until)
        elif never:
            lateness.remove(gradebook, found)
        if late is not None:
            choose(root, late=late)
        chosen = preferences(root)["late"]
        penalties = lateness.settle(gradebook, assignment, lateness.policy(chosen))
        lines = lateness.described(gradebook, assignment, penalties, here)
    print(f"Late policy: {chosen}.", *lines, *outdated(root, assignment), sep="\n")


def feedback(
    assignments: Annotated[list[str], typer.Argument(help="Whose feedback pages to write.")],
    student: Annotated[list[str] | None, typer.Option(help="Only this student; may be repeated.")] = None,
    book: Annotated[
        str | None, typer.Option(help="The address of your copy of the book, for links to its chapters.")
    ] = None,
    root: Root = Path("course"),
    db: Database = None,
) -> None:
    """Write the feedback pages again, after grading by hand or with links to the book.

    A page holds nothing that acts: no scripts, no frames, nothing loaded from elsewhere. It shows the
    student's own work, the points, what was wrong and why, and never a solution. The address of the book is
    kept for next time.
    """
    with grading_packages():
        from rich.progress import track

        from cnnlab.grading.archives import printable
        from cnnlab.grading.course import graded, outdated, released, writing
        from cnnlab.grading.late import policy, settle
        from cnnlab.grading.pages import write_page
        from cnnlab.grading.preferences import choose, preferences
    if book is not None and not book.startswith(("https://", "http://", "file://", "/")):
        raise InputError(f"{book!r} is no address; write it like https://example.org/book.")
    queue = []
    for name in assignments:
        released(root, name)
        known = graded(root, name)
        for wanted in student or ():
            if wanted not in known:
                raise unknown("student", wanted, known)
        queue += [(name, who) for who in student or known]
    if not queue:
        raise InputError("nothing has been graded yet; run `cnnlab grade` first.")
    if book is not None:
        choose(root, book=book)
    with writing(root, db) as gradebook:
        for name in assignments:
            settle(gradebook, name, policy(preferences(root)["late"]))
    failed = []
    console = Console(stderr=True)
    for name, who in track(
        queue, "feedback", console=console, transient=True, disable=not console.is_terminal
    ):
        if why := write_page(root, name, who, db):
            failed.append(printable(f"Needs attention: {who}, {name}: {why}"))
    remarks = [remark for name in assignments for remark in outdated(root, name)]
    print(
        f"{len(queue) - len(failed)} feedback pages are in {root / 'feedback'}.", *failed, *remarks, sep="\n"
    )
    if failed:
        raise typer.Exit(1)


def report(
    assignments: Annotated[list[str], typer.Argument(help="Which ones, a section each.")],
    to: Annotated[Path | None, typer.Option(help="The file; ROOT/report.html by default.")] = None,
    root: Root = Path("course"),
    db: Database = None,
) -> None:
    """Write one page on how the class did, for the instructor.

    Scores and their distribution question by question, the commonest misconceptions, what is suspicious,
    which submissions took longest, and which ones read alike when names and comments are left aside. The page
    names students; it loads nothing and runs nothing.
    """
    with grading_packages():
        from cnnlab.grading.course import find_assignment, outdated, reading, released
        from cnnlab.grading.overview import overview, page
    for name in assignments:
        released(root, name)
    found = []
    with (
        reading(root, db) as gradebook,
        Console(stderr=True).status("reading the graded notebooks") as status,
    ):
        for name in assignments:
            status.update(f"reading {name}")
            find_assignment(gradebook, name)
            found.append(overview(gradebook, root, name))
    path = to or root / "report.html"
    _write(path, page(found))
    remarks = [remark for name in assignments for remark in outdated(root, name)]
    print(f"The report is in {path}.", *remarks, sep="\n")


def export(
    platform: Annotated[str, typer.Argument(help="canvas or moodle.")],
    assignments: Annotated[list[str], typer.Argument(help="Whose grades.")],
    template: Annotated[
        Path | None,
        typer.Option(help="Canvas's exported gradebook or Moodle's grading worksheet, to be filled in."),
    ] = None,
    to: Annotated[Path | None, typer.Option(help="The file; ROOT/PLATFORM.csv by default.")] = None,
    root: Root = Path("course"),
    db: Database = None,
) -> None:
    """Write grades as Canvas or Moodle import them.

    With --template everybody keeps the platform's own numbers, which is the safe way. A grade that is not
    settled stays empty and is listed, with exit code 1; an import leaves it as it is.
    """
    with grading_packages():
        from cnnlab.grading.course import find_assignment, reading, released
        from cnnlab.grading.late import policy, settle
        from cnnlab.grading.lms_export import table
        from cnnlab.grading.preferences import preferences
    if platform not in ("canvas", "moodle"):
        raise unknown("platform", platform, ("canvas", "moodle"))
    with reading(root, db) as gradebook:  # a penalty that is settled already is not written again
        for name in assignments:
            released(root, name)
            find_assignment(gradebook, name)
            settle(gradebook, name, policy(preferences(root)["late"]))
        made = table(gradebook, root, assignments, cast(Any, platform), template)
    path = to or root / f"{platform}.csv"
    _write(path, made.text())
    for who, name, why in made.open:
        print(f"empty: {who}, {name}: {why}")
    for text in made.strangers:
        print(f"not in the gradebook: {text}")
    for text in made.absent:
        print(f"not in {template}: {text}")
    print(f"Grades are in {path}.")
    if made.strangers or made.absent or any(why != "not handed in" for *_, why in made.open):
        raise typer.Exit(1)


def _write(path: Path, text: str) -> None:
    """Write the file that a command is for, each line ending as it is in the text."""
    try:
        # The name of a folder may be no text at all.
        path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror}. Name another file with --to."
        ) from error


def _collected(outcome: Any) -> str:
    """One submission in one line of Rich markup."""
    from cnnlab.grading.archives import printable, shown

    marks = {
        "new": "[green]+[/]",
        "newer": "[green]↻[/]",
        "same": "=",
        "kept": "[red]![/]",
        "refused": "[red]![/]",
        "left out": "[red]![/]",
        "note": "-",
    }
    who = f"  {escape(printable(outcome.student))}" if outcome.student else ""
    notes = f"  [dim]{escape(printable('; '.join(outcome.notes)))}[/]" if outcome.notes else ""
    return f"{marks[outcome.state]} {outcome.state}{who}  {escape(shown(outcome.label))}{notes}"
