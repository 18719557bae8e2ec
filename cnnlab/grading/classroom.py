"""Grades a class: submissions run side by side in processes, their grades go through nbgrader one by one.

nbgrader's own batch skips whatever has an `autograded` folder, finished or not, and keeps the old score when
a second run fails. Here a submission counts as graded once its fingerprint is on record, which is written
last; and a submission that cannot be graded loses its old automatic scores.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import nbformat
from nbgrader.api import MissingEntry
from nbgrader.converters.autograde import Autograde
from nbgrader.converters.generate_feedback import GenerateFeedback
from nbgrader.preprocessors import NbGraderPreprocessor

from cnnlab.cells import CELL_SECONDS
from cnnlab.errors import InputError, in_a_sentence, unknown
from cnnlab.grading.archives import shown
from cnnlab.grading.convert import convert
from cnnlab.grading.course import gradebook_url, graded_notebook, unknown_assignment
from cnnlab.grading.export import QuotedCsvExport
from cnnlab.grading.gradebook import Books
from cnnlab.grading.logs import captured_log, without_remarks
from cnnlab.grading.misplaced import misplaced
from cnnlab.grading.regrade import find_question, same_answers, with_one_question
from cnnlab.grading.restore import NOTE
from cnnlab.grading.sandbox import Mode, choose
from cnnlab.grading.settings import course_config
from cnnlab.grading.submission import (
    check_submission,
    checks_digest,
    find_notebook,
    fingerprint,
    handed_in,
    other_files,
    prepare,
    submission_digest,
)
from cnnlab.grading.worker import Executed, Job, execute, framed
from cnnlab.grading.workers import default_workers, pool, run

State = Literal["graded", "unchanged", "needs attention"]
UNFINISHED = "unfinished"  # on record before the digest of what was graded last, while it is graded again
MOST_REMARKS = 20  # on what lies in the wrong place


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


class TakeOver(NbGraderPreprocessor):  # type: ignore[misc]
    """In the place of `ExecuteCells`: takes the outputs of a notebook that a worker has executed."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        executed = self.parent.parent.executed
        if [cell.source for cell in executed.cells] != [cell.source for cell in nb.cells]:
            raise InputError("other work was handed in while it was graded; run the command again.")
        for cell, ran in zip(nb.cells, executed.cells, strict=True):
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = ran.outputs, ran.execution_count
        nb.metadata.update(executed.metadata)
        return nb, resources


