"""Honest accidents: what happens to right answers on their way from a student's head to the grader."""

import json
from collections.abc import Callable
from typing import Any

import nbformat
from corpus.making import Sample, Work, made_in, sample
from nbformat import v3
from sample_class import build

CELLS = "cells deleted, duplicated, split, reordered, retyped (restored, K)"
FILE = "missing or renamed notebook, wrong kernel, nbformat 3, notebook never run (K with a note)"
BYTES = "truncated JSON, 0 bytes, UTF-16 (A)"
BOM = "BOM (repaired, K)"
WARNING = "warning on stderr with the right answer (K)"
UNUSUAL = "honest code of unusual kinds"


def _happened(item: str, happened: Callable[[Any, tuple[str, ...]], None], cause: str = "") -> Sample:
    """An accident that the sample class knows."""

    @sample(item, "K", cause=cause, name=happened.__name__, why=str(happened.__doc__))
    def make(work: Work) -> None:
        happened(work.notebook, build.ASSIGNMENTS[work.assignment])

    return make


KNOWN = (
    _happened(WARNING, build.warning_on_stderr),
    _happened(CELLS, build.deleted_test_cell, r"check_targets was missing and has been put back"),
    _happened(CELLS, build.duplicated_cell, r"pytorch_epsilon was there 2 times"),
    _happened(CELLS, build.retyped_and_moved),
)


@sample(WARNING, "K")
def python_warnings(work: Work) -> None:
    """Right answers that raise a Python warning each, and a log message."""
    warning = "import logging, warnings; warnings.warn('slow'); logging.warning('really')"
    for function in build.ASSIGNMENTS[work.assignment]:
        work.first_line(function, warning)


@sample(UNUSUAL, "K")
def compared_with_the_library(work: Work) -> None:
    """A cell compares with PyTorch's loss, by the set-up's torch and a device that the answers name too."""
    work.cell("DEVICE = 'cuda' if torch.cuda.is_available() else 'cpu'\nONE = 1.0", before="smooth_labels")
    for function in build.ASSIGNMENTS[work.assignment]:
        work.first_line(function, "assert ONE and DEVICE")
    work.cell(
        """
        import torch.nn.functional as F

        logits = torch.randn(4, 5, device=DEVICE) * ONE
        print(F.cross_entropy(logits, torch.arange(4, device=DEVICE), label_smoothing=0.1 * ONE))
        help(torch.rand)
        """,
        before="label_smoothing_grad",
    )


@sample(CELLS, "K")
def split_answer(work: Work) -> None:
    """The first answer is spread over three cells, its helpers in one of their own."""
    answer = work.graded("smooth_labels")
    helpers = work.right[build.HELPERS]
    work.cell(helpers, before="smooth_labels")
    answer.source = answer.source.removeprefix(helpers)
    work.cell("smooth_labels = smooth_labels  # looks right", before="check_targets")


@sample(CELLS, "K")
def reordered_questions(work: Work) -> None:
    """The questions stand in the opposite order, each check above its answer, the set-up on top."""
    notebook = work.notebook
    setup = notebook.cells.index(work.graded("setup")) + 1
    notebook.cells[setup:] = notebook.cells[setup:][::-1]
    helpers = work.right[build.HELPERS]  # still above what uses them, as a student would see to it
    work.graded("smooth_labels").source = work.graded("smooth_labels").source.removeprefix(helpers)
    notebook.cells.insert(setup, nbformat.v4.new_code_cell(helpers, id="mine-helpers"))


@sample(CELLS, "K")
def everything_in_one_cell(work: Work) -> None:
    """All answers in a new cell at the top; the given cells are gone, but for the written answer."""
    names = build.ASSIGNMENTS[work.assignment]
    source = "\n\n".join(work.graded(name).source for name in names)
    work.notebook.cells = [work.graded("setup"), work.graded("written")]
    work.cell(source, before="written")


@sample(CELLS, "K")
def cells_without_metadata(work: Work) -> None:
    """An editor has dropped every cell's metadata; the cell ids are left."""
    for cell in work.notebook.cells:
        cell.metadata = {}


@sample(FILE, "A", cause=r"there is no label_smoothing\.ipynb")
def missing_notebook(work: Work) -> None:
    """A screenshot was handed in."""
    (work.folder / "Screenshot.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    work.notebook = None


@sample(FILE, "K", cause=r"label_smoothing \(1\) FINAL\.ipynb")
def renamed_notebook(work: Work) -> None:
    """The only notebook, under the name that a browser and a student gave it."""
    work.save()
    work.path.rename(work.folder / "label_smoothing (1) FINAL.ipynb")


@sample(FILE, "K")
def wrong_kernel(work: Work) -> None:
    """The notebook asks for a kernel that is not here."""
    work.notebook.metadata["kernelspec"] = {"name": "ir", "display_name": "R", "language": "R"}
    work.notebook.metadata["language_info"] = {"name": "R"}


@sample(FILE, "K")
def kernel_of_ones_own(work: Work) -> None:
    """The notebook asks for the student's conda environment."""
    work.notebook.metadata["kernelspec"] = {
        "name": "conda-env-dl-py",
        "display_name": "dl",
        "language": "python",
    }


@sample(FILE, "K", cause=r"nbformat 3|format 3|older format")
def nbformat_3(work: Work) -> None:
    """The notebook was saved in the format of 2013, which has no cell ids."""
    old = nbformat.convert(work.notebook, 3)  # in place
    work.notebook = None
    work.path.write_text(v3.writes_json(old), encoding="utf-8")


@sample(FILE, "K", cause=r"never (been )?run|not been run|no outputs?")
def never_run(work: Work) -> None:
    """Right answers in a notebook without a single output."""


@sample(FILE, "K")
def nbformat_from_the_future(work: Work) -> None:
    """A newer editor wrote a minor version and fields that we do not know."""
    work.notebook.nbformat_minor = 99
    document = json.loads(nbformat.v4.writes(work.notebook)) | {"something_new": {"a": 1}}
    work.notebook = None
    work.path.write_text(json.dumps(document), encoding="utf-8")


@sample(BYTES, "A", cause=r"not complete JSON")
def truncated(work: Work) -> None:
    """The upload broke off in the middle."""
    text = work.text()
    work.path.write_text(text[: len(text) // 2], encoding="utf-8")


@sample(BYTES, "A", cause=r"empty, 0 bytes")
def zero_bytes(work: Work) -> None:
    """A file of the right name with nothing in it."""
    work.notebook = None
    work.path.touch()


@sample(BYTES, "A", cause=r"not UTF-8")
def utf_16(work: Work) -> None:
    """An editor saved the notebook in UTF-16."""
    text = work.text()
    work.path.write_bytes(text.encode("utf-16"))


@sample(BYTES, "A", cause=r"not a Jupyter notebook|not complete JSON")
def nested_too_deep(work: Work) -> None:
    """Valid JSON that no parser gets to the end of."""
    work.notebook = None
    work.path.write_text("[" * 100_000 + "]" * 100_000)


@sample(BYTES, "A", cause=r"not a Jupyter notebook|not UTF-8|not complete JSON")
def a_word_document(work: Work) -> None:
    """A file of another kind, renamed."""
    work.notebook = None
    work.path.write_bytes(b"PK\x03\x04" + bytes(range(256)) * 20)


@sample(BOM, "K")
def byte_order_mark(work: Work) -> None:
    """An editor put a byte order mark in front."""
    text = work.text()
    work.path.write_bytes(b"\xef\xbb\xbf" + text.encode())


ACCIDENTS = made_in(globals())
