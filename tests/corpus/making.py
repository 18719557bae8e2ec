"""What a sample submission is, and the tools to make one out of the released notebook and known answers."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any, Literal

import nbformat
from sample_class import build
from sample_class.expected import CHECKS

# K: keeps the honest score. Z: zero for the checks named, the honest score for the others.
# A: needs attention, no number.
Outcome = Literal["K", "Z", "A"]

DUE = "2026-01-31 12:00:00"  # what the samples about lateness take for the due date
IN_TIME, LATE = "2026-01-30 18:00:00", "2026-02-02 18:00:00"

# One wrong answer per function, by the mistake's file in the sample class; each fails the checks beside it.
WRONG = {
    "smooth_labels": "epsilon_over_k",
    "label_smoothing_loss": "log_of_softmax",
    "label_smoothing_grad": "gradient_of_the_sum",
    "pytorch_epsilon": "epsilon_conversion_inverted",
    "batch_norm_forward": "unbiased_variance",
    "batch_norm_backward": "statistics_are_constants",
}
WRONG_TARGETS = r"q has wrong values"  # what `smooth_labels` is told then


class Work:
    """A submission in the making: its folder, and the notebook with right answers everywhere.

    Args:
        folder: `submitted/STUDENT/ASSIGNMENT`.
        released: the assignment's released notebook.
    """

    def __init__(self, folder: Path, released: Path) -> None:
        self.folder, self.released, self.assignment = folder, released, released.stem
        self.template = nbformat.read(released, as_version=4)
        self.right = build.answers(build.CORRECT / self.assignment / f"{build.STYLES[0]}.py", self.assignment)
        self.notebook: Any = build.filled(self.template, self.right)

    @property
    def path(self) -> Path:
        """Where the notebook belongs."""
        return self.folder / self.released.name

    def save(self) -> None:
        """Write the notebook, unless the sample wrote its own or wants none."""
        if self.notebook is not None:
            nbformat.write(self.notebook, self.path)
            self.notebook = None

    def text(self) -> str:
        """The notebook as it would be written; the sample then writes the file itself."""
        text = str(nbformat.writes(self.notebook))
        self.notebook = None
        return text

    def file(self, name: str, content: str) -> Path:
        """Another file of the submission."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(content), encoding="utf-8")
        return path

    def graded(self, grade_id: str) -> Any:
        """The cell with this grade_id."""
        return build.cell(self.notebook, grade_id)

    def checks(self) -> list[Any]:
        """The locked check cells."""
        return [self.graded(f"check_{part}") for part in CHECKS[self.assignment]]

    def answer(self, function: str, source: str) -> None:
        """Another answer. What the right answers share stays in the first function's cell."""
        first = build.ASSIGNMENTS[self.assignment][0]
        shared = self.right[build.HELPERS] if function == first else ""
        self.graded(function).source = shared + dedent(source).strip("\n")

    def body(self, function: str, body: str) -> None:
        """Another body for a function, under its own signature."""
        self.answer(function, build._with_body(self.right[function], function, dedent(body).strip("\n")))

    def first_line(self, function: str, line: str) -> None:
        """One line more at the start of a right answer."""
        self.answer(function, build._with_first_line(self.right[function], function, line))

    def wrong(self, *functions: str) -> None:
        """A known mistake in place of each of the answers."""
        for function in functions:
            self.answer(function, wrong_answer(self.assignment, function))

    def cell(self, source: str, before: str | None = None) -> Any:
        """A cell of the student's own: before the cell with that grade_id, else above everything."""
        index = 0 if before is None else self.notebook.cells.index(self.graded(before))
        number = sum(cell.id.startswith("mine-") for cell in self.notebook.cells)
        mine = nbformat.v4.new_code_cell(dedent(source).strip("\n"), id=f"mine-{number}")
        self.notebook.cells.insert(index, mine)
        return mine

    def last_cell(self, source: str) -> Any:
        """A cell of the student's own below everything."""
        mine = self.cell(source)
        self.notebook.cells.append(self.notebook.cells.pop(0))
        return mine


def wrong_answer(assignment: str, function: str) -> str:
    """The source of a known mistake."""
    answers = build.answers(build.WRONG / assignment / f"{WRONG[function]}.py", assignment)
    return answers[build.HELPERS] + answers[function]