class Classroom:
    """One course folder, its gradebook and what was submitted to it."""

    def __init__(
        self,
        root: Path = Path("course"),
        timeout: int = CELL_SECONDS,
        *,
        workers: int | None = None,
        sandbox: Mode = "require",
        seed: int | None = None,
        db: str | None = None,
        scheduler: str | None = None,
    ) -> None:
        self.root = root.resolve()
        if not self.root.is_dir():
            raise InputError(
                f"there is no course folder {root}; run `cnnlab release`, or name it with --root."
            )
        self.config = course_config(self.root, timeout, db)
        url = gradebook_url(root, db)
        if not os.access(self.root, os.W_OK):
            raise InputError(f"the course folder {root} cannot be written; make it writable for you first.")
        self.books = Books(url)
        self.config.CourseDirectory.db_url = self.books.nbgrader_url
        self.config.ExecuteCells.sandbox = sandbox
        if seed is not None:
            self.config.ExecuteCells.seed = seed
        self.config.Autograde.autograde_preprocessors[0] = "cnnlab.grading.classroom.TakeOver"
        # The metadata are the released notebook's, which nbgrader has checked when it was released.
        self.config.Autograde.sanitize_preprocessors.remove("nbgrader.preprocessors.OverwriteKernelspec")
        for steps in ("sanitize_preprocessors", "autograde_preprocessors"):
            self.config.Autograde[steps].remove("nbgrader.preprocessors.CheckCellMetadata")
        self.workers, self.sandbox = workers or default_workers(), sandbox
        self.walled = choose(sandbox)
        self.scheduler = scheduler

    def assignments(self) -> list[str]:
        """The assignments that have been released here."""
        with self._gradebook() as gradebook:
            return sorted(assignment.name for assignment in gradebook.assignments)

    def students(self, assignment: str, chosen: Sequence[str] = ()) -> list[str]:
        """Who submitted the assignment; only the chosen ones when any are named."""
        known = self.assignments()
        if assignment not in known:
            raise unknown_assignment(assignment, known)
        if not self.released(assignment).is_file():
            raise InputError(f"{self.released(assignment)} is missing; run `cnnlab release {assignment}`.")
        folders = self.root.glob(f"submitted/*/{assignment}")
        found = sorted(folder.parent.name for folder in folders if folder.is_dir())
        for student in chosen:
            if student not in found:
                raise unknown("student", student, found)
        if not found:
            others = "".join(f" {remark}" for remark in self.misplaced())
            raise InputError(
                f"nobody has submitted {assignment}: put a submission into "
                f"{self.root}/submitted/STUDENT/{assignment} first.{others}"
            )
        return list(chosen) or found

    def misplaced(self, students: Sequence[str] = ()) -> list[str]:
        """A remark on each thing in submitted/ that no assignment's submissions are looked for in."""
        paths = misplaced(self.root / "submitted", self.assignments(), students)
        names = [shown(str(path.relative_to(self.root))) for path in paths[:MOST_REMARKS]]
        remarks = [
            f"{name} was not looked at; it belongs into submitted/STUDENT/ASSIGNMENT/." for name in names
        ]
        return remarks + ([f"… and {more} more."] if (more := len(paths) - MOST_REMARKS) > 0 else [])

    def released(self, assignment: str) -> Path:
        """The assignment's released notebook."""
        return self.root / "release" / assignment / f"{assignment}.ipynb"

    def check_question(self, assignment: str, question: str) -> None:
        """Raise an `InputError` unless a check of the assignment has this name."""
        find_question(nbformat.read(self.released(assignment), as_version=4), question)

    def grade(
        self,
        assignment: str,
        students: Sequence[str],
        force: bool = False,
        question: str = "",
        silent: Callable[[list[str]], None] = lambda students: None,
    ) -> Iterator[Outcome]:
        """Grade the submissions; each yields its outcome when it is done, whatever happens to the others.

        With a question, all are graded again in that question alone; whoever has not been graded before, or
        has handed in anew since, is graded in all. `silent` is told who is waited for, when that is long.
        """
        jobs: dict[str, Job] = {}
        fingerprints: dict[str, str] = {}
        questions: dict[str, str] = {}
        for student in students:
            try:
                if not force and not question and self._unchanged(assignment, student):
                    yield self._outcome(assignment, student, "unchanged", self._graded(assignment, student))
                else:
                    recorded = bool(question) and self._is_same_work(assignment, student)
                    fingerprints[student] = self._fingerprint(assignment, student)
                    job = self._job(assignment, student)
                    before = self._graded(assignment, student) if recorded else None
                    if before is not None and same_answers(before, framed(job)):
                        job.settings["ExecuteCells"]["question"] = questions[student] = question
                    jobs[student] = job
            except Exception as error:  # no submission stops the others, none ends without an outcome
                yield self._failed(assignment, student, error)
        for student, executed in run(execute, jobs, self._pool, silent):
            try:
                if isinstance(executed, BaseException):
                    raise executed
                fingerprint = fingerprints[student]
                yield self._grade_one(assignment, student, executed, fingerprint, questions.get(student, ""))
            except Exception as error:
                yield self._failed(assignment, student, error)

    def _pool(self) -> Executor:
        if self.scheduler is None:
            return pool(self.workers, self.sandbox)
        from cnnlab.grading.cluster import cluster  # only who has a cluster has installed Dask

        return cluster(self.scheduler)

    def _failed(self, assignment: str, student: str, error: Exception) -> Outcome:
        reason = in_a_sentence(error) or f"{type(error).__name__}: {error}."
        try:
            self._withdraw(assignment, student)
        except Exception:  # the database is gone: the grade is as it was, and the next run grades it again
            reason += " Its old score, if it had one, could not be withdrawn."
        return Outcome(assignment, student, "needs attention", reason)

    def export(self) -> Path:
        """Write every grade to `grades.csv`, as `nbgrader export` does."""
        exporter = QuotedCsvExport(config=self.config)
        exporter.to = str(self.root / "grades.csv")
        with self._gradebook() as gradebook, captured_log(exporter):
            exporter.export(gradebook)
        return Path(exporter.to)

    def _unchanged(self, assignment: str, student: str) -> bool:
        """Whether what was graded last is what lies there now, and in this gradebook."""
        if not self._on_record(assignment, student):
            return False
        return self._record(assignment, student).read_text() == self._fingerprint(assignment, student)

    def _on_record(self, assignment: str, student: str) -> bool:
        """Whether it has been graded to the end, and in this gradebook."""
        record = self._record(assignment, student)
        if not record.is_file() or record.read_text().startswith(UNFINISHED):
            return False
        with self._gradebook() as gradebook, suppress(MissingEntry):
            gradebook.find_submission_notebook(assignment, assignment, student)
            return True
        return False

    def _is_same_work(self, assignment: str, student: str) -> bool:
        """Whether what was graded last has not been handed in anew, whatever became of the checks."""
        if not self._on_record(assignment, student):
            return False
        graded_last = self._record(assignment, student).read_text().split()[1:]
        return graded_last == [submission_digest(self._submitted(assignment, student))]

    def _fingerprint(self, assignment: str, student: str) -> str:
        return fingerprint(self._submitted(assignment, student), self.released(assignment))

    def _submitted(self, assignment: str, student: str) -> Path:
        return self.root / "submitted" / student / assignment

    def _job(self, assignment: str, student: str) -> Job:
        """The submission as a job; an `InputError` when there is nothing in it that could be graded."""
        if why := self.books.refusal(student):
            raise InputError(why)
        folder, released = self._submitted(assignment, student), self.released(assignment)
        if self._record(assignment, student).is_file():
            # A run that ends here leaves the grade of that work: it must not pass for one of this.
            graded_last = self._record(assignment, student).read_text().split()[1:]
            self._put_on_record(assignment, student, " ".join([UNFINISHED, *graded_last]))
        notebook = check_submission(folder, released)
        settings = {name: dict(self.config[name]) for name in ("Execute", "ExecuteCells")}
        return Job(
            json.dumps(notebook),
            released.read_text(encoding="utf-8"),
            other_files(folder, find_notebook(folder, released.name).name),
            settings,
            checks_digest(),
        )

    def _grade_one(
        self, assignment: str, student: str, executed: Executed, fingerprint: str, question: str
    ) -> Outcome:
        """Write the grade of an executed submission, or of one question of it.

        The fingerprint is of what was executed: what has come since is graded next time.
        """
        notebook = nbformat.from_dict(json.loads(executed.notebook))
        if question:
            notebook = with_one_question(self._graded(assignment, student), notebook, question)
        self.config.SaveScores.question = question
        with self.books.transaction(), self._empty_folder() as prepared:
            target = prepared / student / assignment
            repairs = prepare(self._submitted(assignment, student), self.released(assignment), target)
            log = convert(
                Autograde, self.config, assignment, student, submitted=str(prepared), executed=notebook
            )
            convert(GenerateFeedback, self.config, assignment, student)
        self._put_on_record(assignment, student, fingerprint)
        outcome = self._outcome(assignment, student, "graded", notebook)
        outcome.notes.extend(repairs)
        outcome.notes.extend(line.removeprefix(NOTE) for line in log.splitlines() if line.startswith(NOTE))
        outcome.notes.extend(executed.notes)
        return outcome

    @contextmanager
    def _empty_folder(self) -> Iterator[Path]:
        """For one submission at a time, always the same: what a killed run has left goes with the next."""
        folder = self.root / ".prepared"
        shutil.rmtree(folder, ignore_errors=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _graded(self, assignment: str, student: str) -> Any:
        """The notebook as it was graded last, or None."""
        return graded_notebook(self.root, assignment, student)

    def _record(self, assignment: str, student: str) -> Path:
        """Holds the fingerprint of what was graded last; not in a folder that nbgrader deletes."""
        return self.root / "graded" / student / f"{assignment}.txt"

    def _put_on_record(self, assignment: str, student: str, text: str) -> None:
        record = self._record(assignment, student)
        record.parent.mkdir(parents=True, exist_ok=True)
        half = record.with_suffix(".part")
        half.write_text(text)
        os.replace(half, record)

    def _outcome(self, assignment: str, student: str, state: State, graded: Any | None) -> Outcome:
        """What the gradebook says of a notebook that has been graded."""
        with self._gradebook() as gradebook:
            grades = gradebook.find_submission_notebook(assignment, assignment, student).grades
            scores = {grade.name: None if grade.needs_manual_grade else grade.score for grade in grades}
            possible = {grade.name: grade.max_score for grade in grades}
        # The cells whose points a person has to give, and why, as recorded when they were graded.
        record = graded.metadata.get("cnnlab", {}).get("held back", {}) if graded else {}
        held = [f"{name}: {why}" for name, why in record.items()]
        waiting = [text for text in held if scores.get(text.partition(":")[0]) is None]
        state = "needs attention" if waiting else state
        return Outcome(assignment, student, state, "; ".join(waiting), scores=scores, max_scores=possible)

    def _withdraw(self, assignment: str, student: str) -> None:
        """Leave the submission in the gradebook without an automatic score and without old feedback."""
        self._record(assignment, student).unlink(missing_ok=True)
        for step in ("autograded", "feedback"):
            shutil.rmtree(self.root / step / student / assignment, ignore_errors=True)
        if self.books.refusal(student):  # then it never had a score
            return
        with self.books.transaction(), self._gradebook() as gradebook, without_remarks():
            gradebook.update_or_create_student(student)
            when = handed_in(self._submitted(assignment, student))  # or points by hand had no late penalty
            gradebook.update_or_create_submission(
                assignment, student, **({"timestamp": when} if when else {})
            )
            try:
                grades = gradebook.find_submission_notebook(assignment, assignment, student).grades
            except MissingEntry:
                return
            for grade in grades:
                grade.auto_score, grade.needs_manual_grade = None, True
            gradebook.db.commit()

    def _gradebook(self) -> Any:
        return self.books.open()
