"""Every right solution scores all points, every named wrong one fails and is recognised."""

from collections.abc import Callable
from pathlib import Path

import pytest
from solved import Functions, functions_of, solution_source

from cnnlab.check import grade
from cnnlab.check.assignments import ASSIGNMENTS
from cnnlab.check.catalogue import Misconception

STYLES = sorted((Path(__file__).parents[1] / "sample_class" / "correct").glob("*/*.py"))
ENTRIES = [(name, entry) for name, a in ASSIGNMENTS.items() for entry in a.misconceptions]
LEAST = {
    "inverted_dropout": 12,
    "batch_norm": 12,
    "local_response_norm": 10,
    "label_smoothing": 10,
    "preprocessing": 60,
    "tuning": 60,
}


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
@pytest.mark.parametrize("seed", range(3))
def test_the_solution_scores_all_points(
    assignment: str, seed: int, solution: Callable[[str], Functions]
) -> None:
    report = grade(assignment, solution(assignment), seed=seed)
    assert report.points == report.max_points == 10, str(report)


@pytest.mark.parametrize("path", STYLES, ids=[f"{p.parent.name}-{p.stem}" for p in STYLES])
def test_a_right_solution_in_another_style_scores_all_points(path: Path) -> None:
    for seed in range(3):
        report = grade(path.parent.name, functions_of(path.read_text(), str(path)), seed=seed)
        assert report.points == report.max_points == 10, str(report)


def test_there_are_several_styles_for_each_assignment() -> None:
    for assignment in ASSIGNMENTS:
        assert sum(path.parent.name == assignment for path in STYLES) >= 4


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_an_unimplemented_notebook_scores_nothing(assignment: str) -> None:
    def stub(*args: object, **kwargs: object) -> object:
        raise NotImplementedError

    report = grade(assignment, dict.fromkeys(ASSIGNMENTS[assignment].functions, stub))
    assert report.points == 0
    assert all("is not implemented yet" in result.message for result in report.results)


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_catalogue_is_large_enough_and_its_names_are_unique(assignment: str) -> None:
    names = [entry.name for entry in ASSIGNMENTS[assignment].misconceptions]
    assert len(set(names)) == len(names) >= LEAST[assignment]


@pytest.mark.parametrize(("assignment", "entry"), ENTRIES, ids=[f"{a}-{e.name}" for a, e in ENTRIES])
def test_a_misconception_is_killed_and_recognised(assignment: str, entry: Misconception) -> None:
    """By its numbers or by what it does, not only by the library calls that the catalogue is made of."""
    right = ASSIGNMENTS[assignment].right
    for seed in (11, 12):
        report = grade(assignment, {**right, **entry.functions}, seed=seed)
        by_part = {result.name.partition(".")[2]: result for result in report.results}
        for part in entry.parts:
            result = by_part[part]
            assert result.points == 0
            assert "gave right values" not in result.message, f"{entry.name} survives {part}"
            assert result.misconception == entry.name, result.message
            assert entry.title in result.message
            assert entry.why in result.message


def test_print_the_kill_matrix(capsys: pytest.CaptureFixture[str]) -> None:
    """Which part kills which entry; a hole is an entry that no part kills by its values."""
    holes, lines = [], []
    for assignment, found in ASSIGNMENTS.items():
        parts = [part.name for part in found.parts]
        lines.append(f"{assignment}: {' '.join(parts)}")
        killed = 0
        for entry in found.misconceptions:
            report = grade(assignment, {**found.right, **entry.functions}, seed=21)
            marks = ["." if "gave right values" in r.message else "X" for r in report.results]
            killed += "X" in marks
            holes += [] if "X" in marks else [entry.name]
            lines.append(f"  {entry.name:<36} {' '.join(marks)}")
        lines.append(f"  killed {killed} of {len(found.misconceptions)}")
    with capsys.disabled():
        print("\n" + "\n".join(lines))
    assert not holes


def test_the_solution_source_is_not_empty() -> None:
    """The tests above would pass on nothing if the notebooks' metadata changed."""
    for assignment, found in ASSIGNMENTS.items():
        for function in found.functions:
            assert f"def {function}(" in solution_source(assignment)
