"""What the checks found: results, their sum, and how they read in a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cnnlab.check import html
from cnnlab.check.compare import Heat


@dataclass(frozen=True)
class Result:
    """The result of one check.

    `message` is empty if it passed; `misconception` is the name of the catalogued wrong implementation
    whose numbers match, if there is one.
    """

    name: str
    points: int
    max_points: int
    passed: bool
    message: str
    misconception: str | None
    heat: Heat | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        verdict = "passed" if self.passed else "FAILED"
        head = f"{verdict}  {self.name}  {self.points} of {self.max_points} points"
        return "\n".join([head, *(f"  {line}" for line in self.message.splitlines())])


@dataclass(frozen=True)
class Progress:
    """Where a student stands: each check of the assignment, and what it said last in this session."""

    assignment: str
    checks: Sequence[tuple[str, int, bool | None]]  # name, points, passed

    def __str__(self) -> str:
        passed = [points for _, points, last in self.checks if last]
        points, most = sum(passed), sum(points for _, points, _ in self.checks)
        marks = ", ".join(f"{name} {_MARKS[last]}" for name, _, last in self.checks)
        return (
            f"{self.assignment} so far: {len(passed)} of {len(self.checks)} checks passed, "
            f"{points} of {most} points ({marks})"
        )


_MARKS = {True: "passed", False: "failed", None: "not run"}


@dataclass(frozen=True)
class Report:
    """The results of an assignment's checks, or of some of them.

    `seed` repeats exactly the cases that were asked. `progress` is shown below them in a notebook.
    """

    assignment: str
    results: Sequence[Result]
    seed: int
    progress: Progress | None = field(default=None, compare=False)

    @property
    def points(self) -> int:
        return sum(result.points for result in self.results)

    @property
    def max_points(self) -> int:
        return sum(result.max_points for result in self.results)

    @property
    def passed(self) -> bool:
        return all(result.passed for result in self.results)

    def __str__(self) -> str:
        lines = [str(result) for result in self.results]
        if len(lines) > 1:
            lines.append(f"{self.assignment}: {self.points} of {self.max_points} points")
        if not self.passed:
            lines.append(f"(the same cases again: seed={self.seed})")
        return "\n".join(lines)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """What a notebook shows, and what it shows where there is no HTML."""
        text = str(self) if self.progress is None else f"{self}\n{self.progress}"
        return {"text/plain": text, "text/html": html.render(self)}
