"""Shows which tricks work on a grader: each sample in a course of its own, then what it earned.

    git archive 5107529 | tar -x -C /tmp/then     # the grader that ran its checks in the student's kernel
    PYTHONPATH=/tmp/then:tests python tests/corpus/prove.py [NAME …]

Samples tagged `dangerous` are left out unless they are named. The home folder is a temporary one.
"""

import os
import shutil
import sys
import tempfile
import time
import warnings
from pathlib import Path

HOME = Path(tempfile.mkdtemp(prefix="corpus-home-"))
os.environ |= {"HOME": str(HOME), "IPYTHONDIR": str(HOME / ".ipython"), "OMP_NUM_THREADS": "1"}

import nbformat  # noqa: E402
from corpus.making import matches, verdict  # noqa: E402
from corpus.samples import ALL, Sample  # noqa: E402

import cnnlab  # noqa: E402  (the home folder must be another one first)
from cnnlab.grading.classroom import Classroom, Outcome  # noqa: E402
from cnnlab.grading.release import release  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]


def released_course(assignments: set[str]) -> Path:
    """A course with these assignments released, to be copied for each sample."""
    course = Path(tempfile.mkdtemp(prefix="corpus-course-")) / "course"
    release(sorted(assignments), solutions=REPOSITORY / "solutions", course=course, to=course / "exercises")
    return course


def outcome(sample: Sample, course: Path) -> Outcome:
    """What the grader makes of a sample; where it spies on others, after an honest submission."""
    released = course / "exercises" / sample.assignment / f"{sample.assignment}.ipynb"
    honest = next(one for one in ALL if one.name == "never_run" and one.assignment == "label_smoothing")
    names = [sample.student]
    if "history" in sample.name or "other" in sample.name:
        honest.write(course / "submitted" / "ada" / sample.assignment, released)
        names.insert(0, "ada")
    sample.write(course / "submitted" / sample.student / sample.assignment, released)
    classroom = Classroom(course, timeout=10)
    graded = list(classroom.grade(sample.assignment, names))[-1]
    if sample.again is not None:
        sample.write_again(course / "submitted" / sample.student / sample.assignment, released)
        graded = list(classroom.grade(sample.assignment, names))[-1]
    return graded


def said_about(sample: Sample, graded: Outcome, course: Path) -> str:
    """Everything that the grader said: the reason, the notes, and the errors in the graded notebook."""
    said = [graded.reason, *graded.notes]
    path = course / "autograded" / sample.student / sample.assignment / f"{sample.assignment}.ipynb"
    if path.is_file():
        cells = nbformat.read(path, as_version=4).cells
        outputs = [output for cell in cells for output in cell.get("outputs", ())]
        said += [output.evalue for output in outputs if output.output_type == "error"]
    return "\n".join(said)


def main(wanted: list[str]) -> None:
    chosen = [s for s in ALL if (s.name in wanted if wanted else "dangerous" not in s.tags)]
    template = released_course({sample.assignment for sample in chosen} | {"label_smoothing"})
    print(f"grader: {Path(cnnlab.__file__).parent}")
    for sample in chosen:
        course = Path(tempfile.mkdtemp(prefix="corpus-")) / "course"
        shutil.copytree(template, course)
        start = time.monotonic()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            graded = outcome(sample, course)
        named = "" if matches(sample, said_about(sample, graded, course)) else ", cause not named"
        took = f"{time.monotonic() - start:5.1f} s"
        print(f"{sample.name:34} {sample.outcome}  {took}  {verdict(sample, graded)}{named}", flush=True)
        shutil.rmtree(course.parent, ignore_errors=True)
    shutil.rmtree(template.parent, ignore_errors=True)
    shutil.rmtree(HOME, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
