"""Honest accidents around the notebook: who hands in, when, how often, and what lies beside it."""

import nbformat
from corpus.making import LATE, Sample, Work, everything, made_in, sample
from sample_class import build

IDS = "student ids with spaces, quotes, accents, `..`"
EMPTY = 'empty submission (0, "not attempted")'
EXTRA = "extra files, extra notebooks (ignored, noted)"
TWICE = "a second submission of the same student"


def _id(name: str, student: str) -> Sample:
    @sample(IDS, "K", name=name, student=student, why=f"Right answers of a student called {student!r}.")
    def make(work: Work) -> None:
        pass

    return make


NAMES = (
    _id("id_with_spaces", "Mary  Ann Smith"),
    _id("id_with_quotes", 'o\'neil "bob" `x`, jr'),
    _id("id_with_accents", "zoë-łukasz-李"),
    _id("id_decomposed", "zoe\u0308"),
    _id("id_with_dots", "..anna..."),
    _id("id_with_patterns", "{student} [*] %s ?"),
    _id("id_with_a_dash", "--force"),
    _id("id_for_a_shell", "$(touch cnnlab-corpus-was-here);x"),
    _id("id_with_markup", "<b>bold & <br>"),
    _id("id_for_a_database", "x'); DROP TABLE grade;--"),
    _id("id_that_is_long", "x" * 200),
)


@sample(EMPTY, zero=everything("label_smoothing"), cause=r"not attempted|not implemented")
def untouched(work: Work) -> None:
    """Handed in as it was handed out."""
    work.notebook = work.template


@sample(EMPTY, zero=everything("batch_norm"), assignment="batch_norm", cause=r"not attempted|not implemented")
def untouched_batch_norm(work: Work) -> None:
    """Handed in as it was handed out, where checks share a function."""
    work.notebook = work.template


@sample(EMPTY, "A", cause=r"there is no label_smoothing\.ipynb|empty")
def empty_folder(work: Work) -> None:
    """A folder with nothing in it."""
    work.notebook = None


@sample(EMPTY, "A", cause=r"no cell of the released notebook|empty")
def no_cells(work: Work) -> None:
    """A notebook without a cell."""
    work.notebook.cells = []


@sample("late (penalty once, by policy)", "K", received=LATE)
def late(work: Work) -> None:
    """Right answers, two days after the due date."""


@sample(EXTRA, "K", cause=r"notes\.txt")
def extra_files(work: Work) -> None:
    """Files that nobody asked for, in names and folders of all kinds."""
    for name in (
        "notes.txt",
        "data/run 1.csv",
        ".ipynb_checkpoints/label_smoothing-checkpoint.ipynb",
        "ünï.md",
    ):
        work.file(name, "mine\n")


@sample(EXTRA, "K", cause=r"scratch\.ipynb")
def extra_notebooks(work: Work) -> None:
    """A second notebook, of the student's own, that would never end."""
    scratch = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("while True:\n    pass", id="mine-0")]
    )
    nbformat.write(scratch, work.folder / "scratch.ipynb")


@sample(EXTRA, "K")
def helper_module(work: Work) -> None:
    """The answers use a module of the student's own that lies beside the notebook."""
    work.file("my_helpers.py", work.right[build.HELPERS])
    helpers = work.right[build.HELPERS]
    answer = work.graded("smooth_labels")
    work.cell("from my_helpers import _log_softmax, _smoothed", before="smooth_labels")
    answer.source = answer.source.removeprefix(helpers)


def _corrected(work: Work) -> None:
    """Everything right."""


def _worse(work: Work) -> None:
    work.wrong("smooth_labels")


@sample(TWICE, "K", again=_corrected)
def second_submission_is_better(work: Work) -> None:
    """First a wrong answer, then a right one: the second counts, and nothing of the first is left."""
    work.wrong("smooth_labels")


@sample(TWICE, zero="targets", cause=r"q has wrong values", again=_worse)
def second_submission_is_worse(work: Work) -> None:
    """First a right answer, then a wrong one: the second counts."""


def _broken(work: Work) -> None:
    work.notebook = None
    work.path.write_bytes(b"")


@sample(TWICE, "A", cause=r"empty, 0 bytes", again=_broken)
def second_submission_is_broken(work: Work) -> None:
    """First a right answer, then an empty file: no stale score."""


HANDING_IN = made_in(globals())