@dataclass(frozen=True)
class Sample:
    """One submission of the corpus and what must become of it."""

    name: str
    item: str  # the corpus's own words for it
    make: Callable[[Work], None]
    why: str  # what it tries, in one line
    outcome: Outcome
    zero: frozenset[str] = frozenset()  # the check cells that must score 0
    cause: str = ""  # a regular expression for the message or the notes; empty: nothing need be said
    assignment: str = "label_smoothing"
    student: str = ""
    received: str = IN_TIME  # when the instructor got it, against DUE
    again: Callable[[Work], None] | None = None  # what is handed in instead, once the first was graded
    traces: tuple[str, ...] = ()  # files that a run must not leave behind
    tags: frozenset[str] = field(default_factory=frozenset)  # "dangerous": never outside a sandbox

    def write(self, folder: Path, released: Path) -> None:
        """Write the submission into `submitted/STUDENT/ASSIGNMENT`."""
        _write(self.make, folder, released)

    def write_again(self, folder: Path, released: Path) -> None:
        """Replace it by the second submission, where there is one."""
        if self.again is not None:
            _write(self.again, folder, released)

    def expected(self) -> dict[str, float] | None:
        """Points by check cell, before any penalty; None where there is no number."""
        if self.outcome == "A":
            return None
        points = {f"check_{part}": points for part, points in CHECKS[self.assignment].items()}
        return {cell: 0 if cell in self.zero else worth for cell, worth in points.items()}


def _write(make: Callable[[Work], None], folder: Path, released: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    work = Work(folder, released)
    make(work)
    work.save()


def sample(
    item: str,
    outcome: Outcome = "Z",
    *,
    zero: str | Iterable[str] = (),
    name: str = "",
    student: str = "",
    why: str = "",
    **more: Any,
) -> Callable[[Callable[[Work], None]], Sample]:
    """Makes a `Sample` of a function that changes a `Work`: its name, and its docstring as the why."""
    cells = (zero,) if isinstance(zero, str) else zero

    def wrap(make: Callable[[Work], None]) -> Sample:
        called = name or make.__name__
        said = why or _first_line(make)
        checks = frozenset(f"check_{part}" for part in cells)
        more["tags"] = frozenset(more.get("tags", ()))
        return Sample(called, item, make, said, outcome, checks, student=student or called, **more)

    return wrap


def attack(
    item: str, zero: str = "targets", cause: str = WRONG_TARGETS, **more: Any
) -> Callable[[Callable[[Work], None]], Sample]:
    """A tampering sample: by default it wants the points of a wrong `smooth_labels`."""

    def wrap(make: Callable[[Work], None]) -> Sample:
        def with_wrong_answer(work: Work) -> None:
            if zero == "targets":
                work.wrong("smooth_labels")
            make(work)

        named = {"name": make.__name__, "why": _first_line(make)} | more
        return sample(item, "Z", zero=zero, cause=cause, **named)(with_wrong_answer)

    return wrap


def _first_line(make: Callable[[Work], None]) -> str:
    """The first line of a function's docstring."""
    return (make.__doc__ or "").strip().partition("\n")[0]


def made_in(names: dict[str, Any]) -> tuple[Sample, ...]:
    """Every sample of a module, alone or in a tuple, in the order written."""
    found: list[Sample] = []
    for value in names.values():
        found += [value] if isinstance(value, Sample) else []
        found += [one for one in value if isinstance(one, Sample)] if isinstance(value, tuple) else []
    return tuple(dict.fromkeys(found))


def everything(assignment: str) -> tuple[str, ...]:
    """All parts of an assignment, for samples that lose everything."""
    return tuple(CHECKS[assignment])


def matches(sample: Sample, said: str) -> bool:
    """Whether what was said names the cause."""
    return re.search(sample.cause, said, re.IGNORECASE) is not None


def verdict(sample: Sample, graded: Any) -> str:
    """How the grader did on it, from its `cnnlab.grading.classroom.Outcome`."""
    expected = sample.expected()
    if graded.state == "needs attention" or expected is None:
        right = (expected is None) == (graded.state == "needs attention")
        return f"{'as expected' if right else 'NOT AS EXPECTED'}: {graded.state}: {graded.reason[:80]}"
    earned = {cell: graded.scores.get(cell) or 0 for cell in expected}
    unearned = {cell: earned[cell] for cell in expected if earned[cell] > expected[cell]}
    lost = {cell: earned[cell] for cell in expected if earned[cell] < expected[cell]}
    if unearned:
        return f"UNEARNED {unearned}" + (f", LOST {lost}" if lost else "")
    return f"LOST {lost}" if lost else "as expected"
