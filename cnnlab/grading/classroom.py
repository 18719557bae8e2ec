"""Grades a class: every submission of an assignment through nbgrader, one at a time, each on its own.

nbgrader's own batch skips whatever has an `autograded` folder, finished or not, and keeps the old score when
a second run fails. Here a submission counts as graded once its fingerprint is on record, which is written
last; and a submission that cannot be graded loses its old automatic scores.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters.autograde import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.converters.generate_feedback import GenerateFeedback
from nbgrader.coursedir import CourseDirectory

from cnnlab.errors import InputError, unknown
from cnnlab.grading.export import QuotedCsvExport
from cnnlab.grading.logs import captured_log, without_session_remark
from cnnlab.grading.restore import NOTE
from cnnlab.grading.settings import CELL_SECONDS, course_config
from cnnlab.grading.submission import check_submission, fingerprint

State = Literal["graded", "unchanged", "needs attention"]


@dataclass(frozen=True)
class Outcome:
    """What became of one submission."""

    assignment: str
    student: str
    state: State
    reason: str = ""  # why it needs attention
    notes: list[str] = field(default_factory=list)  # what had to be put right in the notebook
    # By grade_id; None where a person has to read the answer.
    scores: dict[str, float | None] = field(default_factory=dict)
    max_scores: dict[str, float] = field(default_factory=dict)


class Classroom:
    """One course folder, its gradebook and what was submitted to it."""

    def __init__(self, root: Path = Path("course"), timeout: int = CELL_SECONDS) -> None:
        self.root = root.resolve()
        if not self.root.is_dir():
            raise InputError(
                f"there is no course folder {root}; run `cnnlab release`, or name it with --root."
            )
        if not (self.root / "gradebook.db").is_file():
            raise InputError(f"there is no gradebook.db in {root}; run `cnnlab release` first.")
        self.config = course_config(self.root, timeout)
        # Several processes write to one SQLite file in turn instead of failing with "locked". Not in the
        # common settings, because `nbgrader db upgrade` takes all that follows sqlite:/// for a file's name.
        self.config.CourseDirectory.db_url += "?timeout=60"

    def assignments(self) -> list[str]:
        """The assignments that have been released here."""
        with self._gradebook() as gradebook:
            return sorted(assignment.name for assignment in gradebook.assignments)

    def students(self, assignment: str, chosen: Sequence[str] = ()) -> list[str]:
        """Who submitted the assignment; only the chosen ones when any are named."""
        known = self.assignments()
        if assignment not in known:
            raise unknown("assignment", assignment, known)
        if not self.released(assignment).is_file():
            raise InputError(f"{self.released(assignment)} is missing; run `cnnlab release {assignment}`.")
        folders = self.root.glob(f"submitted/*/{assignment}")
        found = sorted(folder.parent.name for folder in folders if folder.is_dir())
        for student in chosen:
            if student not in found:
                raise unknown("student", student, found)
        if not found:
            raise InputError(
                f"nobody has submitted {assignment}: put a submission into "
                f"{self.root}/submitted/STUDENT/{assignment} first."
            )
        return list(chosen) or found

    def released(self, assignment: str) -> Path:
        """The assignment's released notebook."""
        return self.root / "release" / assignment / f"{assignment}.ipynb"

    def grade(self, assignment: str, students: Sequence[str], force: bool = False) -> Iterator[Outcome]:
        """Grade the submissions one by one; each yields its outcome, whatever happens to the others."""
        for student in students:
            try:
                yield self._grade_one(assignment, student, force)
            except Exception as error:  # no submission stops the others, none ends without an outcome
                self._withdraw(assignment, student)
                reason = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
                yield Outcome(assignment, student, "needs attention", reason)

    def export(self) -> Path:
        """Write every grade to `grades.csv`, as `nbgrader export` does."""
        exporter = QuotedCsvExport(config=self.config)
        exporter.to = str(self.root / "grades.csv")
        with self._gradebook() as gradebook, captured_log(exporter):
            exporter.export(gradebook)
        return Path(exporter.to)

    def _grade_one(self, assignment: str, student: str, force: bool) -> Outcome:
        folder = self.root / "submitted" / student / assignment
        print_now = fingerprint(folder, self.released(assignment))
        record = self._record(assignment, student)
        if not force and record.is_file() and record.read_text() == print_now:
            return self._outcome(assignment, student, "unchanged")
        record.unlink(missing_ok=True)
        check_submission(folder, self.released(assignment))
        log = self._convert(Autograde, assignment, student)
        self._convert(GenerateFeedback, assignment, student)
        record.parent.mkdir(parents=True, exist_ok=True)
        half = record.with_suffix(".part")
        half.write_text(print_now)
        os.replace(half, record)
        outcome = self._outcome(assignment, student, "graded")
        outcome.notes.extend(line.removeprefix(NOTE) for line in log.splitlines() if line.startswith(NOTE))
        return outcome

    def _record(self, assignment: str, student: str) -> Path:
        """Holds the fingerprint of what was graded last; not in a folder that nbgrader deletes."""
        return self.root / "graded" / student / f"{assignment}.txt"

    def _convert(self, kind: Any, assignment: str, student: str) -> str:
        """Run one of nbgrader's converters on one submission; its log. An error comes out as raised."""

        class One(kind):  # type: ignore[misc]
            def init_notebooks(self) -> None:
                """nbgrader takes names for file patterns; here brackets in a student's id mean themselves."""
                source = self._format_source(assignment, student)
                self.assignments = {source: [f"{source}/{assignment}.ipynb"]}

            def convert_single_notebook(self, notebook_filename: str) -> None:
                try:
                    super().convert_single_notebook(notebook_filename)
                except Exception as error:
                    failures.append(error)
                    raise

        failures: list[Exception] = []
        folder = CourseDirectory(config=self.config)
        folder.assignment_id = assignment
        converter = One(coursedir=folder, config=self.config)
        converter.force = True
        with captured_log(converter) as log:
            try:
                converter.start()
            except NbGraderException as error:
                if failures:
                    raise failures[0] from error
                lines = (log.getvalue() or str(error)).strip().splitlines()
                raise InputError(f"nbgrader: {lines[-1]}") from error
        return log.getvalue()

    def _outcome(self, assignment: str, student: str, state: State) -> Outcome:
        with self._gradebook() as gradebook:
            grades = gradebook.find_submission_notebook(assignment, assignment, student).grades
            scores = {grade.name: None if grade.needs_manual_grade else grade.score for grade in grades}
            possible = {grade.name: grade.max_score for grade in grades}
            return Outcome(assignment, student, state, scores=scores, max_scores=possible)

    def _withdraw(self, assignment: str, student: str) -> None:
        """Leave the submission in the gradebook without an automatic score and without old feedback."""
        self._record(assignment, student).unlink(missing_ok=True)
        for step in ("autograded", "feedback"):
            shutil.rmtree(self.root / step / student / assignment, ignore_errors=True)
        with self._gradebook() as gradebook, without_session_remark():
            gradebook.update_or_create_student(student)
            gradebook.update_or_create_submission(assignment, student)
            try:
                grades = gradebook.find_submission_notebook(assignment, assignment, student).grades
            except MissingEntry:
                return
            for grade in grades:
                grade.auto_score, grade.needs_manual_grade = None, True
            gradebook.db.commit()

    def _gradebook(self) -> Any:
        return Gradebook(self.config.CourseDirectory.db_url)
