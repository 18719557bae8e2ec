"""The whole corpus through our own grader, in one course and one run, each sample against its outcome."""

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from corpus.leftovers import DAEMON
from corpus.making import matches, verdict
from corpus.prove import released_course, said_about
from corpus.samples import ALL, Sample

from cnnlab.grading import launch, sandbox
from cnnlab.grading.classroom import Classroom, Outcome

pytestmark = pytest.mark.skipif(sandbox.obstacle() is not None, reason="bubblewrap does not work here")

SECONDS, NOTEBOOK_SECONDS = 25, 90
LIMITS = {"memory": 1 << 30, "processes": 64, "disk": 32 << 20}  # far below what the bombs ask for


@dataclass(frozen=True)
class Graded:
    """What the grader made of the corpus."""

    outcomes: dict[str, Outcome]
    said: dict[str, str]
    left_running: list[str]
    left_behind: list[str]


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbgrader and SQLAlchemy warn where they meet
        course = released_course({one.assignment for one in ALL})
        outcomes, said = {}, {}
        for one in ALL:
            one.write(course / "submitted" / one.student / one.assignment, released(course, one))
        classroom = Classroom(course, timeout=SECONDS, workers=2)
        classroom.config.ExecuteCells.notebook_seconds = NOTEBOOK_SECONDS
        classroom.config.ExecuteCells.limits = LIMITS
        for assignment in sorted({one.assignment for one in ALL}):
            by_student = {one.student: one for one in ALL if one.assignment == assignment}
            for outcome in classroom.grade(assignment, list(by_student)):
                outcomes[by_student[outcome.student].name] = outcome
        for one in [one for one in ALL if one.again is not None]:
            one.write_again(course / "submitted" / one.student / one.assignment, released(course, one))
            outcomes[one.name] = next(iter(classroom.grade(one.assignment, [one.student])))
        said = {one.name: said_about(one, outcomes[one.name], course) for one in ALL if one.name in outcomes}
    running = [name for name in commands() if DAEMON in name]
    traces = [trace for one in ALL for trace in one.traces if found(trace)]
    folders = [str(path) for path in launch.zygote(True).folder.iterdir() if path.name != "zygote.sock"]
    return Graded(outcomes, said, running, [*traces, *folders])


def released(course: Path, one: Sample) -> Path:
    return course / "exercises" / one.assignment / f"{one.assignment}.ipynb"


def commands() -> Iterator[str]:
    """The command line of every process of the machine."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().decode(errors="replace")
        except OSError:
            continue


def found(pattern: str) -> bool:
    path = Path(os.path.expanduser(pattern))
    return any(path.parent.glob(path.name)) if path.parent.is_dir() else False


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_a_sample_ends_as_expected(one: Sample, graded: Graded) -> None:
    outcome, said = graded.outcomes[one.name], graded.said[one.name]
    assert verdict(one, outcome).startswith("as expected"), (verdict(one, outcome), said)
    assert matches(one, said), said


def test_nothing_is_left_running(graded: Graded) -> None:
    assert graded.left_running == []


def test_nothing_is_left_behind(graded: Graded) -> None:
    assert graded.left_behind == []
