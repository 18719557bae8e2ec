"""The student's commands: `cnnlab doctor` and `cnnlab submission`.

Imports stand inside the commands, as in `cnnlab.cli`.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from cnnlab.desk.doctor import Finding

COLOURS = {"ready": "green", "note": "yellow", "fault": "red"}
COLOURS |= {"passed": "green", "failed": "red", "open": "yellow", "no cell": "red"}


def show(findings: "Sequence[Finding]", console: Console) -> bool:
    """Print what the doctor found as a table; whether the machine is ready."""
    table = Table(title="Is this machine ready for the course?")
    for heading in ("", "what", "found", "what to do"):
        table.add_column(heading, overflow="fold")
    for one in findings:
        table.add_row(_word(one.state), escape(one.name), escape(one.found), escape(one.todo))
    console.print(table)
    faults = sum(one.state == "fault" for one in findings)
    if faults:
        console.print(f"Not ready: {faults} of {len(findings)} need something. Do it, then run this again.")
    else:
        console.print("Ready.")
    return not faults


def submission(
    notebook: Annotated[Path, typer.Argument(help="The assignment's notebook.")],
    to: Annotated[Path | None, typer.Option(help="The archive; beside the notebook by default.")] = None,
    seconds: Annotated[int, typer.Option(min=1, help="How long one cell may run.")] = 60,
) -> None:
    """Make the file to hand in, and say what is missing; exit code 1 when something is.

    Runs the saved notebook from top to bottom in a fresh kernel, without the experiments. The file is written
    in any case: half an assignment can be handed in.
    """
    from cnnlab.desk.submission import missing, read, run_checks, write

    console = Console()
    given = read(notebook)
    with console.status(f"running {notebook.name} in a fresh kernel"):
        checks = list(run_checks(given, seconds))
    table = Table(title=f"{given.assignment}, as saved {_ago(time.time() - given.saved)}")
    for heading in ("check", "now", "points", "why"):
        table.add_column(heading, overflow="fold")
    for one in checks:
        points = f"{one.points} of {one.max_points}"
        table.add_row(escape(one.part), _word(one.state), points, escape(one.why))
    console.print(table)
    lacking = missing(given)
    for sentence in lacking:
        console.print(f"Missing: {sentence}", highlight=False, soft_wrap=True)
    total, most = sum(one.points for one in checks), sum(one.max_points for one in checks)
    console.print(
        f"The checks give {total} of {most} points now. What you changed after you saved is not in it.",
        highlight=False,
        soft_wrap=True,
    )
    console.print(f"Hand in: {write(given, to)}", highlight=False, soft_wrap=True)
    if lacking or total < most:
        raise typer.Exit(1)


def _word(state: str) -> str:
    return f"[{COLOURS[state]}]{state}[/]"


def _ago(seconds: float) -> str:
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = int(seconds // length)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "less than a minute ago"
